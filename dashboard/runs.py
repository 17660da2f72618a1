"""The one door to the engine: runs, their results and their jobs, cached where reading costs. Never imports torch."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from bir_core import config as run_config
from bir_core import flow, jobs, review, run_folder, storage, verdicts
from bir_core.config import LANDMARKS, ReviewConfig, RunConfig
from bir_core.errors import InputError, JobNotFound, RunDamaged, StageFailed
from bir_core.jobs import Job
from bir_core.records import Aligned, Embedding, Floats, Integers, LabelledImages, Scores, Truth
from bir_core.run_folder import Run
from dashboard import labels
from dashboard.frames import ScoreIndex

__all__ = ["LANDMARKS", "Job", "JobNotFound", "ReviewConfig", "Run", "RunConfig", "RunDamaged"]

FAULTS = (InputError, StageFailed, OSError)
"""What a view answers with one sentence."""

STAGE_TITLES = {stage.name: stage.title for stage in flow.STAGES}
WHOLE_RUN = flow.NAMES
ACTIVE = ("queued", "running")

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """The training part with everything known of it; ``truth`` is None when nobody knows what is wrong."""

    images: LabelledImages
    class_names: tuple[str, ...]
    truth: Truth | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """The scores of the training part, sorted for the views."""

    scores: Scores
    index: ScoreIndex


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The pictures of a run. Two with the same version are equal, so that encoded sprites can be kept by it."""

    version: str
    originals: Floats = field(compare=False)
    indices: Integers = field(compare=False)
    aligned: Floats | None = field(compare=False)

    def aligned_image(self, sample: int) -> Floats | None:
        """(C, H, W), or None when it was not computed."""
        row = int(np.searchsorted(self.indices, sample))
        if self.aligned is None or row == len(self.indices) or self.indices[row] != sample:
            return None
        image: Floats = self.aligned[row]
        return image


# ---------------------------------------------------------------- runs and their results


def root() -> Path:
    """The folder of all runs."""
    return run_folder.runs_root()


def names() -> list[str]:
    """Names of all runs, newest first."""
    return run_folder.names(root())


def open_run(name: str) -> Run:
    """The run called ``name``; raises RunNotFound or RunDamaged."""
    return run_folder.open_run(root(), name)


def has(run: Run, stage: str) -> bool:
    """Whether a whole result of ``stage`` is there; raises RunDamaged when it is there and not whole."""
    return run_folder.read_stage(run, stage) is not None


def is_current(run: Run, stage: str) -> bool:
    """Whether the result of ``stage`` was made from the run's present config and inputs."""
    return run_folder.is_fresh(run, stage)


def report(run: Run) -> dict[str, Any]:
    """The report of a run, with class names as a page shows them; its stage must be there."""

    def read() -> dict[str, Any]:
        found = storage.load_report(run.path / "evaluate")
        return found | {"data": found["data"] | {"class_names": list(labels.shown(found["data"]["class_names"]))}}

    return _load(run, ("evaluate",), read)


def sensitivity(run: Run) -> dict[str, Any]:
    """The run's repair at several thresholds; its stage must be there."""
    return _load(run, ("sensitivity",), lambda: storage.load_sensitivity(run.path / "sensitivity"))


def samples(run: Run) -> Samples:
    """The training samples of a run."""
    return _load(run, ("data",), lambda: _read_samples(run.path / "data"))


def scored(run: Run) -> Scored:
    """The scores of a run."""
    return _load(run, ("data", "score"), lambda: _read_scores(run))


def aligned(run: Run) -> Aligned:
    """The aligned training samples of a run."""
    return _load(run, ("align",), lambda: storage.load_aligned(run.path / "align"))


def embedding(run: Run) -> Embedding:
    """Features of the samples of a run, and its map."""
    return _load(run, ("embed",), lambda: storage.load_embedding(run.path / "embed"))


def train_beliefs(run: Run, model: str) -> Floats:
    """(N, L) what a model of the report believes of the training samples; kept for the base and the first one."""
    folder = run.path / "evaluate"
    return _load(run, ("evaluate",), lambda: storage.load_probabilities(folder, "train", model), part=model)


def reserved(run: Run) -> LabelledImages:
    """The reserved part of a run's data."""
    return _load(run, ("data",), lambda: storage.load_part(run.path / "data", "reserved"), part="reserved")


def reserved_version(run: Run) -> str:
    """Changes whenever the reserved images do."""
    result = run_folder.read_stage(run, "data")
    return "" if result is None else result.digest[:20]


def shelf(run: Run) -> Shelf:
    """The pictures of a run, with a version that changes whenever they do."""
    originals, moved = samples(run).images.images, aligned(run) if has(run, "align") else None
    results = [run_folder.read_stage(run, stage) for stage in ("data", "align")]
    digests = " ".join(result.digest if result else "" for result in results)
    return Shelf(
        version=hashlib.sha256(digests.encode()).hexdigest()[:20],
        originals=originals,
        indices=np.empty(0, dtype=np.int64) if moved is None else moved.indices,
        aligned=None if moved is None else moved.images,
    )


def ranking_version(run: Run) -> str:
    """Changes whenever the scores do, and with them the place of a sample in a ranking."""
    result = run_folder.read_stage(run, "score")
    return "" if result is None else result.digest[:20]


