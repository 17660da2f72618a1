"""Draws that are fair to every class."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bir_core.numerics import sampling


@given(labels=st.lists(st.integers(0, 4), max_size=60), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_every_beginning_is_of_all_classes_alike(labels: list[int], share: float, seed: int) -> None:
    classes = np.array(labels, dtype=np.int64)
    order = sampling.by_class_in_turn(classes, seed=seed)
    assert np.array_equal(np.sort(order), np.arange(len(classes)))
    chosen = order[: round(share * len(classes))]
    there, drawn = np.bincount(classes, minlength=5), np.bincount(classes[chosen], minlength=5)
    # Where a class has images left, no other class has got more than one image more than it.
    assert all(drawn[label] == there[label] or drawn.max() - drawn[label] <= 1 for label in range(5))


def test_orders_differ_by_seed_and_repeat() -> None:
    classes = np.arange(100, dtype=np.int64) % 10
    first, again, other = (sampling.by_class_in_turn(classes, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
