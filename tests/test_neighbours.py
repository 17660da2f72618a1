"""Votes of neighbours by hand, and Shapley values against their definition."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from bir_core.numerics import neighbours
from bir_core.records import Doubles, Floats, Integers


def column(*values: float) -> Floats:
    return np.array(values, dtype=np.float32)[:, None]


def test_disagreement_by_hand() -> None:
    """On a line at 0, 1, 3, 7: the two nearest of each are {1, 3}, {0, 3}, {1, 0}, {3, 1}."""
    shares = neighbours.disagreement(column(0, 1, 3, 7), np.array([0, 0, 1, 1]), 2)
    assert shares.tolist() == [0.5, 0.5, 1.0, 0.5]
    assert shares.dtype == np.float64


def test_equally_far_neighbours_vote_in_their_order() -> None:
    """0 lies between -1 and 1; 3 points on one spot see each other first, and of the far ones the earlier."""
    assert neighbours.disagreement(column(0, 1, -1), np.array([0, 1, 0]), 1)[0] == 1.0
    assert neighbours.disagreement(column(0, -1, 1), np.array([0, 0, 1]), 1)[0] == 0.0
    points, labels = column(5, 5, 5, 0, 10), np.array([0, 0, 0, 1, 0])
    assert neighbours.disagreement(points, labels, 3)[:3].tolist() == [1 / 3] * 3


def brute_force_values(train: tuple[Floats, Integers], queries: tuple[Floats, Integers], count: int) -> Doubles:
    """The definition: mean over all subsets of the others, by size, of what the sample adds to the votes."""
    num = len(train[1])

    def worth(members: tuple[int, ...], query: int) -> float:
        near = sorted(members, key=lambda member: float(np.linalg.norm(train[0][member] - queries[0][query])))
        return sum(float(train[1][member] == queries[1][query]) for member in near[:count]) / count

    values = np.zeros(num)
    for sample in range(num):
        others = [other for other in range(num) if other != sample]
        for size in range(num):
            for members in combinations(others, size):
                for query in range(len(queries[1])):
                    gain = worth((*members, sample), query) - worth(members, query)
                    values[sample] += gain / (num * comb(num - 1, size) * len(queries[1]))
    return values


def game(num: int = 6) -> tuple[tuple[Floats, Integers], tuple[Floats, Integers]]:
    draw = np.random.default_rng(3)
    train = draw.random((num, 2), dtype=np.float32), draw.integers(0, 2, num)
    queries = draw.random((3, 2), dtype=np.float32), draw.integers(0, 2, 3)
    return train, queries


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_shapley_values_equal_their_definition(count: int) -> None:
    train, queries = game()
    expected = brute_force_values(train, queries, count)
    np.testing.assert_allclose(neighbours.shapley_values(train, queries, count), expected, atol=1e-12)
    assert np.abs(expected).max() > 0.01


def test_shapley_values_add_up_to_the_worth_of_all() -> None:
    (features, labels), (wanted, truth) = game(40)
    distances = np.linalg.norm(features[None] - wanted[:, None], axis=2)
    nearest = np.argsort(distances, axis=1)[:, :5]
    values = neighbours.shapley_values((features, labels), (wanted, truth), 5)
    assert values.sum() == pytest.approx((labels[nearest] == truth[:, None]).mean())


def test_parts_change_nothing_and_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (features, labels), (wanted, truth) = game(40)
    told: list[tuple[int, int]] = []

    def both() -> tuple[Doubles, Doubles]:
        return (
            neighbours.disagreement(features, labels, 5, progress=lambda *at: told.append(at)),
            neighbours.shapley_values((features, labels), (wanted, truth), 5),
        )

    whole = both()
    assert told == [(40, 40)]
    monkeypatch.setattr(neighbours, "DISTANCES_HELD", 40 * 7)
    parts = both()
    assert told[1:] == [(7, 40), (14, 40), (21, 40), (28, 40), (35, 40), (40, 40)]
    assert np.array_equal(whole[0], parts[0])
    np.testing.assert_allclose(whole[1], parts[1], atol=1e-15)