def selection(run: Run) -> dict[str, Any]:
    """The chosen layer subset and the table behind it, as the report writes it."""

    def read() -> dict[str, Any]:
        choice = storage.load_layer_choice(run.path / "select")
        rows = [{**vars(row), "layers": list(row.layers)} for row in choice.candidates]
        return {"label": choice.label, "chosen_by": choice.chosen_by, "candidates": rows}

    return _load(run, ("select",), read)


def reviewed(run: Run) -> tuple[ReviewConfig, int]:
    """The verdicts on which people agree, as a repair heeds them, and how many samples they disagree about."""
    standing = verdicts.standing(run)
    return review.agreed(standing), sum(found.conflict for found in standing.values())


def measured_bands(run: Run) -> tuple[list[dict[str, Any]], float | None]:
    """How often flags were right by score band, as reviewers measured it, and the score at which one may stop."""
    found = review.bands(scored(run).index.scores, verdicts.standing(run))
    return [{**vars(band), "interval": band.interval} for band in found], review.where_to_stop(found)


def measured(run: Run, drawn: Integers) -> dict[str, Any]:
    """How often the flags on some samples were right, as far as people have judged them."""
    found = verdicts.standing(run, samples=drawn.tolist())
    (band,) = review.bands(np.zeros(int(drawn.max(initial=-1)) + 1), found, edges=(-1.0, 1.0))
    return {**vars(band), "interval": band.interval}


def default_threshold(run: Run) -> float:
    """The threshold that the run's own config means: its threshold, or the one between K and K + 1."""
    wanted = run.config.identify.top_k
    return run.config.identify.threshold if wanted is None else scored(run).index.cut_for(wanted).threshold


def _read_samples(folder: Path) -> Samples:
    truth = storage.load_truth(folder)
    return Samples(
        images=storage.load_part(folder, "train"),
        class_names=labels.shown(storage.load_class_names(folder)),
        truth=truth if truth.corrupted.any() else None,
    )


def _read_scores(run: Run) -> Scored:
    scores, known = storage.load_scores(run.path / "score"), samples(run)
    if len(scores) != len(known.images):
        raise RunDamaged(
            f"run {run.name!r} has {len(scores)} scores for {len(known.images)} training samples: they are not of the "
            f"same run; compute the scores again with 'stage score {run.name} --force'"
        )
    index = ScoreIndex(
        scores=scores.score,
        labels=known.images.labels,
        predictions=scores.predictions,
        corrupted=None if known.truth is None else known.truth.corrupted,
        class_names=known.class_names,
    )
    return Scored(scores=scores, index=index)


def _load(run: Run, stages: tuple[str, ...], read: Callable[[], Value], *, part: str = "") -> Value:
    """What ``read`` returns, kept as long as the stages are as they are; ``part`` tells two readers of them apart."""
    made_from = [("part", part)]
    for stage in stages:
        result = run_folder.read_stage(run, stage)
        if result is None:
            raise InputError(f"run {run.name!r} has no result of stage {stage!r} yet: compute it first")
        made_from.append((stage, result.digest))
    return _cached(tuple(made_from), read)


@st.cache_resource(max_entries=24, show_spinner=False)
def _cached(what: tuple[tuple[str, str], ...], _read: Callable[[], Any]) -> Any:  # noqa: ARG001 - the cache's key
    """Keyed by the digests of the stages: forks that share a stage share the record in memory too."""
    return _read()


# ---------------------------------------------------------------- jobs


def latest_job(name: str) -> Job | None:
    """The newest job of a run."""
    return jobs.latest(root(), name)


def all_jobs() -> list[Job]:
    """Every job, newest first."""
    return jobs.list_jobs(root())


def active_jobs() -> list[Job]:
    """The jobs that wait or run, newest first."""
    return jobs.active(root())


def log_tail(job_id: int, lines: int = 40) -> str:
    """The end of a job's log."""
    return jobs.log_tail(root(), job_id, lines)


def cancel(job_id: int) -> Job:
    """Stop a job; raises JobNotFound."""
    return jobs.cancel(root(), job_id)


def resume(job_id: int) -> Job:
    """Go on where a job ended."""
    return jobs.resume(root(), job_id)


def compute(name: str, stages: tuple[str, ...] = flow.NAMES, *, force: bool = False) -> Job:
    """Start a job on a run that exists."""
    return jobs.submit(root(), name, stages, force)


def start_demo() -> str:
    """Create the run of the demonstration and start its job; returns the run's name."""
    folder = root()
    config = run_config.demo("label", "lenet", "memorised", 0)
    run = run_folder.create(folder, config.model_copy(update={"name": run_folder.free_name(folder, config.name)}))
    jobs.submit(folder, run.name)
    return run.name


def start_repair(parent: Run, changes: dict[str, dict[str, Any]]) -> str:
    """Fork ``parent`` under changed settings and start the job; returns the new run's name.

    Args:
        parent: the run whose finished stages are shared.
        changes: new values by config section, as a form gives them.

    Raises:
        InputError: a value is impossible; nothing was created then.
    """
    values = parent.config.model_dump()
    for section, fields in changes.items():
        values[section] = {**values[section], **fields}
    stem = parent.name.split("-repair")[0][:60]
    values["name"] = run_folder.free_name(root(), f"{stem}-repair")
    run = run_folder.fork(parent, run_config.parse(values, origin="repair settings"))
    jobs.submit(root(), run.name)
    return run.name
