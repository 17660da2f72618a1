"""Put everything that a run found into one JSON object, with a conclusion in words. The README documents its keys."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bir_core import identification, methods, noisy_classes
from bir_core.alignment import out_of_range
from bir_core.config import LANDMARKS, RunConfig
from bir_core.model_records import LayerChoice, TrainedModel
from bir_core.models import networks
from bir_core.noisy_classes import NoisyClasses
from bir_core.numerics import metrics, ranking
from bir_core.records import Aligned, Scores, Splits, Suspects, Treated, Truth
from bir_core.stage_result import FORMAT, StageResult

NAMES = {
    "bir": "BIR's repair",
    "fine_tune": "Fine-tuning on remaining samples",
    "retrain": "Retraining without the suspects",
    "enhanced": "the enhanced model itself",
    "bir_with_reserved": "BIR's repair with the reserved set added",
    "retrain_with_reserved": "Retraining with the reserved set",
    "rdia_static": "RDIA with static labels",
}
"""The models as a sentence calls them where that is not the title of the treatment."""

IMAGES = {"test": "test images", "reserved": "reserved images, each judged by models that were made without it"}
"""What accuracies are of, as a sentence calls it."""


@dataclass(frozen=True, kw_only=True)
class JudgedOn:
    """The images that accuracies are of.

    Attributes:
        part: "test"; or "reserved", where every model is judged on images that it was made without.
        num: how many they are.
        num_folds: of the cross-fitting; None on test images.
    """

    part: Literal["test", "reserved"]
    num: int
    num_folds: int | None

    @property
    def on(self) -> str:
        """The images in words."""
        return "test images" if self.part == "test" else "cross-fitted reserved set"


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """Everything that a report is made from.

    ``repaired`` is the model that the report puts first; ``models`` and ``differences`` are those of ``comparison``.
    """

    run: str
    config: RunConfig
    data: Splits
    truth: Truth
    noisy: NoisyClasses
    base: TrainedModel
    choice: LayerChoice
    enhanced: TrainedModel
    scores: Scores
    suspects: Suspects
    treated: Treated
    aligned: Aligned
    repaired: TrainedModel
    judged_on: JudgedOn
    models: Mapping[str, Any]
    differences: list[dict[str, Any]]
    stages: Mapping[str, StageResult]

    @property
    def is_no_op(self) -> bool:
        """Whether nothing was learned anew and the weights are the base model's.

        Asked of the weights: without a suspect some treatments do nothing, others unlearn what people removed or do
        not heed the suspects at all.
        """
        before, after = self.base.state.tensors, self.repaired.state.tensors
        return len(self.treated) == 0 and all(np.array_equal(before[name], after[name]) for name in before)


def compose(found: Findings) -> dict[str, Any]:
    """The report; accuracies and differences in percent, AUC, precision, recall and shares in 0..1."""
    num_treated, train = len(found.treated), len(found.data.train)
    method, no_op = found.config.evaluate.method, found.is_no_op
    return {
        "format": FORMAT,
        "run": found.run,
        "config": found.config.model_dump(),
        "data": data_section(found.data, found.truth, found.noisy, found.config.data.source),
        "base": base_section(found.base, found.config.base.preset),
        "selection": asdict(found.choice),
        "enhanced": {
            "num_epochs": len(found.enhanced.epochs),
            "kept_epoch": found.enhanced.kept_epoch,
            "reserved_loss": found.enhanced.epochs[-1].loss,
        },
        "identification": identification_section(found.scores, found.suspects, found.data, found.truth),
        "alignment": alignment_section(found.aligned, found.scores, clamp=found.config.align.clamp),
        "review": {name: len(getattr(found.config.review, name)) for name in ("keep", "remove", "relabel")},
        "repair": {
            "method": method,
            "num_aligned": len(found.treated.soft),
            "num_relabelled": len(found.treated.relabelled),
            "num_remaining": min(num_treated, train - len(found.treated.others_than)),
            "num_epochs": len(found.repaired.epochs) or None,
            "no_op": no_op,
        },
        "evaluation": {"on": found.judged_on.on, **asdict(found.judged_on)},
        "models": dict(found.models),
        "differences": found.differences,
        "conclusion": conclude(
            method, found.models, found.differences, no_op=no_op, images=IMAGES[found.judged_on.part]
        ),
        "seconds": {name: result.seconds for name, result in found.stages.items()},
        "peak_memory_mb": {name: result.peak_memory_mb for name, result in found.stages.items()},
    }


def data_section(splits: Splits, truth: Truth, noisy: NoisyClasses, source: str) -> dict[str, Any]:
    """How much data of which kind there was; numbers of corrupted samples are None where nobody knows."""
    classes = range(len(splits.class_names))
    return {
        "source": source,
        "origin": splits.origin,
        "corruption": truth.corruption,
        "class_names": list(splits.class_names),
        "num_train": len(splits.train),
        "num_validation": len(splits.validation),
        "num_reserved": len(splits.reserved),
        "num_test": len(splits.test),
        "truth_known": truth.known,
        "noisy_classes": list(noisy.labels),
        "noisy_classes_origin": noisy.origin,
        "clean_classes": [label for label in classes if label not in noisy.labels],
        "num_corrupted": int(truth.corrupted.sum()) if truth.known else None,
        "num_validation_corrupted": truth.num_validation_corrupted if truth.known else None,
    }


def base_section(base: TrainedModel, preset: str) -> dict[str, Any]:
    """What was trained."""
    return {
        "network": base.state.network,
        "preset": preset,
        "start": base.start,
        "num_parameters": networks.num_parameters(base.state),
        "num_epochs": len(base.epochs),
        "kept_epoch": base.kept_epoch,
    }


def identification_section(scores: Scores, suspects: Suspects, splits: Splits, truth: Truth) -> dict[str, Any]:
    """How many suspects, and how well the score ranks the truly corrupted (AUC, precision, recall in 0..1)."""
    known = bool(truth.corrupted.any())
    precision, recall = metrics.precision_recall(suspects.indices, truth.corrupted) if known else (None, None)
    return {
        "rule": suspects.rule,
        "threshold": suspects.threshold,
        "num_scored": len(scores),
        "num_suspects": len(suspects),
        "num_true_suspects": int(truth.corrupted[suspects.indices].sum()) if known else None,
        "auc": ranking.ranking_auc(scores.score, truth.corrupted),
        "auc_enhanced_loss": ranking.ranking_auc(scores.loss_after, truth.corrupted),
        "detectors": free_detectors(scores, truth),
        "precision": precision,
        "recall": recall,
        "per_class": _suspects_per_class(suspects, splits, truth),
        "landmarks": [_landmark(name, value, scores, truth) for name, value in LANDMARKS.items()],
    }


def free_detectors(scores: Scores, truth: Truth) -> dict[str, dict[str, Any]]:
    """Figures of the detectors whose scores are columns of the score stage, see ``ranking.detection_figures``."""
    num_classes = scores.soft_labels.shape[1]
    columns = {"bir": scores.score, "enhanced_loss": scores.loss_after, "loss": scores.loss_before}
    return {
        one.name: ranking.detection_figures(columns[one.name], truth.corrupted, one.threshold_for(num_classes))
        for one in methods.DETECTORS
        if one.free
    }


def alignment_section(aligned: Aligned, scores: Scores, *, clamp: bool) -> dict[str, Any]:
    """What the energy step did to the suspects; None where there are none."""
    figures: dict[str, Any] = {"eta": aligned.eta, "clamp": clamp, "num": len(aligned)}
    if len(aligned) == 0:
        names = ("mean_relative_step", "out_of_range", "energy_before", "energy_after", "label_change_rate")
        return figures | dict.fromkeys(names)
    changed = aligned.soft_labels.argmax(1) != scores.predictions[aligned.indices]
    return figures | {
        "mean_relative_step": float(aligned.relative_step.mean()),
        "out_of_range": out_of_range(aligned.images),
        "energy_before": float(aligned.energy_before.mean()),
        "energy_after": float(aligned.energy_after.mean()),
        "label_change_rate": float(changed.mean()),
    }


def conclude(
    method: str,
    models: Mapping[str, Any],
    rows: list[dict[str, Any]],
    *,
    no_op: bool,
    images: str = IMAGES["test"],
) -> str:
    """What a person should do, in words: take the repaired model, another one, or leave the model as it is.

    Args:
        method: the model that the report puts first.
        models: figures of every model, see ``comparison.model_figures``.
        rows: paired differences, see ``comparison.differences``.
        no_op: see ``Findings.is_no_op``.
        images: what the accuracies are of.
    """
    name = _called(method)
    if no_op:
        return "No sample is suspect at this threshold, so there is nothing to repair: leave the model as it is."
    gain = _row(rows, method, "base")["all"]
    before, after = models["base"]["all"], models[method]["all"]
    change = f"{before:.2f} % to {after:.2f} % of all {images} ({_signed(gain)})"
    rival = max((other for other in models if other not in (method, "base")), key=lambda other: models[other]["all"])
    best = f"{models[rival]['all']:.2f} %"
    if gain["high"] < 0:
        first = f"{name} is worse than leaving the model alone: from {change}."
        if _row(rows, rival, "base")["all"]["low"] > 0:
            return f"{first} {_called(rival)} is better than both: {best}."
        if models[rival]["all"] > before:
            return f"{first} Leave the model as it is. {_called(rival)} does as well, within chance: {best}."
        return f"{first} Leave the model as it is. No other model beats it either."
    if gain["low"] > 0:
        first = f"{name} raises the accuracy from {change}."
    else:
        first = f"{name} is not better than leaving the model alone, beyond chance: from {change}."
    lead = _row(rows, method, rival)["all"]
    if lead["difference"] > 0:
        return f"{first} None of the models compared with it is better."
    certainty = "is better still" if lead["high"] < 0 else "does as well, within chance"
    return f"{first} {_called(rival)} {certainty}: {best}."


def _called(model: str) -> str:
    """A model at the start of a sentence."""
    name = NAMES[model] if model in NAMES else methods.treatment(model).title
    return name[0].upper() + name[1:]


def _signed(gain: dict[str, float]) -> str:
    return f"{gain['difference']:+z.2f} points, 95 % interval {gain['low']:+z.2f} to {gain['high']:+z.2f}"


def _row(rows: list[dict[str, Any]], model: str, minus: str) -> dict[str, Any]:
    return next(row for row in rows if row["model"] == model and row["minus"] == minus)


def _suspects_per_class(suspects: Suspects, splits: Splits, truth: Truth) -> list[dict[str, Any]]:
    """A row per class: samples, suspects, their share with its 95 % interval in 0..1, and the corrupted ones."""
    labels, num_classes = splits.train.labels, len(splits.class_names)
    corrupted = np.bincount(labels[truth.corrupted], minlength=num_classes).tolist() if truth.known else None
    return [
        asdict(row) | {"num_corrupted": None if corrupted is None else corrupted[row.label]}
        for row in noisy_classes.shares(labels, suspects.indices, num_classes)
    ]


def _landmark(name: str, threshold: float, scores: Scores, truth: Truth) -> dict[str, Any]:
    chosen = identification.identify(scores.score, threshold=threshold).indices
    known = bool(truth.corrupted.any())
    precision, recall = metrics.precision_recall(chosen, truth.corrupted) if known else (None, None)
    return {
        "name": name,
        "threshold": threshold,
        "num_suspects": len(chosen),
        "precision": precision,
        "recall": recall,
    }
