"""Samples dealt into folds, class by class. No torch here."""

import numpy as np

from bir_core.records import Integers


def deal(labels: Integers, folds: int, *, seed: int) -> Integers:
    """(N,) the fold, 0 to ``folds`` - 1, of every sample: each class is shuffled and dealt out evenly."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    dealt = np.empty(len(labels), dtype=np.int64)
    dealt[order] = np.arange(len(labels)) % folds
    return dealt
