"""Two or more models on the same untouched test images: accuracies, paired differences, what changed. No torch here.

Shapes: N test samples, L classes. Accuracies and differences are in percent, *higher = better*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bir_core.numerics import metrics
from bir_core.records import Flags, Floats, Integers

GROUPS = ("all", "clean", "noisy")
MOST_CONFUSED = 100
"""Classes: figures of more of them come without a confusion matrix, which would be most of a report."""


def group_flags(labels: Integers, noisy_classes: Sequence[int]) -> dict[str, Flags]:
    """Which test samples count for "all", "clean" and "noisy"; without noisy classes only "all" has any."""
    noisy = np.isin(labels, np.asarray(noisy_classes, dtype=np.int64))
    nothing = np.zeros(len(labels), dtype=np.bool_)
    return {
        "all": np.ones(len(labels), dtype=np.bool_),
        "clean": ~noisy if len(noisy_classes) else nothing,
        "noisy": noisy,
    }


def model_figures(probabilities: Floats, labels: Integers, noisy_classes: Sequence[int]) -> dict[str, Any]:
    """Accuracy on all, clean and noisy classes and on each class, with intervals; confusion matrix; calibration error.

    Args:
        probabilities: (N, L) the model's probabilities.
        labels: (N,) true labels.
        noisy_classes: classes in which training samples were corrupted.
    """
    predictions = probabilities.argmax(axis=1)
    correct = predictions == labels
    num_classes = probabilities.shape[1]
    figures: dict[str, Any] = {"intervals": {}, "num": {}}
    for group, flags in group_flags(labels, noisy_classes).items():
        figures["num"][group] = int(flags.sum())
        if flags.any():
            value, low, high = metrics.accuracy(correct[flags])
            figures[group], figures["intervals"][group] = value, [low, high]
        else:
            figures[group], figures["intervals"][group] = None, None
    figures["per_class"] = [_class_figures(label, correct, labels) for label in range(num_classes)]
    small = num_classes <= MOST_CONFUSED
    figures["confusion"] = metrics.confusion(labels, predictions, num_classes).tolist() if small else None
    figures["calibration_error"] = metrics.calibration_error(metrics.reliability(probabilities, labels))
    return figures


def differences(
    probabilities: Mapping[str, Floats], headline: str, labels: Integers, noisy_classes: Sequence[int]
) -> list[dict[str, Any]]:
    """Paired differences: the headline model minus every other one, and every other model minus the base model."""
    pairs = [(headline, other) for other in probabilities if other != headline]
    pairs += [(model, "base") for model in probabilities if model not in ("base", headline)]
    return [
        {"model": model, "minus": minus}
        | Comparison(
            before=probabilities[minus], after=probabilities[model], labels=labels, noisy_classes=tuple(noisy_classes)
        ).differences
        for model, minus in pairs
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two models on the same test images.

    Attributes:
        before, after: (N, L) probabilities of the two.
        labels: (N,) true labels.
        noisy_classes: classes in which training samples were corrupted.
    """

    before: Floats
    after: Floats
    labels: Integers
    noisy_classes: tuple[int, ...]

    @cached_property
    def right_before(self) -> Flags:
        """(N,) where the first model is right."""
        return np.asarray(self.before.argmax(axis=1) == self.labels)

    @cached_property
    def right_after(self) -> Flags:
        """(N,) where the second model is right."""
        return np.asarray(self.after.argmax(axis=1) == self.labels)

    @property
    def differences(self) -> dict[str, dict[str, float] | None]:
        """Paired difference with its 95 % interval by group, second minus first; None for a group without images."""
        found: dict[str, dict[str, float] | None] = {}
        for group, flags in group_flags(self.labels, self.noisy_classes).items():
            found[group] = None
            if flags.any():
                value, low, high = metrics.paired_difference(self.right_after[flags], self.right_before[flags])
                found[group] = {"difference": value, "low": low, "high": high}
        return found

    @property
    def gained(self) -> Integers:
        """Positions that went from wrong to right, the surest second belief first."""
        return self._by_confidence(~self.right_before & self.right_after)

    @property
    def lost(self) -> Integers:
        """Positions that went from right to wrong, the surest second belief first."""
        return self._by_confidence(self.right_before & ~self.right_after)

    def _by_confidence(self, flags: Flags) -> Integers:
        chosen = np.flatnonzero(flags)
        return chosen[np.argsort(-self.after[chosen].max(axis=1), kind="stable")]


def _class_figures(label: int, correct: Flags, labels: Integers) -> dict[str, Any]:
    members = labels == label
    if not members.any():
        return {"label": label, "accuracy": None, "low": None, "high": None, "num": 0}
    value, low, high = metrics.accuracy(correct[members])
    return {"label": label, "accuracy": value, "low": low, "high": high, "num": int(members.sum())}
