import numpy as np
import pytest
from scipy import stats

from bir_core.numerics import agreement


def ranks(*order: int) -> np.ndarray:
    """Ranks of samples from their order, the most suspect first."""
    found = np.empty(len(order), dtype=np.uint32)
    found[list(order)] = np.arange(1, len(order) + 1)
    return found


def random_ranks(seed: int, num: int = 300) -> np.ndarray:
    return ranks(*np.random.default_rng(seed).permutation(num).tolist())


def test_overlap_by_hand() -> None:
    """Top 3 of the first: 4, 0, 2; of the second: 0, 5, 4."""
    found = agreement.overlap(ranks(4, 0, 2, 1, 3, 5), ranks(0, 5, 4, 1, 2, 3), 3)
    assert found == agreement.Overlap(both=2, only_first=1, only_second=1, neither=2)
    assert found.jaccard == 2 / 4


@pytest.mark.parametrize("top", [0, 1, 7, 150, 299, 300, 1000])
def test_overlap_is_that_of_sets(top: int) -> None:
    first, second = random_ranks(0), random_ranks(1)
    one, other = (set(np.flatnonzero(found <= top).tolist()) for found in (first, second))
    found = agreement.overlap(first, second, top)
    assert (found.both, found.only_first, found.only_second) == (len(one & other), len(one - other), len(other - one))
    assert found.neither == 300 - len(one | other)
    assert found.jaccard == (len(one & other) / len(one | other) if top else 1)


def test_overlap_of_a_part_adds_up_to_that_of_all() -> None:
    first, second = random_ranks(2), random_ranks(3)
    part = np.random.default_rng(4).random(300) < 0.3
    whole = agreement.overlap(first, second, 90)
    halves = [agreement.overlap(first[chosen], second[chosen], 90) for chosen in (part, ~part)]
    for name in ("both", "only_first", "only_second", "neither"):
        assert sum(getattr(half, name) for half in halves) == getattr(whole, name)


def test_a_ranking_agrees_with_itself_and_not_with_its_reverse() -> None:
    one = random_ranks(5)
    reverse = (301 - one).astype(np.uint32)
    assert agreement.overlap(one, one, 100).jaccard == 1
    assert agreement.overlap(one, reverse, 100).both == 0
    assert agreement.overlap(one, reverse, 200).both == 100


def test_shared_at_every_top_is_the_overlap_there() -> None:
    first, second, tops = random_ranks(6), random_ranks(7), np.arange(301)
    found = agreement.shared_at(first, second, tops)
    assert found.tolist() == [agreement.overlap(first, second, int(top)).both for top in tops]
    assert (found[0], found[-1]) == (0, 300)


def test_only_first_by_hand_in_its_order() -> None:
    first, second = ranks(4, 0, 2, 1, 3, 5), ranks(0, 5, 3, 1, 2, 4)
    assert agreement.only_first(first, second, 4).tolist() == [4, 2]
    assert agreement.only_first(second, first, 4).tolist() == [5, 3]
    assert agreement.only_first(first, first, 4).tolist() == []


def test_average_ranks_share_the_places_of_equal_scores() -> None:
    assert agreement.average_ranks(np.array([2.0, 5.0, 2.0, 9.0, 2.0])).tolist() == [4, 2, 4, 1, 4]
    assert agreement.average_ranks(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("digits", [0, 1, 12])
def test_spearman_is_scipys(digits: int) -> None:
    draw = np.random.default_rng(8)
    first = draw.normal(size=400)
    second = (first + draw.normal(size=400)).round(digits)
    expected = stats.spearmanr(first.round(digits), second).statistic
    assert agreement.spearman(first.round(digits), second) == pytest.approx(expected, abs=1e-12)


def test_spearman_knows_only_the_order() -> None:
    scores = np.random.default_rng(9).normal(size=50)
    assert agreement.spearman(scores, np.exp(scores)) == pytest.approx(1)
    assert agreement.spearman(scores, -(scores**3)) == pytest.approx(-1)
    assert agreement.spearman(scores, np.ones(50)) is None
