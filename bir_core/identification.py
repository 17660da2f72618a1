"""Pick the suspects by threshold or by rank: Scores -> Suspects. Numpy only."""

import numpy as np

from bir_core.errors import InputError
from bir_core.records import Doubles, Integers, Suspects


def identify(scores: Doubles, *, threshold: float, top_k: int | None = None) -> Suspects:
    """The samples whose score exceeds the threshold, or the K highest; none is a fair answer.

    Args:
        scores: (N,) higher = more suspect.
        threshold: in force unless ``top_k`` is given; the paper recommends log 1.05 (section 4.1).
        top_k: how many to take instead.

    Raises:
        InputError: ``top_k`` is negative or larger than N.
    """
    order = rank(scores)
    if top_k is None:
        chosen = order[: int((scores > threshold).sum())]
        return Suspects(indices=chosen, rule="threshold", threshold=threshold)
    if not 0 <= top_k <= len(scores):
        raise InputError(f"top_k must lie between 0 and the {len(scores)} scored samples, got {top_k}")
    chosen = order[:top_k]
    return Suspects(indices=chosen, rule="top_k", threshold=float(scores[chosen[-1]]) if top_k else None)


def rank(scores: Doubles) -> Integers:
    """(N,) positions from most to least suspect; ties keep data-set order."""
    return np.argsort(-scores, kind="stable").astype(np.int64)
