"""Draws that are fair to every class. NumPy only."""

import numpy as np

from bir_core.records import Integers


def deal(labels: Integers, folds: int, *, seed: int) -> Integers:
    """(N,) the fold, 0 to ``folds`` - 1, of every sample: each class is shuffled and dealt out evenly."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    dealt = np.empty(len(labels), dtype=np.int64)
    dealt[order] = np.arange(len(labels)) % folds
    return dealt


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


def in_proportion(labels: Integers, *, seed: int) -> Integers:
    """(N,) positions in a random order: every beginning of it has the same share of each class, to half a sample.

    One sample of each class comes after all others, so that a class is used up only where nothing else is left.

    Args:
        labels: (N,) classes.
        seed: of the order.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    share = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        share[members] = (np.arange(len(members)) + 0.5) / len(members)
        share[members[-1]] = np.inf
    order: Integers = shuffled[np.argsort(share[shuffled], kind="stable")].astype(np.int64)
    return order
