"""What a detector may look at, and what it gives back. Shapes: N training samples, R reserved samples, L classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from bir_core.config import RunConfig
from bir_core.model_records import ModelState
from bir_core.records import Doubles, LabelledImages, Progress, no_progress


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Everything that a detector may look at; the truth is not among it.

    Attributes:
        train: (N) the training part with its given labels.
        validation: its validation part, corrupted at the same rate.
        reserved: (R) the clean set.
        base: the base model; not changed.
        margins: (N,) mean training margin of every sample, see ``training.fit``; None where the base model came without
            its training log.
        config: the run's, with the recipes of base and enhanced model and each method's own options.
        seed: of this detector's draws.
        device: where to compute.
        progress: told (done, total) in units of the detector's own choosing.
    """

    train: LabelledImages
    validation: LabelledImages
    reserved: LabelledImages
    base: ModelState
    margins: Doubles | None
    config: RunConfig
    seed: int
    device: torch.device
    progress: Progress = no_progress


@dataclass(frozen=True, kw_only=True, eq=False)
class Detected:
    """What a detector found.

    Attributes:
        scores: (N,) float64 in data-set order; higher = more suspect.
        facts: what a reader must know to judge them, such as the damping in force or the accuracy of a twin; plain
            numbers, words and lists.
    """

    scores: Doubles
    facts: Mapping[str, Any] = field(default_factory=dict)
