import numpy as np
import pytest

from bir_core.numerics import similarity


def test_cosines_are_those_of_a_dense_reference() -> None:
    draw = np.random.default_rng(0)
    feature, others = draw.normal(size=5).astype(np.float32), draw.normal(size=(40, 5)).astype(np.float32)
    expected = []
    for other in others:
        angle = sum(float(a) * float(b) for a, b in zip(feature, other, strict=True))
        expected.append(angle / (sum(float(a) ** 2 for a in feature) * sum(float(b) ** 2 for b in other)) ** 0.5)
    np.testing.assert_allclose(similarity.cosines(feature, others), expected, rtol=1e-12)


def test_closed_forms() -> None:
    others = np.array([[3, 0], [0, 2], [-1, 0], [1, 1], [0, 0]], dtype=np.float32)
    found = similarity.cosines(np.array([2, 0], dtype=np.float32), others)
    np.testing.assert_allclose(found, [1, 0, -1, 0.5**0.5, 0], atol=1e-15)
    assert not similarity.cosines(np.zeros(2, dtype=np.float32), others).any()


def test_length_does_not_matter_and_the_bounds_hold() -> None:
    draw = np.random.default_rng(1)
    feature, others = draw.normal(size=7).astype(np.float32), draw.normal(size=(30, 7)).astype(np.float32)
    found = similarity.cosines(feature, others)
    np.testing.assert_allclose(similarity.cosines(feature * 9, others * 0.5), found, atol=1e-6)
    assert (np.abs(similarity.cosines(feature, np.tile(feature, (3, 1)))) <= 1).all()


@pytest.mark.parametrize("count", [0, 1, 4, 100])
def test_nearest_are_the_first_of_all_sorted(count: int) -> None:
    draw = np.random.default_rng(2)
    feature, others = draw.normal(size=6).astype(np.float32), draw.normal(size=(50, 6)).astype(np.float32)
    candidates = np.flatnonzero(np.arange(50) % 3 == 1)
    chosen, found = similarity.nearest(feature, others, candidates, count)
    expected = sorted(candidates, key=lambda row: -similarity.cosines(feature, others)[row])[:count]
    assert chosen.tolist() == [int(row) for row in expected]
    np.testing.assert_allclose(found, similarity.cosines(feature, others)[chosen], atol=1e-12)


def test_equal_cosines_stay_in_order_and_nobody_is_nobody() -> None:
    others = np.ones((5, 3), dtype=np.float32)
    assert similarity.nearest(others[0], others, np.array([4, 2, 3]), 2)[0].tolist() == [4, 2]
    assert similarity.nearest(others[0], others, np.array([], dtype=np.int64), 2)[0].tolist() == []
