"""Compute one cell of a setting. A cell's name says what it is, and ``compute`` lists the kinds."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.paper.cells import Cell
from benchmarks.paper.settings import Setting
from bir_core import (
    alignment,
    comparison,
    data_config,
    devices,
    enhancement,
    evaluation,
    identification,
    methods,
    pipeline,
    repair,
    review,
    run_folder,
    scoring,
    seeding,
    storage,
    treatment,
)
from bir_core.config import LANDMARKS, EnhanceConfig, ReviewConfig
from bir_core.detectors import linear_influence
from bir_core.detectors.evidence import Evidence
from bir_core.errors import InputError
from bir_core.method_config import Curvature
from bir_core.model_records import LayerChoice, ModelState
from bir_core.numerics import ranking
from bir_core.records import Aligned, Doubles, Flags, Integers, LabelledImages, Scores, Suspects, Treated
from bir_core.run_folder import Run
from bir_core.treatments.case import Case

SETS = {"own": "BIR's own set", "true": "the true set", "mixed": "75 % true, 25 % clean"}
INSPECTED = 60
"""Points of the curve in Figure 2."""


class Bench:
    """One setting: its run, computed as far as a cell needs it, and the cells."""

    def __init__(self, setting: Setting, root: Path, device: str) -> None:
        self.setting = setting
        self.root = root
        self.device_name = device

    # ------------------------------------------------------------ the run

    @cached_property
    def run(self) -> Run:
        wanted = self.setting.config(self.device_name)
        if not (self.root / wanted.name).exists():
            return run_folder.create(self.root, wanted)
        found = run_folder.open_run(self.root, wanted.name)
        if found.config.model_copy(update={"device": wanted.device}) != wanted:
            raise InputError(
                f"{found.path} was made with other settings than this benchmark's now: delete it, or --runs"
            )
        return found

    @cached_property
    def device(self) -> torch.device:
        return devices.resolve(self.device_name)

    def folder(self, stage: str) -> Path:
        """The finished result of ``stage``."""
        pipeline.compute(self.run, [stage])
        return self.run.path / stage

    @cached_property
    def train(self) -> LabelledImages:
        return storage.load_part(self.folder("data"), "train")

    @cached_property
    def reserved(self) -> LabelledImages:
        return storage.load_part(self.folder("data"), "reserved")

    @cached_property
    def test(self) -> LabelledImages:
        return storage.load_part(self.folder("data"), "test")

    @cached_property
    def corrupted(self) -> Flags:
        return storage.load_truth(self.folder("data")).corrupted

    @cached_property
    def noisy_classes(self) -> tuple[int, ...]:
        return storage.load_truth(self.folder("data")).noisy_classes

    @cached_property
    def base(self) -> ModelState:
        return storage.load_model(self.folder("base"), "base").state

    @cached_property
    def choice(self) -> LayerChoice:
        return storage.load_layer_choice(self.folder("select"))

    @cached_property
    def enhanced(self) -> ModelState:
        return storage.load_model(self.folder("enhance"), "enhanced").state

    @cached_property
    def scores(self) -> Scores:
        return storage.load_scores(self.folder("score"))

    @property
    def num_corrupted(self) -> int:
        """K, which the paper takes for known."""
        return int(self.corrupted.sum())

    # ------------------------------------------------------------ the cells

    def compute(self, name: str) -> Cell:
        """The cell called ``name``: KIND, or KIND/..., where KIND is one of the keys below."""
        kind, _, rest = name.partition("/")
        kinds: dict[str, Callable[[Any], Cell]] = {
            "detect": self._detect,
            "damping": self._damping,
            "treat": self._treat,
            "method": self._method,
            "layers": self._layers,
            "counts": self._counts,
            "threshold": self._threshold,
            "reserved": self._reserved,
        }
        return kinds[kind](rest)

    def _detect(self, detector: str) -> Cell:
        """Figures, cost and curve of a detector."""
        scores, cost, facts = self._detector_scores(detector)
        figures = ranking.detection_figures(
            scores, self.corrupted, methods.detector(detector).threshold_for(data_config.NUM_CLASSES)
        )
        order = identification.rank(scores)
        inspected = np.unique(np.linspace(0, len(scores), INSPECTED + 1).round().astype(int))
        found = np.concatenate([[0], np.cumsum(self.corrupted[order])])
        curve = {"inspected": inspected.tolist(), "identified": found[inspected].tolist()}
        return {**figures, **cost, "facts": dict(facts), "curve": curve}

    def _detector_scores(self, detector: str) -> tuple[Doubles, Cell, Mapping[str, Any]]:
        columns = {"bir": "score", "enhanced_loss": "loss_after", "loss": "loss_before"}
        if detector in columns:
            stages = ("score",) if detector == "loss" else ("select", "enhance", "score")
            return getattr(self.scores, columns[detector]), self._cost(stages), {"layers": self.choice.label}
        folder = self.folder(f"detect-{detector}")
        findings = storage.load_findings(folder)
        return storage.load_detector_scores(folder), self._cost((folder.name,)), findings["facts"]

    def _cost(self, stages: Sequence[str]) -> Cell:
        results = [run_folder.read_stage(self.run, stage) for stage in stages]
        known = [result for result in results if result is not None]
        return {
            "seconds": sum(result.seconds for result in known),
            "peak_memory_mb": max(result.peak_memory_mb for result in known),
        }

    def _treat(self, name: str) -> Cell:
        """TREATMENT/SET; "bir_auto" is BIR with the product's bounded step."""
        label, _, which = name.partition("/")
        suspects = {"own": self._own_set, "true": self._true_set, "mixed": self._mixed_set}[which]()
        return self._accuracy_after(
            label.removesuffix("_auto"), suspects, eta="auto" if label.endswith("_auto") else None
        )

    def _method(self, name: str) -> Cell:
        """A named pair of the paper: as many suspects as are corrupted, by its own detector, and its own treatment."""
        pair = methods.method(name)
        scores, cost, _ = self._detector_scores(pair.detector)
        cell = self._accuracy_after(pair.treatment, identification.rank(scores)[: self.num_corrupted])
        return {**cell, "detector_seconds": cost["seconds"]}

    def _accuracy_after(self, name: str, suspects: Integers, *, eta: str | None = None) -> Cell:
        case = self._case(suspects, name, eta=eta)
        started = time.perf_counter()
        outcome = treatment.treat(name, case)
        seconds = time.perf_counter() - started
        return {**self._accuracy(outcome.model.state), "seconds": seconds, "facts": dict(outcome.facts)}

    def _accuracy(self, model: ModelState) -> Cell:
        beliefs = evaluation.believe(model, self.test.images, device=self.device)
        figures = comparison.model_figures(beliefs, self.test.labels, self.noisy_classes)
        return {group: figures[group] for group in comparison.GROUPS}

    def _case(self, suspects: Integers, name: str, *, eta: str | None = None) -> Case:
        treated = review.treat(Suspects(indices=suspects, rule="top_k", threshold=None), ReviewConfig())
        config = self.run.config
        return Case(
            train=self.train,
            validation=storage.load_part(self.folder("data"), "validation"),
            reserved=self.reserved,
            base=self.base,
            enhanced=self.enhanced,
            layers=self.choice.layers,
            treated=treated,
            kept=self._kept(treated),
            aligned=self._aligned(self.enhanced, treated, eta=eta),
            config=config,
            seed=seeding.derive(config.seed, "repair" if name == "bir" else f"treat-{name}"),
            device=self.device,
        )

    def _kept(self, treated: Treated) -> LabelledImages:
        return repair.draw_remaining(self.train, treated, seed=seeding.derive(self.setting.seed, "repair"))

    def _aligned(self, enhanced: ModelState, treated: Treated, *, eta: str | None = None) -> Aligned:
        config = self.run.config.align
        if eta is not None:
            config = config.model_copy(update={"eta": eta})
        step = alignment.step_size(enhanced, self.train, treated.soft, config, device=self.device)
        found = alignment.align(
            enhanced, self.train, np.sort(treated.soft), eta=step, clamp=config.clamp, device=self.device
        )
        return repair.select_aligned(found, treated.soft)

    def _own_set(self) -> Integers:
        return identification.rank(self.scores.score)[: self.num_corrupted]

    def _true_set(self) -> Integers:
        return np.flatnonzero(self.corrupted)

    def _mixed_set(self) -> Integers:
        """75 % of K drawn from the truth and 25 % from clean samples (section 16 of the specification)."""
        draw = np.random.default_rng(seeding.derive(self.setting.seed, "mixed"))
        right = draw.permutation(np.flatnonzero(self.corrupted))[: round(0.75 * self.num_corrupted)]
        wrong = draw.permutation(np.flatnonzero(~self.corrupted))[: self.num_corrupted - len(right)]
        return np.sort(np.concatenate([right, wrong]))

    def _layers(self, label: str) -> Cell:
        """One row of Tables 6 and 7: loss after one epoch on this subset, AUC and accuracy if it were chosen."""
        row = next(candidate for candidate in self.choice.candidates if candidate.label == label)
        enhanced = self._enhance(row.layers, self.reserved)
        scores = scoring.score(self.base, enhanced, self.train, device=self.device).score
        repaired = self._repair(enhanced, row.layers, identification.rank(scores)[: self.num_corrupted])
        auc = ranking.ranking_auc(scores, self.corrupted)
        return {"loss": row.loss, "auc": auc, "chosen": self.choice.label, **self._accuracy(repaired)}

    def _counts(self, _rest: str) -> Cell:
        """Table 8: how many samples lie above each threshold."""
        scores = self.scores.score
        return {"truth": self.num_corrupted} | {
            name: int((scores > threshold).sum()) for name, threshold in LANDMARKS.items()
        }

    def _threshold(self, name: str) -> Cell:
        """One row of Tables 9 and 10: BIR's repair of everything above a threshold."""
        suspects = identification.identify(self.scores.score, threshold=LANDMARKS[name]).indices
        repaired = self._repair(self.enhanced, self.choice.layers, suspects)
        return {"num_suspects": len(suspects), **self._accuracy(repaired)}

    def _reserved(self, size: str) -> Cell:
        """One row of Table 11: everything with the first so many reserved samples, equally many of each class."""
        per_class = int(size) // len(np.unique(self.reserved.labels))
        chosen = np.concatenate(
            [np.flatnonzero(self.reserved.labels == label)[:per_class] for label in np.unique(self.reserved.labels)]
        )
        reserved = self.reserved.take(np.sort(chosen))
        choice = enhancement.choose_layers(
            self.base, reserved, self._enhance_config, seed=self._seed("select"), device=self.device
        )
        enhanced = self._enhance(choice.layers, reserved)
        scores = scoring.score(self.base, enhanced, self.train, device=self.device).score
        repaired = self._repair(enhanced, choice.layers, identification.rank(scores)[: self.num_corrupted])
        auc = ranking.ranking_auc(scores, self.corrupted)
        return {"auc": auc, "layers": choice.label, **self._accuracy(repaired)}

    def _damping(self, curvature: Curvature) -> Cell:
        """AUC of linear influence over the damping grid, so that it is not starved (section 9 of the specification)."""
        config = self.run.config
        options = config.methods.linear_influence.model_copy(update={"curvature": curvature})
        chosen = config.methods.model_copy(update={"linear_influence": options})
        evidence = Evidence(
            train=self.train,
            validation=storage.load_part(self.folder("data"), "validation"),
            reserved=self.reserved,
            base=self.base,
            margins=None,
            config=config.model_copy(update={"methods": chosen}),
            seed=self._seed("detect-linear_influence"),
            device=self.device,
        )
        found = linear_influence.scores_by_damping(evidence)
        return {f"d = {damping:g}": ranking.ranking_auc(scores, self.corrupted) for damping, scores in found.items()}

    # ------------------------------------------------------------ parts of the flow with other layers or reserved sets

    @property
    def _enhance_config(self) -> EnhanceConfig:
        return self.run.config.enhance

    def _seed(self, stage: str) -> int:
        return seeding.derive(self.setting.seed, stage)

    def _enhance(self, layers: tuple[str, ...], reserved: LabelledImages) -> ModelState:
        return enhancement.enhance(
            self.base, reserved, layers, self._enhance_config, seed=self._seed("enhance"), device=self.device
        ).state

    def _repair(self, enhanced: ModelState, layers: tuple[str, ...], suspects: Integers) -> ModelState:
        treated = review.treat(Suspects(indices=suspects, rule="top_k", threshold=None), ReviewConfig())
        return repair.repair(
            self.base,
            layers,
            self._aligned(enhanced, treated),
            repair.relabel(self.train, treated),
            self._kept(treated),
            config=self.run.config.repair,
            seed=self._seed("repair"),
            device=self.device,
        ).state
