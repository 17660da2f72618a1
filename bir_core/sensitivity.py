"""How much the repair hangs on the threshold: the same repair at several thresholds, evaluated: Suspects -> rows.

The thresholds are chosen from the scores alone. The test accuracies are there to judge how robust the repair is; a
threshold that is chosen by them is no longer tested on them.

Shapes: N training samples.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bir_core import alignment, comparison, evaluation, identification, repair, review
from bir_core.comparison import Comparison
from bir_core.config import AlignConfig, RepairConfig, ReviewConfig
from bir_core.model_records import ModelState
from bir_core.numerics import metrics
from bir_core.records import (
    Aligned,
    Doubles,
    Flags,
    Floats,
    Integers,
    LabelledImages,
    Progress,
    Suspects,
    Treated,
    no_progress,
)

STEPS = (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Numbers of suspects to try, as shares of the run's own; together with the run's own threshold at most nine."""

LEAST_SHARE = 0.05
"""Of the training samples: what the steps are taken of where the run has fewer suspects, or none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rung:
    """One threshold to try.

    Attributes:
        threshold: nats.
        suspects: the samples above it, most suspect first.
        is_own: whether it is the run's own, with the run's own suspects.
    """

    threshold: float
    suspects: Suspects
    is_own: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """What every repair of the sweep shares; the fields are those of the stages that made them."""

    base: ModelState
    enhanced: ModelState
    layers: tuple[str, ...]
    train: LabelledImages
    test: LabelledImages
    corrupted: Flags
    noisy_classes: tuple[int, ...]
    aligned: Aligned
    review: ReviewConfig
    align: AlignConfig
    repair: RepairConfig


def ladder(scores: Doubles, own: Suspects) -> list[Rung]:
    """Five to nine thresholds around the run's own, highest first; chosen by how many samples each flags.

    Where many scores are equal, or there are fewer than a hundred, they may be fewer.

    Args:
        scores: (N,) higher = more suspect.
        own: the run's own suspects.
    """
    ordered = np.sort(scores)[::-1]
    anchor = max(len(own), round(LEAST_SHARE * len(scores)), 1)
    most = min(max(anchor, len(scores) // 2), len(scores) - 1)
    wanted = {min(max(round(step * anchor), 1), most) for step in STEPS}
    between = {count: _below(ordered, count) for count in wanted - {len(own)}}
    rungs = [_rung(scores, threshold) for threshold in between.values() if threshold is not None]
    rungs.append(Rung(threshold=_own_threshold(ordered, own), suspects=own, is_own=True))
    return sorted(rungs, key=lambda rung: len(rung.suspects))


def sweep(
    bench: Bench, rungs: list[Rung], *, seed: int, device: torch.device, progress: Progress = no_progress
) -> dict[str, Any]:
    """The base model's figures, and for each threshold those of the model that BIR repairs at it.

    Verdicts are heeded and eta is the run's, so that only the threshold differs. The row of the run's own threshold is
    the run's BIR, bit for bit.

    Args:
        bench: data, models and settings of the run.
        rungs: the thresholds, see ``ladder``.
        seed: that of the repair stage.
        device: where to compute.
        progress: told (epochs done, most epochs there can be).
    """
    before = evaluation.believe(bench.base, bench.test.images, device=device)
    return _summary(bench, rungs, before, _beliefs(bench, rungs, seed=seed, device=device, progress=progress))


def cross_fit(
    bench: Bench,
    rungs: list[Rung],
    parts: Iterable[tuple[Bench, list[Rung], Integers]],
    *,
    num_parts: int,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """What ``sweep`` gives, with accuracies of held-out parts of ``bench.test`` under models made without them.

    Args:
        bench: as for ``sweep``; ``test`` is the reserved part.
        rungs: the thresholds, with the run's own suspects at each.
        parts: of each fold the bench that was made without it, whose ``test`` is the fold held out; the same thresholds
            with that fold's suspects; and the positions of the fold in ``bench.test``.
        num_parts: how many folds there are.
        seed: that of the repair stage.
        device: where to compute.
        progress: told (epochs done, most epochs there can be).
    """
    before = evaluation.believe(bench.base, bench.test.images, device=device)
    after = [np.empty_like(before) for _ in rungs]
    cap = len(rungs) * bench.repair.max_epochs
    for place, (part, its_rungs, held_out) in enumerate(parts):
        told = _part_of(progress, place * cap, num_parts * cap)
        for whole, beliefs in zip(
            after, _beliefs(part, its_rungs, seed=seed, device=device, progress=told), strict=True
        ):
            whole[held_out] = beliefs
    return _summary(bench, rungs, before, after)


def rungs_at(rungs: list[Rung], scores: Doubles, own: Suspects) -> list[Rung]:
    """The same thresholds over other (N,) scores, whose suspects by the run's own rule are ``own``."""
    return [
        replace(_rung(scores, rung.threshold), suspects=own, is_own=True)
        if rung.is_own
        else _rung(scores, rung.threshold)
        for rung in rungs
    ]


