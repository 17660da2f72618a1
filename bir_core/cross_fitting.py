"""Accuracy without test images: every fold of the reserved set is judged by models that were made without it.

For each fold the layers are chosen, the enhanced model trained, the samples scored, the suspects picked, aligned and
treated from the other folds alone; what the models then believe of the fold held out is pooled over the folds. The base
model has never seen a reserved image, so its pooled accuracy is its plain one.

Shapes: N training samples, R reserved images, L classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bir_core import (
    alignment,
    detection,
    enhancement,
    evaluation,
    identification,
    methods,
    repair,
    review,
    scoring,
    seeding,
    treatment,
)
from bir_core.config import RunConfig
from bir_core.detectors.evidence import Evidence
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.numerics import sampling
from bir_core.records import Aligned, Doubles, Floats, Integers, LabelledImages, Progress, Suspects, no_progress
from bir_core.treatments.case import Case

NUM_FOLDS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """What every fold shares.

    Attributes:
        train: (N) the training part with its given labels.
        validation: its validation part.
        reserved: (R) the clean set.
        base: the base model, which has not seen the reserved set; not changed.
        margins: (N,) training margins of the base model, None where there are none.
        config: the run's.
    """

    train: LabelledImages
    validation: LabelledImages
    reserved: LabelledImages
    base: ModelState
    margins: Doubles | None
    config: RunConfig

    def seed(self, stage: str) -> int:
        """That of the run's own stage: but for the images that are left out, a fold does what the run does."""
        return seeding.derive(self.config.seed, stage)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """What the run would be without a part of its reserved set.

    Attributes:
        held_out: positions in the reserved part.
        learned: the other reserved images.
        layers: the layer groups chosen on those.
        enhanced: the enhanced model of those.
        scores: (N,) higher = more suspect.
        suspects: by the run's own rule.
        aligned: the suspects, aligned, by ascending position.
    """

    held_out: Integers
    learned: LabelledImages
    layers: tuple[str, ...]
    enhanced: ModelState
    scores: Doubles
    suspects: Suspects
    aligned: Aligned


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFit:
    """What models believe of reserved images that they were made without.

    Attributes:
        beliefs: (R, L) float32 by model, "base" first, in the order of the reserved part; rows sum to 1.
        rows: for each fold how many images were held out, the layers, the number of suspects, and the step size.
    """

    beliefs: Mapping[str, Floats]
    rows: list[dict[str, Any]]


def deal(labels: Integers, *, seed: int) -> Integers:
    """(R,) the fold of every reserved image; each class is spread evenly over ``NUM_FOLDS`` folds, or fewer images.

    Raises:
        InputError: there are not two images.
    """
    if len(labels) < 2:
        raise InputError(
            f"accuracy cannot be cross-fitted on {len(labels)} reserved images: reserve more of them, or give test "
            "images"
        )
    return sampling.deal(labels, min(NUM_FOLDS, len(labels)), seed=seed)


def each(bench: Bench, dealt: Integers, *, device: torch.device) -> Iterator[Fold]:
    """The run without each fold in turn.

    Args:
        bench: data, model and settings of the run.
        dealt: (R,) the fold of every reserved image, see ``deal``.
        device: where to compute.

    Raises:
        StageFailed: a loss is not a number any more.
    """
    for number in range(int(dealt.max()) + 1):
        held_out = np.flatnonzero(dealt == number)
        yield _without(bench, held_out, bench.reserved.take(np.flatnonzero(dealt != number)), device)


def _without(bench: Bench, held_out: Integers, learned: LabelledImages, device: torch.device) -> Fold:
    config = bench.config
    layers = enhancement.choose_layers(
        bench.base, learned, config.enhance, seed=bench.seed("select"), device=device
    ).layers
    enhanced = enhancement.enhance(
        bench.base, learned, layers, config.enhance, seed=bench.seed("enhance"), device=device
    ).state
    scores = scoring.score(bench.base, enhanced, bench.train, device=device).score
    suspects = identification.identify(scores, threshold=config.identify.threshold, top_k=config.identify.top_k)
    eta = alignment.step_size(enhanced, bench.train, suspects.indices, config.align, device=device)
    return Fold(
        held_out=held_out,
        learned=learned,
        layers=layers,
        enhanced=enhanced,
        scores=scores,
        suspects=suspects,
        aligned=alignment.align(
            enhanced, bench.train, np.sort(suspects.indices), eta=eta, clamp=config.align.clamp, device=device
        ),
    )


def fit(
    bench: Bench,
    dealt: Integers,
    treatments: Sequence[str],
    *,
    detector: str = "bir",
    device: torch.device,
    progress: Progress = no_progress,
) -> CrossFit:
    """What the base model and those that the treatments leave believe of the reserved images held out.

    Args:
        bench: data, model and settings of the run.
        dealt: (R,) the fold of every reserved image, see ``deal``.
        treatments: names in ``methods.TREATMENTS``.
        detector: whose suspects are treated; of another one than BIR as many as BIR has in the fold.
        device: where to compute.
        progress: told (models made, models).

    Raises:
        InputError: the detector cannot run here.
        StageFailed: a treatment diverged, or has nothing left to train on.
    """
    names = ("base", *treatments)
    shape = (len(bench.reserved), bench.base.num_classes)
    beliefs = {name: np.empty(shape, dtype=np.float32) for name in names}
    beliefs["base"] = evaluation.believe(bench.base, bench.reserved.images, device=device)
    rows, total = [], (int(dealt.max()) + 1) * len(names)
    for number, fold in enumerate(each(bench, dealt, device=device)):
        progress(number * len(names) + 1, total)
        suspects = fold.suspects if detector == "bir" else _others(bench, fold, detector, device)
        for place, name in enumerate(treatments, start=2):
            model = treatment.treat(name, case(bench, fold, suspects, name, device=device)).model.state
            images = bench.reserved.images[fold.held_out]
            beliefs[name][fold.held_out] = evaluation.believe(model, images, device=device)
            progress(number * len(names) + place, total)
        rows.append(
            {
                "num": len(fold.held_out),
                "layers": list(fold.layers),
                "num_suspects": len(suspects),
                "eta": fold.aligned.eta,
            }
        )
    return CrossFit(beliefs=beliefs, rows=rows)


def case(bench: Bench, fold: Fold, suspects: Suspects, name: str, *, device: torch.device) -> Case:
    """What the treatment called ``name`` is given in a fold; of suspects only those of the fold's own are aligned."""
    treated = review.treat(suspects, bench.config.review)
    there = treated.soft[np.isin(treated.soft, fold.aligned.indices)]
    return Case(
        train=bench.train,
        validation=bench.validation,
        reserved=fold.learned,
        base=bench.base,
        enhanced=fold.enhanced,
        layers=fold.layers,
        treated=treated,
        kept=repair.draw_remaining(bench.train, treated, seed=bench.seed("repair")),
        aligned=repair.select_aligned(fold.aligned, there),
        config=bench.config,
        seed=bench.seed(methods.treatment(name).stage or f"treat-{name}"),
        device=device,
    )


def _others(bench: Bench, fold: Fold, detector: str, device: torch.device) -> Suspects:
    """As many suspects of another detector as BIR has in the fold."""
    evidence = Evidence(
        train=bench.train,
        validation=bench.validation,
        reserved=fold.learned,
        base=bench.base,
        margins=bench.margins,
        config=bench.config,
        seed=bench.seed(f"detect-{detector}"),
        device=device,
    )
    scores = detection.detect(detector, evidence).scores
    return identification.identify(scores, threshold=0.0, top_k=len(fold.suspects))
