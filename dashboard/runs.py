"""The one door to the engine: runs, their results and their jobs, cached where reading costs. Never imports torch."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bir_core import array_files, durable, flow, job_rows, jobs, run_folder, storage
from bir_core import config as run_config
from bir_core.array_files import Rows
from bir_core.config import LANDMARKS, ReviewConfig, RunConfig
from bir_core.errors import InputError, JobNotFound, RunDamaged, StageFailed
from bir_core.jobs import Job
from bir_core.pictures import Pictures
from bir_core.records import Aligned, Doubles, Embedding, LabelledImages, Truth
from bir_core.run_folder import Run
from dashboard import labels
from dashboard.frames import Positions, ScoreIndex
from dashboard.shelf import Shelf

__all__ = ["LANDMARKS", "Job", "JobNotFound", "ReviewConfig", "Run", "RunConfig", "RunDamaged"]

FAULTS = (InputError, StageFailed, OSError)
"""What a view answers with one sentence."""

STAGE_TITLES = {name: job_rows.title(name) for name in (*flow.EVERY_NAME, job_rows.IMPORT)}
WHOLE_RUN = flow.NAMES
ACTIVE = ("queued", "running")

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """The images of the training part, (N, C, H, W); ``truth`` is None when nobody knows what is wrong."""

    images: Rows | Pictures
    class_names: tuple[str, ...]
    truth: Truth | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """The scores of the training part: sorted for the views, and what belongs to each sample."""

    index: ScoreIndex
    columns: dict[str, Rows]

    def of(self, sample: int) -> dict[str, NDArray[Any]]:
        """The row of one sample by column."""
        return {name: rows[sample] for name, rows in self.columns.items()}


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
    """The report of a run, with class names as a page shows them; its stage must be there.

    A fork that changed no figure shares it in memory, so ``run`` and ``config`` in it may be those of the parent.
    """

    def read() -> dict[str, Any]:
        found = storage.load_report(run.path / "evaluate")
        return found | {"data": found["data"] | {"class_names": list(labels.shown(found["data"]["class_names"]))}}

    return _load(run, ("evaluate",), read)


def sensitivity(run: Run) -> dict[str, Any]:
    """The run's repair at several thresholds; its stage must be there."""
    return _load(run, ("sensitivity",), lambda: storage.load_sensitivity(run.path / "sensitivity"))


def reserved_sizes(run: Run) -> list[dict[str, Any]]:
    """What smaller reserved sets would have found; its stage must be there."""
    return _load(run, ("reserved_sizes",), lambda: storage.load_reserved_sizes(run.path / "reserved_sizes"))


def samples(run: Run) -> Samples:
    """The training samples of a run."""
    return _load(run, ("data",), lambda: _read_samples(run.path / "data"))


def scored(run: Run) -> Scored:
    """The scores of a run."""
    return _load(run, ("data", "score"), lambda: _read_scores(run))


def losses(run: Run, samples: Positions) -> tuple[Doubles, Doubles]:
    """Losses (nats) of many samples before and after; all are mapped for a moment only."""
    scores = storage.load_scores(run.path / "score")
    return np.array(scores.loss_before[samples]), np.array(scores.loss_after[samples])


def aligned(run: Run) -> Aligned:
    """The aligned training samples of a run."""
    return _load(run, ("align",), lambda: storage.load_aligned(run.path / "align"))


def embedding(run: Run) -> Embedding:
    """Features of the samples of a run, and its map."""
    return _load(run, ("embed",), lambda: storage.load_embedding(run.path / "embed"))


def features(run: Run) -> Rows:
    """(N, d) features of the training samples of a run."""
    return _load(run, ("embed",), lambda: storage.load_feature_rows(run.path / "embed"), part="features")


def train_beliefs(run: Run, model: str) -> Rows:
    """(N, L) what a model of the report believes of the training samples; kept for the base and the first one."""
    folder = run.path / "evaluate"
    return _load(run, ("evaluate",), lambda: storage.load_probability_rows(folder, "train", model), part=model)


def reserved(run: Run) -> LabelledImages:
    """The reserved part of a run's data."""
    return _load(run, ("data",), lambda: storage.load_part(run.path / "data", "reserved"), part="reserved")


def reserved_version(run: Run) -> str:
    """Changes whenever the reserved images do."""
    result = run_folder.read_stage(run, "data")
    return "" if result is None else result.digest[:20]


def shelf(run: Run) -> Shelf:
    """The pictures of a run, with a version that changes whenever they do."""
    stages = ("data", "align") if has(run, "align") else ("data",)
    return _load(run, stages, lambda: _read_shelf(run, stages), part="shelf")


def _read_shelf(run: Run, stages: tuple[str, ...]) -> Shelf:
    digests = " ".join(run_folder.input_digest(run, stage) for stage in stages)
    indices, images = np.empty(0, dtype=np.int64), None
    if "align" in stages:
        indices, images = storage.load_aligned_images(run.path / "align")
    return Shelf(
        version=hashlib.sha256(digests.encode()).hexdigest()[:20],
        originals=samples(run).images,
        indices=indices,
        aligned=images,
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


def default_threshold(run: Run) -> float:
    """The threshold that the run's own config means: its threshold, or the one between K and K + 1."""
    wanted = run.config.identify.top_k
    return run.config.identify.threshold if wanted is None else scored(run).index.cut_for(wanted).threshold


def _read_samples(folder: Path) -> Samples:
    truth = storage.load_truth(folder)
    return Samples(
        images=storage.load_images(folder, "train"),
        class_names=labels.shown(storage.load_class_names(folder)),
        truth=truth if truth.corrupted.any() else None,
    )


def _read_scores(run: Run) -> Scored:
    ranking, known = storage.load_ranking(run.path / "score"), samples(run)
    given = storage.load_labels(run.path / "data", "train")
    if not len(ranking) == len(given) == len(known.images):
        raise RunDamaged(
            f"run {run.name!r} has {len(ranking)} scores for {len(given)} training samples: they are not of the "
            f"same run; compute the scores again with 'stage score {run.name} --force'"
        )
    index = ScoreIndex(
        scores=ranking.scores,
        order=ranking.order,
        labels=given.astype(np.min_scalar_type(len(known.class_names) - 1)),
        predictions=ranking.predictions,
        corrupted=None if known.truth is None else known.truth.corrupted,
        class_names=known.class_names,
    )
    _ = index.ascending
    array_files.forget(ranking.scores)
    return Scored(index=index, columns=storage.load_score_rows(run.path / "score"))


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
    run = run_folder.create(folder, config.model_copy(update={"name": durable.free_name(folder, config.name)}))
    jobs.submit(folder, run.name)
    return run.name


def start_run(config: RunConfig) -> str:
    """Create a run and start its job; returns the name. Raises InputError when the name is taken."""
    run = run_folder.create(root(), config)
    jobs.submit(root(), run.name)
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
    values["name"] = durable.free_name(root(), f"{stem}-repair")
    run = run_folder.fork(parent, run_config.parse(values, origin="repair settings"))
    jobs.submit(root(), run.name)
    return run.name
