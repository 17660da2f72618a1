"""The detectors of a run: which were run, their scores in order, and how far two of them agree. Never imports torch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from bir_core import array_files, methods, run_folder, storage
from bir_core.errors import InputError, RunDamaged
from bir_core.methods import Detector, missing_packages
from bir_core.numerics import agreement, ranking
from bir_core.numerics.agreement import Overlap
from bir_core.records import Doubles
from bir_core.run_folder import Run
from dashboard import frames, runs
from dashboard.frames import Positions, ScoreIndex

__all__ = ["OWN", "Detector", "Overlap", "missing_packages"]

OWN = methods.detector("bir")
"""The run's own: its suspects are those of this detector."""

COLUMNS = {"loss": "loss_before", "enhanced_loss": "loss_after"}
"""Detectors whose scores are columns of the score stage."""

MOST_KEPT = 4
"""Sorted scores of so many detectors are kept: 16 MB each at a million samples."""

STEPS = 160
"""So many K are looked at for the curve of the overlap."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """How well a detector's scores find the truly corrupted samples, None where nobody knows, and what they cost.

    Attributes:
        average_precision: in 0..1.
        recall: in 0..1, among as many of the most suspect samples as are truly corrupted.
        num_corrupted: how many those are.
        seconds: how long its stage took; None for the columns of the score stage, which cost nothing more.
        peak_memory_mb: most memory that its stage held, None like that.
        device: where it was computed.
        facts: what it says of itself, such as the damping in force.
    """

    average_precision: float | None
    recall: float | None
    num_corrupted: int
    seconds: float | None
    peak_memory_mb: float | None
    device: str
    facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """How far two detectors agree, apart from any K.

    Attributes:
        spearman: in -1..1, None when one gives all samples the same score.
        tops: (T,) values of K, ascending.
        shared: (T,) how many samples the top K of both have in common.
    """

    spearman: float | None
    tops: Positions
    shared: Positions


# ---------------------------------------------------------------- which there are


def stage_of(one: Detector) -> str:
    """The stage that makes the detector's scores."""
    return "score" if one.free else f"detect-{one.name}"


def computed(run: Run) -> dict[str, Detector]:
    """Detectors whose scores are there, by name; those that come with every run first."""
    return {one.name: one for one in methods.DETECTORS if _is_there(run, one)}


def absent(run: Run) -> dict[str, Detector]:
    """Detectors that would have to be computed, by name."""
    there = computed(run)
    return {one.name: one for one in methods.DETECTORS if one.name not in there}


def _is_there(run: Run, one: Detector) -> bool:
    try:
        return runs.has(run, stage_of(one))
    except RunDamaged:
        return False


def is_current(run: Run, one: Detector) -> bool:
    """Whether the scores were made from the run's present data, model and settings."""
    return one.free or runs.is_current(run, stage_of(one))


# ---------------------------------------------------------------- one of them


def index(run: Run, one: Detector) -> ScoreIndex:
    """The detector's scores in order, over the same samples as the run's own.

    Raises:
        InputError: it was not computed.
        RunDamaged: it has not as many scores as the run has samples.
    """
    if one == OWN:
        return runs.scored(run).index
    return _index(_made_from(run, one), run, one)


def own_threshold(run: Run, one: Detector) -> float | None:
    """Above it samples are suspect by the detector's own rule; None when it has no such rule."""
    return runs.default_threshold(run) if one == OWN else one.threshold_for(len(runs.samples(run).class_names))


def num_suspects(run: Run) -> int:
    """How many suspects the run itself has."""
    return runs.scored(run).index.count_above(runs.default_threshold(run))


def figures(run: Run, one: Detector) -> Figures:
    """What a reader wants to know of it beside the threshold."""
    return _figures(_made_from(run, one), run, one)