def _beliefs(bench: Bench, rungs: list[Rung], *, seed: int, device: torch.device, progress: Progress) -> list[Floats]:
    """For each threshold what the model repaired at it believes of the test images."""
    cap = bench.repair.max_epochs
    treated = [review.treat(rung.suspects, bench.review) for rung in rungs]
    aligned = _complete(bench, treated, device)
    found = []
    for place, what in enumerate(treated):
        model = repair.repair(
            bench.base,
            bench.layers,
            repair.select_aligned(aligned, what.soft),
            repair.relabel(bench.train, what),
            repair.draw_remaining(bench.train, what, seed=seed),
            config=bench.repair,
            seed=seed,
            device=device,
            progress=_part_of(progress, place * cap, len(rungs) * cap),
        )
        found.append(evaluation.believe(model.state, bench.test.images, device=device))
    return found


def _summary(bench: Bench, rungs: list[Rung], before: Floats, after: list[Floats]) -> dict[str, Any]:
    rows, labels, noisy = [], bench.test.labels, bench.noisy_classes
    for rung, beliefs in zip(rungs, after, strict=True):
        against = Comparison(before=before, after=beliefs, labels=labels, noisy_classes=noisy)
        figures = {"model": comparison.model_figures(beliefs, labels, noisy), "gain": against.differences}
        rows.append(_row(bench, rung, review.treat(rung.suspects, bench.review)) | figures)
    return {
        "eta": bench.aligned.eta,
        "base": comparison.model_figures(before, labels, noisy),
        "rows": rows,
    }


def _below(ordered: Doubles, count: int) -> float | None:
    """A threshold with exactly ``count`` scores above it, in few digits; None when equal scores allow none."""
    upper, lower = float(ordered[count - 1]), float(ordered[count])
    if not lower < upper:
        return None
    middle = (lower + upper) / 2
    candidates = (float(f"{middle:.{digits}g}") for digits in range(2, 17))
    return next((value for value in candidates if lower <= value < upper), lower)


def _rung(scores: Doubles, threshold: float) -> Rung:
    return Rung(threshold=threshold, suspects=identification.identify(scores, threshold=threshold), is_own=False)


def _own_threshold(ordered: Doubles, own: Suspects) -> float:
    """The run's threshold; for a run that takes the top K the one below its K-th score, with ties that score."""
    if own.rule == "threshold" and own.threshold is not None:
        return own.threshold
    if len(own) in (0, len(ordered)):
        return float(ordered[0] if len(own) == 0 else np.nextafter(ordered[-1], -np.inf))
    below = _below(ordered, len(own))
    return float(ordered[len(own) - 1]) if below is None else below


def _complete(bench: Bench, treated: list[Treated], device: torch.device) -> Aligned:
    """The run's aligned samples, and those beside them that some threshold needs, by the run's own step size."""
    wanted: Integers = np.unique(np.concatenate([what.soft for what in treated]))
    missing = np.setdiff1d(wanted, bench.aligned.indices)
    if not len(missing):
        return bench.aligned
    more = alignment.align(
        bench.enhanced, bench.train, missing, eta=bench.aligned.eta, clamp=bench.align.clamp, device=device
    )
    return _join(bench.aligned, more)


def _join(first: Aligned, second: Aligned) -> Aligned:
    order = np.argsort(np.concatenate([first.indices, second.indices]))
    columns = ("indices", "images", "soft_labels", "energy_before", "energy_after", "relative_step")
    joined = {name: np.concatenate([getattr(first, name), getattr(second, name)])[order] for name in columns}
    return Aligned(**joined, eta=first.eta)


def _row(bench: Bench, rung: Rung, treated: Treated) -> dict[str, Any]:
    is_known = bool(bench.corrupted.any())
    precision, recall = metrics.precision_recall(rung.suspects.indices, bench.corrupted) if is_known else (None, None)
    return {
        "threshold": rung.threshold,
        "is_own": rung.is_own,
        "num_suspects": len(rung.suspects),
        "num_aligned": len(treated.soft),
        "precision": precision,
        "recall": recall,
    }


def _part_of(progress: Progress, start: int, total: int) -> Callable[[int, int], None]:
    return lambda done, _total: progress(start + done, total)
