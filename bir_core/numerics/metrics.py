"""How good a model is, with intervals. Numpy only: the dashboard's server, which must stay small, imports it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bir_core.numerics import proportion
from bir_core.records import Flags, Floats, Integers


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
    half = proportion.Z * math.sqrt((better + worse - centre**2) / size)
    return 100 * (gained - lost) / len(first), 100 * max(-1.0, centre - half), 100 * min(1.0, centre + half)


def confusion(labels: Integers, predictions: Integers, num_classes: int) -> NDArray[np.int64]:
    """(L, L) counts; row = true label, column = predicted."""
    flat = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes).astype(np.int64)


def precision_recall(chosen: Integers, positives: Flags) -> tuple[float | None, float | None]:
    """(share of the chosen that are positive, share of the positives that are chosen); None where there are none."""
    hits = int(positives[chosen].sum())
    total = int(positives.sum())
    return (hits / len(chosen) if len(chosen) else None), (hits / total if total else None)


CALIBRATION_BINS = 15


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Predictions whose confidence lies in (low, high], the first bin with its lower bound too.

    Attributes:
        num: how many there are.
        confidence: their mean highest probability, in 0..1; None where there are none.
        accuracy: share of them that is right, in 0..1; None where there are none.
    """

    low: float
    high: float
    num: int
    confidence: float | None
    accuracy: float | None


def reliability(probabilities: Floats, labels: Integers, num_bins: int = CALIBRATION_BINS) -> list[CalibrationBin]:
    """How often a model is right when it is so sure: predictions in bins of equal width by their highest probability.

    Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017), section 2.

    Args:
        probabilities: (N, L) of N test images, rows sum to 1.
        labels: (N,) true labels.
        num_bins: how many bins [0, 1] is cut into.
    """
    confidences = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    places = np.clip(np.ceil(confidences * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    found = []
    for place in range(num_bins):
        here = places == place
        num = int(here.sum())
        found.append(
            CalibrationBin(
                low=place / num_bins,
                high=(place + 1) / num_bins,
                num=num,
                confidence=float(confidences[here].mean()) if num else None,
                accuracy=float(correct[here].mean()) if num else None,
            )
        )
    return found


def calibration_error(bins: list[CalibrationBin]) -> float:
    """Expected calibration error (Guo 2017) in 0..1, lower = better: mean |accuracy - confidence|, bins by their size.

    Raises:
        ValueError: there are no predictions.
    """
    total = sum(one.num for one in bins)
    if total == 0:
        raise ValueError("the calibration of no predictions is undefined")
    gaps = (
        one.num * abs(one.accuracy - one.confidence)
        for one in bins
        if one.accuracy is not None and one.confidence is not None
    )
    return sum(gaps) / total
