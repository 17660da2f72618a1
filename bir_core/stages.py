"""The arrows of the flow on a run folder: read what a stage needs, call its pure function, say how to save its record.

Only here and in the modules beside it (``judging``, ``extras``, ``method_stages``) are both the pure stages and the
storage known. No stage before ``evaluate`` gets to know the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from bir_core import (
    alignment,
    base,
    embedding,
    enhancement,
    identification,
    noisy_classes,
    repair,
    review,
    scoring,
    seeding,
    storage,
)
from bir_core.data import experiment, own
from bir_core.data_config import DataConfig
from bir_core.model_records import ModelState
from bir_core.noisy_classes import NoisyClasses
from bir_core.records import Aligned, LabelledImages, Progress, Suspects, Treated
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

    def noisy_classes(self) -> NoisyClasses:
        """The noisy classes: known, named by the user, or ranked by the suspects."""
        folder = self.folder("data")
        labels, names = storage.load_labels(folder, "train"), storage.load_class_names(folder)
        shares = noisy_classes.shares(labels, self.suspects().indices, len(names))
        return noisy_classes.find(storage.load_truth(folder), shares)

    def treated(self) -> Treated:
        """What the repair does with which samples."""
        labels, names = storage.load_labels(self.folder("data"), "train"), storage.load_class_names(self.folder("data"))
        review.check(self.run.config.review, len(labels), len(names))
        return review.treat(self.suspects(), self.run.config.review)


def _data(work: Work) -> Write:
    data = work.run.config.data
    parts, truth = (
        experiment.make(data, work.run.config.base, seed=work.seed, device=work.device, progress=work.progress)
        if isinstance(data, DataConfig)
        else own.load(data, work.run.config.base.wanted_card, seed=work.seed)
    )

    def write(folder: Path) -> None:
        storage.save_splits(folder, parts)
        storage.save_truth(folder, truth)

    return write


def _base(work: Work) -> Write:
    trained = base.base_model(
        work.train(),
        storage.load_part(work.folder("data"), "validation"),
        len(storage.load_class_names(work.folder("data"))),
        work.run.config.base,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )

    def write(folder: Path) -> None:
        storage.save_model(folder, "base", trained)
        storage.save_margins(folder, trained)

    return write


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


def _embed(work: Work) -> Write:
    found = embedding.embed(
        work.model("enhance", "enhanced"),
        work.train(),
        storage.load_part(work.folder("data"), "reserved"),
        work.run.config.embed,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )
    return partial(storage.save_embedding, embedding=found)


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
    wanted = alignment.which_to_align(
        ranking, len(suspects), train.images.nbytes // max(1, len(train)), config.stored_mb * 2**20
    )
    aligned = alignment.align(
        enhanced, train, wanted, eta=eta, clamp=config.clamp, device=work.device, progress=work.progress
    )
    return partial(storage.save_aligned, aligned=aligned)


def _repair(work: Work) -> Write:
    train, treated = work.train(), work.treated()
    kept = repair.draw_remaining(train, treated, seed=work.seed)
    with_reserved = repair.join(kept, storage.load_part(work.folder("data"), "reserved"))
    cap = work.run.config.repair.max_epochs
    bir, ablation = (
        repair.repair(
            work.model("base", "base"),
            storage.load_layer_choice(work.folder("select")).layers,
            aligned_suspects(work),
            repair.relabel(train, treated),
            samples,
            config=work.run.config.repair,
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
    train, treated = work.train(), work.treated()
    kept = repair.draw_remaining(train, treated, seed=seeding.derive(config.seed, "repair"))
    tuned = repair.fine_tune(
        work.model("base", "base"),
        repair.join(repair.relabel(train, treated), kept),
        config.repair,
        seed=work.seed,
        device=work.device,
    )
    retrained = base.train_base(
        repair.cleaned(train, treated),
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
"""The models that every report has, and the stages that make them."""


def models_beside(method: str) -> dict[str, str]:
    """The models of a report that puts ``method`` first, and the stages that make them."""
    return MODELS if method in MODELS else {**MODELS, method: f"treat-{method}"}


def aligned_suspects(work: Work) -> Aligned:
    """The suspects that are treated, aligned, most suspect first."""
    return repair.select_aligned(storage.load_aligned(work.folder("align")), work.treated().soft)


def _part_of(progress: Progress, part: int, size: int, total: int) -> Progress:
    """Progress of one of several equal parts."""
    return lambda done, _total: progress(part * size + done, total)


FUNCTIONS: dict[str, Callable[[Work], Write]] = {
    "data": _data,
    "base": _base,
    "select": _select,
    "enhance": _enhance,
    "score": _score,
    "embed": _embed,
    "identify": _identify,
    "align": _align,
    "repair": _repair,
    "compare": _compare,
}
