"""Draws that are fair to every class."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bir_core.numerics import sampling
from bir_core.records import Integers


@given(labels=st.lists(st.integers(0, 4), max_size=60), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_every_beginning_is_of_all_classes_alike(labels: list[int], share: float, seed: int) -> None:
    classes = np.array(labels, dtype=np.int64)
    order = sampling.by_class_in_turn(classes, seed=seed)
    assert np.array_equal(np.sort(order), np.arange(len(classes)))
    chosen = order[: round(share * len(classes))]
    there, drawn = np.bincount(classes, minlength=5), np.bincount(classes[chosen], minlength=5)
    # Where a class has images left, no other class has got more than one image more than it.
    assert all(drawn[label] == there[label] or drawn.max() - drawn[label] <= 1 for label in range(5))


@given(labels=st.lists(st.sampled_from([0, 0, 0, 0, 1, 1, 2]), max_size=60), seed=st.integers(0, 2**32))
def test_every_beginning_has_the_same_share_of_all_classes(labels: list[int], seed: int) -> None:
    classes = np.array(labels, dtype=np.int64)
    order, there = sampling.in_proportion(classes, seed=seed), np.bincount(classes, minlength=3)
    assert np.array_equal(np.sort(order), np.arange(len(classes)))
    for length in range(len(classes) - np.count_nonzero(there) + 1):
        drawn = np.bincount(classes[order[:length]], minlength=3)
        assert (drawn[there > 0] < there[there > 0]).all()
        # Whoever has one to spare is not behind another by more than half a sample of each.
        for behind in np.flatnonzero(drawn < there - 1):
            for other in np.flatnonzero(drawn):
                assert (drawn[other] - 0.5) / there[other] <= (drawn[behind] + 0.5) / there[behind]


@pytest.mark.parametrize("draw", [sampling.by_class_in_turn, sampling.in_proportion])
def test_orders_differ_by_seed_and_repeat(draw: Callable[..., Integers]) -> None:
    classes = np.arange(100, dtype=np.int64) % 10
    first, again, other = (draw(classes, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
