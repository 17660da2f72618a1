"""Draws that are fair to every class. NumPy only."""

import numpy as np

from bir_core.records import Integers


def by_class_in_turn(labels: Integers, *, seed: int) -> Integers:
    """(N,) positions in a random order in which classes take turns: every beginning of it is as balanced as can be.

    Args:
        labels: (N,) classes.
        seed: of the order.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    turn = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        turn[members] = np.arange(len(members))
    order: Integers = shuffled[np.argsort(turn[shuffled], kind="stable")].astype(np.int64)
    return order
