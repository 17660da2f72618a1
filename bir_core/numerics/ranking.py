"""How well a score ranks. NumPy, and SciPy only where it is called: the dashboard asks for the rest."""

from typing import Any

import numpy as np

from bir_core.records import Doubles, Flags


def ranking_auc(scores: Doubles, positives: Flags) -> float | None:
    """Area under the ROC curve, ties by average rank, in 0..1; None when only one kind of sample is there.

    It is the Mann-Whitney statistic over the number of pairs: the chance that a positive scores higher.
    """
    from scipy import stats

    if positives.all() or not positives.any():
        return None
    first, second = scores[positives], scores[~positives]
    return float(stats.mannwhitneyu(first, second, method="asymptotic").statistic) / (len(first) * len(second))


def average_precision(scores: Doubles, positives: Flags) -> float | None:
    """Mean over the positives of the precision at each one's rank, in 0..1; None when only one kind of sample is there.

    Samples with equal scores are taken together, at the precision that all of them give: an order by chance would
    change the figure.
    """
    if positives.all() or not positives.any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positives[order])
    last_of_ties = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    precision = hits[last_of_ties] / (last_of_ties + 1)
    found = np.diff(hits[last_of_ties], prepend=0)
    return float((precision * found).sum() / hits[-1])


def detection_figures(scores: Doubles, positives: Flags, threshold: float | None) -> dict[str, Any]:
    """How well a detector's scores find the positives: AUC, average precision, recall at K, number above a threshold.

    Args:
        scores: (N,) higher = more suspect.
        positives: (N,) which samples are truly detrimental, K of them; without any, the figures about them are None.
        threshold: the detector's own, None when it has none.
    """
    num = int(positives.sum())
    top = np.argsort(-scores, kind="stable")[:num]
    return {
        "auc": ranking_auc(scores, positives),
        "average_precision": average_precision(scores, positives),
        "recall_at_k": float(positives[top].mean()) if num else None,
        "num_above_threshold": None if threshold is None else int((scores > threshold).sum()),
        "threshold": threshold,
    }
