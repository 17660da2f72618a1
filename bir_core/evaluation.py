"""Evaluate every model on test images that no stage has touched: models -> figures with intervals.

Shapes: N test samples, L classes. Accuracies and differences are in percent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from bir_core.models import networks
from bir_core.numerics import metrics
from bir_core.records import Flags, Integers, LabelledImages, ModelState

GROUPS = ("all", "clean", "noisy")


@torch.no_grad()
def predict(state: ModelState, images: np.ndarray, *, device: torch.device, batch_size: int = 1000) -> Integers:
    """(N,) the classes that a model believes."""
    network = networks.restore(state, device).eval()
    predictions = [
        network(torch.tensor(images[start : start + batch_size], device=device)).argmax(1).cpu().numpy()
        for start in range(0, len(images), batch_size)
    ]
    return np.concatenate(predictions).astype(np.int64)


def group_flags(labels: Integers, noisy_classes: Sequence[int]) -> dict[str, Flags]:
    """Which test samples count for "all", "clean" and "noisy"; without noisy classes only "all" has any."""
    noisy = np.isin(labels, np.asarray(noisy_classes, dtype=np.int64))
    nothing = np.zeros(len(labels), dtype=np.bool_)
    return {
        "all": np.ones(len(labels), dtype=np.bool_),
        "clean": ~noisy if len(noisy_classes) else nothing,
        "noisy": noisy,
    }


def model_figures(predictions: Integers, test: LabelledImages, noisy_classes: Sequence[int], num_classes: int) -> Any:
    """Accuracy on all, clean and noisy classes and on each class, with intervals, and the confusion matrix."""
    correct = predictions == test.labels
    figures: dict[str, Any] = {"intervals": {}, "num": {}}
    for group, flags in group_flags(test.labels, noisy_classes).items():
        figures["num"][group] = int(flags.sum())
        if flags.any():
            value, low, high = metrics.accuracy(correct[flags])
            figures[group], figures["intervals"][group] = value, [low, high]
        else:
            figures[group], figures["intervals"][group] = None, None
    figures["per_class"] = [_class_figures(label, correct, test.labels) for label in range(num_classes)]
    figures["confusion"] = metrics.confusion(test.labels, predictions, num_classes).tolist()
    return figures


def differences(
    predictions: Mapping[str, Integers], headline: str, test: LabelledImages, noisy_classes: Sequence[int]
) -> list[dict[str, Any]]:
    """Paired differences: the headline model minus every other one, and every other model minus the base model."""
    pairs = [(headline, other) for other in predictions if other != headline]
    pairs += [(model, "base") for model in predictions if model not in ("base", headline)]
    groups = group_flags(test.labels, noisy_classes)
    rows = []
    for model, minus in pairs:
        ours, theirs = (predictions[name] == test.labels for name in (model, minus))
        row: dict[str, Any] = {"model": model, "minus": minus}
        for group, flags in groups.items():
            row[group] = _difference(ours[flags], theirs[flags]) if flags.any() else None
        rows.append(row)
    return rows


def _difference(ours: Flags, theirs: Flags) -> dict[str, float]:
    value, low, high = metrics.paired_difference(ours, theirs)
    return {"difference": value, "low": low, "high": high}


def _class_figures(label: int, correct: Flags, labels: Integers) -> dict[str, Any]:
    members = labels == label
    if not members.any():
        return {"label": label, "accuracy": None, "low": None, "high": None, "num": 0}
    value, low, high = metrics.accuracy(correct[members])
    return {"label": label, "accuracy": value, "low": low, "high": high, "num": int(members.sum())}
