"""Run the stages of ``flow.STAGES`` on a run folder: read what a stage needs, call its pure function, save its record.

This is the only place that knows both the stages and the storage. Each function below is one arrow of the flow: it
returns how to write its result.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from bir_core import (
    alignment,
    base,
    devices,
    enhancement,
    evaluation,
    flow,
    identification,
    repair,
    report,
    run_folder,
    scoring,
    seeding,
    storage,
)
from bir_core.data import corruptions, sources, splits
from bir_core.flow import StageEvent, Watch
from bir_core.records import Aligned, LabelledImages, ModelState, Progress, Suspects
from bir_core.run_folder import Run

Write = Callable[[Path], None]
"""Fills the folder of one stage's result."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a stage's function is given."""

    run: Run
    seed: int
    device: torch.device
    progress: Progress

    def folder(self, stage: str) -> Path:
        """Where the result of ``stage`` lies."""
        return self.run.path / stage

    def train(self) -> LabelledImages:
        """The training part, as its owner has it."""
        return storage.load_part(self.folder("data"), "train")

    def model(self, stage: str, name: str) -> ModelState:
        """A model that ``stage`` has made."""
        return storage.load_model(self.folder(stage), name).state

    def suspects(self) -> Suspects:
        """The suspects, most suspect first."""
        return storage.load_suspects(self.folder("identify"))


def _no_watch(_event: StageEvent) -> None:
    """For callers that do not watch."""


def compute(run: Run, stages: Sequence[str] = flow.NAMES, *, force: bool = False, watch: Watch = _no_watch) -> None:
    """Compute the named stages of a run, in flow order, and before them those that they need and that are stale.

    A stage whose inputs and config are unchanged is skipped, unless it is named and ``force`` is given. Nothing else
    can write into the run meanwhile.

    Args:
        run: the run.
        stages: names of stages.
        force: compute the named stages again even if nothing changed.
        watch: told when a stage is skipped, started, goes on and is finished.

    Raises:
        InputError: unknown stage, or data, config or device that cannot be used.
        RunBusy: another process computes this run.
        StageFailed: a stage could not be computed, for instance because a loss became NaN.
    """
    wanted = _with_needs(stages)
    with run_folder.lock(run.path):
        torch.use_deterministic_algorithms(True)
        for name in flow.NAMES:
            if name not in wanted:
                continue
            if run_folder.is_fresh(run, name) and not (force and name in stages):
                watch(StageEvent(stage=name, state="skipped"))
                continue
            _compute_stage(run, name, watch)


def _with_needs(stages: Sequence[str]) -> set[str]:
    wanted: set[str] = set()
    pending = list(stages)
    while pending:
        stage = flow.find(pending.pop())
        wanted.add(stage.name)
        pending += [need for need in stage.needs if need not in wanted]
    return wanted


def _compute_stage(run: Run, name: str, watch: Watch) -> None:
    for need in flow.find(name).needs:
        run_folder.read_stage(run, need, verify=True)
    watch(StageEvent(stage=name, state="started"))
    device = devices.resolve(run.config.device)

    def progress(done: int, total: int) -> None:
        watch(StageEvent(stage=name, state="working", done=done, total=total))

    work = Work(run=run, seed=seeding.derive(run.config.seed, name), device=device, progress=progress)
    started = time.perf_counter()
    write = FUNCTIONS[name](work)
    seconds = time.perf_counter() - started
    run_folder.save_stage(run, name, write, seconds=seconds, peak_memory_mb=_peak_memory_mb(), device=str(device))
    watch(StageEvent(stage=name, state="finished", seconds=seconds))


def _data(work: Work) -> Write:
    config = work.run.config
    clean = splits.split(sources.load(config.data.source), config.data, seed=work.seed)
    victim = None
    if config.data.corruption == "adv":
        victim = base.train_base(
            clean.train,
            clean.validation,
            len(clean.class_names),
            config.base,
            seed=seeding.derive(work.seed, "victim"),
            device=work.device,
            progress=work.progress,
        ).state
    corrupted, truth = corruptions.corrupt(
        clean, config.data, seed=seeding.derive(work.seed, "corruption"), victim=victim, device=work.device
    )

    def write(folder: Path) -> None:
        storage.save_splits(folder, corrupted)
        storage.save_truth(folder, truth)

    return write


def _base(work: Work) -> Write:
    trained = base.train_base(
        work.train(),
        storage.load_part(work.folder("data"), "validation"),
        len(storage.load_class_names(work.folder("data"))),
        work.run.config.base,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )
    return partial(storage.save_model, name="base", trained=trained)


def _select(work: Work) -> Write:
    choice = enhancement.choose_layers(
        work.model("base", "base"),
        storage.load_part(work.folder("data"), "reserved"),
        work.run.config.enhance,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )
    return partial(storage.save_layer_choice, choice=choice)


def _enhance(work: Work) -> Write:
    trained = enhancement.enhance(
        work.model("base", "base"),
        storage.load_part(work.folder("data"), "reserved"),
        storage.load_layer_choice(work.folder("select")).layers,
        work.run.config.enhance,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )
    return partial(storage.save_model, name="enhanced", trained=trained)


def _score(work: Work) -> Write:
    scores = scoring.score(
        work.model("base", "base"),
        work.model("enhance", "enhanced"),
        work.train(),
        device=work.device,
        progress=work.progress,
    )
    return partial(storage.save_scores, scores=scores)


def _identify(work: Work) -> Write:
    config = work.run.config.identify
    scores = storage.load_scores(work.folder("score")).score
    suspects = identification.identify(scores, threshold=config.threshold, top_k=config.top_k)
    return partial(storage.save_suspects, suspects=suspects)


def _align(work: Work) -> Write:
    config = work.run.config.align
    train, suspects = work.train(), work.suspects()
    enhanced = work.model("enhance", "enhanced")
    ranking = identification.rank(storage.load_scores(work.folder("score")).score)
    eta = alignment.step_size(enhanced, train, suspects.indices, config, device=work.device)
    wanted = alignment.which_to_align(ranking, len(suspects), train.images[0].nbytes, config.stored_mb * 2**20)
    aligned = alignment.align(
        enhanced, train, wanted, eta=eta, clamp=config.clamp, device=work.device, progress=work.progress
    )
    return partial(storage.save_aligned, aligned=aligned)


def _repair(work: Work) -> Write:
    train, suspects = work.train(), work.suspects()
    kept = repair.draw_remaining(train, suspects.indices, seed=work.seed)
    with_reserved = repair.join(kept, storage.load_part(work.folder("data"), "reserved"))
    cap = work.run.config.repair.max_epochs
    bir, ablation = (
        repair.repair(
            work.model("base", "base"),
            storage.load_layer_choice(work.folder("select")).layers,
            _aligned_suspects(work),
            samples,
            work.run.config.repair,
            seed=work.seed,
            device=work.device,
            progress=_part_of(work.progress, part, cap, 2 * cap),
        )
        for part, samples in enumerate((kept, with_reserved))
    )

    def write(folder: Path) -> None:
        storage.save_model(folder, "bir", bir)
        storage.save_model(folder, "bir_with_reserved", ablation)

    return write


def _compare(work: Work) -> Write:
    config = work.run.config
    train, suspects = work.train(), work.suspects()
    tuned = repair.fine_tune(
        work.model("base", "base"),
        repair.draw_remaining(train, suspects.indices, seed=seeding.derive(config.seed, "repair")),
        config.repair,
        seed=work.seed,
        device=work.device,
    )
    retrained = base.train_base(
        repair.without(train, suspects.indices),
        storage.load_part(work.folder("data"), "validation"),
        len(storage.load_class_names(work.folder("data"))),
        config.base,
        seed=seeding.derive(config.seed, "base"),
        device=work.device,
        progress=work.progress,
    )

    def write(folder: Path) -> None:
        storage.save_model(folder, "fine_tune", tuned)
        storage.save_model(folder, "retrain", retrained)

    return write


MODELS = {
    "base": "base",
    "enhanced": "enhance",
    "bir": "repair",
    "bir_with_reserved": "repair",
    "fine_tune": "compare",
    "retrain": "compare",
}
"""Every model of a report, and the stage that makes it."""


def _evaluate(work: Work) -> Write:
    config = work.run.config
    data = storage.load_splits(work.folder("data"))
    truth = storage.load_truth(work.folder("data"))
    predictions = {}
    for name, stage in MODELS.items():
        predictions[name] = evaluation.predict(work.model(stage, name), data.test.images, device=work.device)
        work.progress(len(predictions), len(MODELS))
    models = {
        name: evaluation.model_figures(found, data.test, truth.noisy_classes, len(data.class_names))
        for name, found in predictions.items()
    }
    rows = evaluation.differences(predictions, config.evaluate.method, data.test, truth.noisy_classes)
    scores, suspects = storage.load_scores(work.folder("score")), work.suspects()
    enhanced = storage.load_model(work.folder("enhance"), "enhanced")
    results = {name: run_folder.read_stage(work.run, name) for name in flow.NAMES}
    values = {
        "format": run_folder.FORMAT,
        "run": work.run.name,
        "config": config.model_dump(),
        "data": report.data_section(data, truth, config.data.source),
        "base": report.base_section(storage.load_model(work.folder("base"), "base"), config.base.preset),
        "selection": report.selection_section(storage.load_layer_choice(work.folder("select"))),
        "enhanced": {
            "num_epochs": len(enhanced.epochs),
            "kept_epoch": enhanced.kept_epoch,
            "reserved_loss": enhanced.epochs[-1].loss,
        },
        "identification": report.identification_section(scores, suspects, data, truth),
        "alignment": report.alignment_section(_aligned_suspects(work), scores, clamp=config.align.clamp),
        "repair": {
            "method": config.evaluate.method,
            "num_aligned": len(suspects),
            "num_remaining": min(len(suspects), len(data.train) - len(suspects)),
            "num_epochs": len(storage.load_model(work.folder("repair"), "bir").epochs),
            "no_op": len(suspects) == 0,
        },
        "models": models,
        "differences": rows,
        "conclusion": report.conclude(config.evaluate.method, len(suspects), models, rows),
        "seconds": {name: result.seconds for name, result in results.items() if result and name != "evaluate"},
        "peak_memory_mb": {
            name: result.peak_memory_mb for name, result in results.items() if result and name != "evaluate"
        },
    }
    return partial(storage.save_report, report=values)


def _aligned_suspects(work: Work) -> Aligned:
    return repair.select_aligned(storage.load_aligned(work.folder("align")), work.suspects().indices)


def _part_of(progress: Progress, part: int, size: int, total: int) -> Progress:
    """Progress of one of several equal parts."""
    return lambda done, _total: progress(part * size + done, total)


def _peak_memory_mb() -> float:
    """Largest resident memory of this process so far; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


FUNCTIONS: dict[str, Callable[[Work], Write]] = {
    "data": _data,
    "base": _base,
    "select": _select,
    "enhance": _enhance,
    "score": _score,
    "identify": _identify,
    "align": _align,
    "repair": _repair,
    "compare": _compare,
    "evaluate": _evaluate,
}
