"""How good a model or a ranking is, with intervals. Numpy and SciPy only."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bir_core.numerics import proportion
from bir_core.numerics.proportion import CONFIDENCE
from bir_core.records import Doubles, Flags, Integers


def accuracy(correct: Flags) -> tuple[float, float, float]:
    """(accuracy, low, high) in percent from (N,) flags; the 95 % interval is Wilson's (1927).

    Raises:
        ValueError: there are no flags.
    """
    if len(correct) == 0:
        raise ValueError("accuracy of no samples is undefined")
    hits = int(correct.sum())
    low, high = proportion.wilson(hits, len(correct))
    return 100 * hits / len(correct), 100 * low, 100 * high


def paired_difference(first: Flags, second: Flags) -> tuple[float, float, float]:
    """(difference, low, high) in percentage points of two models on the same test images; positive = first is better.

    The interval is Bonett and Price's adjusted Wald interval for paired proportions (2012).
    """
    gained, lost = int((first & ~second).sum()), int((~first & second).sum())
    size = len(first) + 2
    better, worse = (gained + 1) / size, (lost + 1) / size
    centre = better - worse
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt((better + worse - centre**2) / size)
    return 100 * (gained - lost) / len(first), 100 * max(-1.0, centre - half), 100 * min(1.0, centre + half)


def confusion(labels: Integers, predictions: Integers, num_classes: int) -> NDArray[np.int64]:
    """(L, L) counts; row = true label, column = predicted."""
    flat = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes).astype(np.int64)


def ranking_auc(scores: Doubles, positives: Flags) -> float | None:
    """Area under the ROC curve, ties by average rank, in 0..1; None when only one kind of sample is there.

    It is the Mann-Whitney statistic over the number of pairs: the chance that a positive scores higher.
    """
    if positives.all() or not positives.any():
        return None
    first, second = scores[positives], scores[~positives]
    return float(stats.mannwhitneyu(first, second, method="asymptotic").statistic) / (len(first) * len(second))


def precision_recall(chosen: Integers, positives: Flags) -> tuple[float | None, float | None]:
    """(share of the chosen that are positive, share of the positives that are chosen); None where there are none."""
    hits = int(positives[chosen].sum())
    total = int(positives.sum())
    return (hits / len(chosen) if len(chosen) else None), (hits / total if total else None)