@st.cache_resource(max_entries=MOST_KEPT, show_spinner=False)
def _index(made_from: tuple[str, ...], _run: Run, _one: Detector) -> ScoreIndex:  # noqa: ARG001 - the cache's key
    own, scores = runs.scored(_run).index, _scores(_run, _one)
    if len(scores) != len(own):
        raise RunDamaged(
            f"run {_run.name!r} has {len(scores)} scores by {_one.title} for {len(own)} training samples: they are "
            f"not of the same run; compute them again with 'stage {stage_of(_one)} {_run.name} --force'"
        )
    found = ScoreIndex(
        scores=scores,
        order=np.argsort(-scores, kind="stable").astype(np.uint32),
        labels=own.labels,
        predictions=own.predictions,
        corrupted=own.corrupted,
        class_names=own.class_names,
        near_zero=_near_zero(scores),
    )
    _ = found.ascending, found.ranks
    array_files.forget(scores)
    return found


def _scores(run: Run, one: Detector) -> Doubles:
    if one.free:
        found: Doubles = getattr(storage.load_scores(run.path / "score"), COLUMNS[one.name])
        return found
    return storage.load_detector_scores(run.path / stage_of(one))


def _near_zero(scores: Doubles) -> float:
    """A usual size of the scores, so that the histogram of a detector looks the same in any unit."""
    sizes = np.abs(scores)
    sizes = sizes[sizes > 0]
    return float(np.median(sizes)) if len(sizes) else frames.NEAR_ZERO


@st.cache_resource(max_entries=32, show_spinner=False)
def _figures(made_from: tuple[str, ...], _run: Run, _one: Detector) -> Figures:  # noqa: ARG001 - the cache's key
    found, result = index(_run, _one), run_folder.read_stage(_run, stage_of(_one))
    known = found.corrupted
    num = 0 if known is None else int(known.sum())
    costs_more = result is not None and not _one.free
    return Figures(
        average_precision=None if known is None else ranking.average_precision(found.scores, known),
        recall=None if known is None or not num else float(known[found.order[:num]].mean()),
        num_corrupted=num,
        seconds=result.seconds if result and costs_more else None,
        peak_memory_mb=result.peak_memory_mb if result and costs_more else None,
        device=result.device if result else "",
        facts={} if _one.free else storage.load_findings(_run.path / stage_of(_one))["facts"],
    )


def _made_from(run: Run, *ones: Detector) -> tuple[str, ...]:
    """What the scores of some detectors hang on, as the key of a cache."""
    stages = ("data", "score", *(stage_of(one) for one in ones))
    results = {stage: run_folder.read_stage(run, stage) for stage in stages}
    for stage, result in results.items():
        if result is None:
            raise InputError(f"run {run.name!r} has no result of stage {stage!r} yet: compute it first")
    return tuple(result.digest for result in results.values() if result) + tuple(one.name for one in ones)


# ---------------------------------------------------------------- two of them


def pair(run: Run, first: Detector, second: Detector) -> Pair:
    """How far two detectors agree, apart from any K."""
    return _pair(_made_from(run, first, second), run, first, second)


@st.cache_resource(max_entries=32, show_spinner=False)
def _pair(made_from: tuple[str, ...], _run: Run, _first: Detector, _second: Detector) -> Pair:  # noqa: ARG001 - key
    one, other = index(_run, _first), index(_run, _second)
    tops = np.unique(np.geomspace(1, len(one), STEPS).round().astype(np.int64))
    found = Pair(
        spearman=agreement.spearman(one.scores, other.scores),
        tops=tops,
        shared=agreement.shared_at(one.ranks, other.ranks, tops),
    )
    for read in (one.scores, other.scores):
        array_files.forget(read)
    return found


def overlap(first: ScoreIndex, second: ScoreIndex, top: int) -> tuple[Overlap, Overlap | None]:
    """What the top K of two detectors have in common: of all samples, and of the truly corrupted ones when known."""
    known = first.corrupted
    return (
        agreement.overlap(first.ranks, second.ranks, top),
        None if known is None else agreement.overlap(first.ranks[known], second.ranks[known], top),
    )


def only_first(first: ScoreIndex, second: ScoreIndex, top: int) -> Positions:
    """Samples in the top K of the first and not of the second, the first's most suspect first."""
    return agreement.only_first(first.ranks, second.ranks, top)


def cuts_a_tie(found: ScoreIndex, top: int) -> bool:
    """Whether the scores at the ranks K and K + 1 are equal, so that their order says nothing."""
    num = len(found)
    return 0 < top < num and bool(found.ascending[num - top] == found.ascending[num - top - 1])
