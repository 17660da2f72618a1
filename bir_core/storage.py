"""Every record of the flow, saved to and loaded from a stage's folder. ``.npy``, safetensors and JSON only.

Arrays come back read-only and memory-mapped where they are big. Columns are ``.npy`` too, since Parquet must be decoded
whole: a million samples with ten classes took a server 300 MB that way. No torch here, and never a pickle.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from bir_core import array_files, durable, pictures
from bir_core.array_files import Rows
from bir_core.errors import RunDamaged
from bir_core.model_records import CandidateSubset, Epoch, LayerChoice, ModelState, TrainedModel
from bir_core.pictures import Pictures
from bir_core.records import (
    Aligned,
    Doubles,
    Embedding,
    Floats,
    Integers,
    LabelledImages,
    Ranking,
    Scores,
    Splits,
    Suspects,
    Truth,
)

SCORES = ("loss_before", "loss_after", "base_predictions", "soft_labels")
ALIGNED = ("indices", "images", "soft_labels", "energy_before", "energy_after", "relative_step")
PARTS = ("train", "validation", "reserved", "test")


def save_splits(folder: Path, splits: Splits) -> None:
    """Images, labels and ids of each part, as ``PART_images.npy`` and so on; of files only where they lie."""
    for name in PARTS:
        part: LabelledImages = getattr(splits, name)
        array_files.write_arrays(folder, {f"{name}_labels": part.labels, f"{name}_ids": part.ids})
        if isinstance(part.images, Pictures):
            pictures.save(folder / f"{name}_files.arrow", part.images)
        else:
            array_files.write_arrays(folder, {f"{name}_images": np.asarray(part.images)})
    durable.write_json(folder / "classes.json", {"names": splits.class_names, "origin": splits.origin})


@array_files.naming_damage
def load_splits(folder: Path) -> Splits:
    """The parts of the data; images are memory-mapped."""
    parts = {name: load_part(folder, name) for name in PARTS}
    return Splits(**parts, class_names=load_class_names(folder), origin=_read_classes(folder)["origin"])


@array_files.naming_damage
def load_part(folder: Path, name: str) -> LabelledImages:
    """One part of the data, "train", "validation", "reserved" or "test"."""
    labels, ids = array_files.read_arrays(folder, f"{name}_labels", f"{name}_ids")
    stored = _pictures(folder, name)
    images = array_files.read_array(folder / f"{name}_images.npy") if stored is None else stored
    array_files.same_number(len(labels), images, f"{name}_images")
    return LabelledImages(images=images, labels=labels, ids=ids)


def load_labels(folder: Path, name: str) -> Integers:
    """(N,) given labels of one part of the data, without its images."""
    return array_files.read_array(folder / f"{name}_labels.npy")


def load_images(folder: Path, name: str) -> Rows | Pictures:
    """(N, C, H, W) images of one part of the data, to be read one by one."""
    return _pictures(folder, name) or Rows(folder / f"{name}_images.npy")


def _pictures(folder: Path, name: str) -> Pictures | None:
    """Where the images of a part lie, if they are their owner's files."""
    path = folder / f"{name}_files.arrow"
    return pictures.load(path) if path.exists() else None


@array_files.naming_damage
def load_class_names(folder: Path) -> tuple[str, ...]:
    """Names of the classes, in label order."""
    return tuple(_read_classes(folder)["names"])


def save_truth(folder: Path, truth: Truth) -> None:
    """What was corrupted, beside the data but in files of its own."""
    names = ("corrupted", "original_labels", "original_images")
    array_files.write_arrays(folder, {f"truth_{name}": getattr(truth, name) for name in names})
    facts = {
        "corruption": truth.corruption,
        "noisy_classes": list(truth.noisy_classes),
        "num_validation_corrupted": truth.num_validation_corrupted,
    }
    durable.write_json(folder / "truth.json", facts)


@array_files.naming_damage
def load_truth(folder: Path) -> Truth:
    """What was corrupted; for evaluation and for people, never for a stage before it."""
    corrupted, labels = array_files.read_arrays(folder, "truth_corrupted", "truth_original_labels")
    facts = durable.read_json(folder / "truth.json")
    originals = array_files.read_array(folder / "truth_original_images.npy")
    array_files.same_number(corrupted.sum(), originals, "truth_original_images.npy")
    return Truth(
        corrupted=corrupted,
        original_labels=labels,
        original_images=originals,
        noisy_classes=tuple(facts["noisy_classes"]),
        corruption=facts["corruption"],
        num_validation_corrupted=facts["num_validation_corrupted"],
    )


def save_model(folder: Path, name: str, trained: TrainedModel) -> None:
    """Weights as ``NAME.safetensors`` (network, shapes, card and groups in its metadata), the log as ``NAME.json``."""
    state = trained.state
    tensors = {key: np.asarray(value, order="C") for key, value in state.tensors.items()}
    safetensors.numpy.save_file(tensors, folder / f"{name}.safetensors", metadata={"bir": json.dumps(state.facts())})
    log = {"epochs": [asdict(epoch) for epoch in trained.epochs]}
    durable.write_json(folder / f"{name}.json", log | {"kept_epoch": trained.kept_epoch, "start": trained.start})


@array_files.naming_damage
def load_model(folder: Path, name: str) -> TrainedModel:
    """A model and its training log."""
    path = folder / f"{name}.safetensors"
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})["bir"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RunDamaged(
            f"{path} is not a model of this program ({error}): compute the stage again with --force"
        ) from None
    state = ModelState.of(facts, tensors)
    log = durable.read_json(folder / f"{name}.json")
    epochs = tuple(Epoch(**epoch) for epoch in log["epochs"])
    return TrainedModel(state=state, epochs=epochs, kept_epoch=log["kept_epoch"], start=log.get("start", ""))


def save_margins(folder: Path, trained: TrainedModel) -> None:
    """(N,) training margins, where they were taken."""
    if trained.margins is not None:
        np.save(folder / "margins.npy", trained.margins)


@array_files.naming_damage
def load_margins(folder: Path) -> Doubles | None:
    """(N,) training margins; None where none were taken."""
    path = folder / "margins.npy"
    return array_files.read_array(path) if path.exists() else None


def save_detector_scores(folder: Path, scores: Doubles) -> None:
    """(N,) a detector's scores as ``scores.npy``."""
    np.save(folder / "scores.npy", scores)


@array_files.naming_damage
def load_detector_scores(folder: Path) -> Doubles:
    """(N,) a detector's scores in data-set order; memory-mapped."""
    return array_files.read_array(folder / "scores.npy")


def save_findings(folder: Path, values: dict[str, Any]) -> None:
    """Facts and figures of a detector or a treatment as ``findings.json``."""
    durable.write_json(folder / "findings.json", values)


@array_files.naming_damage
def load_findings(folder: Path) -> dict[str, Any]:
    """Facts and figures of a detector or a treatment, see ``method_stages``."""
    values: dict[str, Any] = durable.read_json(folder / "findings.json")
    return values


def save_layer_choice(folder: Path, choice: LayerChoice) -> None:
    """The chosen subset and the whole table of losses."""
    durable.write_json(folder / "selection.json", asdict(choice))


@array_files.naming_damage
def load_layer_choice(folder: Path) -> LayerChoice:
    """The chosen subset and the whole table of losses."""
    values = durable.read_json(folder / "selection.json")
    candidates = tuple(CandidateSubset(**{**row, "layers": tuple(row["layers"])}) for row in values["candidates"])
    return LayerChoice(**{**values, "layers": tuple(values["layers"]), "candidates": candidates})


def save_scores(folder: Path, scores: Scores) -> None:
    """One ``.npy`` file per column, and the ranking that follows from them (see ``Ranking``)."""
    array_files.write_arrays(folder, {name: getattr(scores, name) for name in SCORES})
    num_classes = scores.soft_labels.shape[1]
    ranking = {
        "scores": scores.score,
        "predictions": scores.predictions.astype(np.min_scalar_type(num_classes - 1)),
        "order": np.argsort(-scores.score, kind="stable").astype(np.uint32),
    }
    array_files.write_arrays(folder, ranking)


@array_files.naming_damage
def load_scores(folder: Path) -> Scores:
    """The scores of every training sample, in data-set order; memory-mapped."""
    return Scores(**dict(zip(SCORES, array_files.read_arrays(folder, *SCORES), strict=True)))


def load_score_rows(folder: Path) -> dict[str, Rows]:
    """The columns of ``Scores`` by name, to be read sample by sample."""
    return {name: Rows(folder / f"{name}.npy") for name in SCORES}


@array_files.naming_damage
def load_ranking(folder: Path) -> Ranking:
    """The training samples by score; memory-mapped."""
    scores, predictions, order = array_files.read_arrays(folder, "scores", "predictions", "order")
    return Ranking(scores=scores, predictions=predictions, order=order)


def save_embedding(folder: Path, embedding: Embedding) -> None:
    """Features and coordinates as ``.npy`` files of float32, to be memory-mapped; the layout as JSON."""
    columns = {name: getattr(embedding, name) for name in ("features", "reserved_features", "coordinates")}
    array_files.write_arrays(folder, columns)
    durable.write_json(folder / "layout.json", {"layout": embedding.layout})


@array_files.naming_damage
def load_embedding(folder: Path) -> Embedding:
    """Features of the samples and their places on the map, memory-mapped."""
    features, coordinates = array_files.read_arrays(folder, "features", "coordinates")
    return Embedding(
        features=features,
        reserved_features=array_files.read_array(folder / "reserved_features.npy"),
        coordinates=coordinates,
        layout=durable.read_json(folder / "layout.json")["layout"],
    )


def load_feature_rows(folder: Path) -> Rows:
    """(N, d) penultimate features of the training samples, to be read sample by sample."""
    return Rows(folder / "features.npy")


def save_suspects(folder: Path, suspects: Suspects) -> None:
    """Positions of the suspects, most suspect first, and the rule that picked them."""
    np.save(folder / "suspects.npy", suspects.indices)
    durable.write_json(folder / "rule.json", {"rule": suspects.rule, "threshold": suspects.threshold})


@array_files.naming_damage
def load_suspects(folder: Path) -> Suspects:
    """The suspects, most suspect first."""
    return Suspects(indices=array_files.read_array(folder / "suspects.npy"), **durable.read_json(folder / "rule.json"))


def save_aligned(folder: Path, aligned: Aligned) -> None:
    """One ``.npy`` file per column; the size of the step as JSON."""
    array_files.write_arrays(folder, {name: getattr(aligned, name) for name in ALIGNED})
    durable.write_json(folder / "step.json", {"eta": aligned.eta})


@array_files.naming_damage
def load_aligned(folder: Path) -> Aligned:
    """The aligned samples; memory-mapped."""
    columns = dict(zip(ALIGNED, array_files.read_arrays(folder, *ALIGNED), strict=True))
    return Aligned(**columns, eta=durable.read_json(folder / "step.json")["eta"])


def load_aligned_images(folder: Path) -> tuple[Integers, Rows]:
    """(M,) positions in the training part, ascending, and (M, C, H, W) their aligned images, to be read one by one."""
    return array_files.read_array(folder / "indices.npy"), Rows(folder / "images.npy")


def save_report(folder: Path, report: dict[str, Any]) -> None:
    """The report as ``report.json``."""
    durable.write_json(folder / "report.json", report)


@array_files.naming_damage
def load_report(folder: Path) -> dict[str, Any]:
    """The report; its schema is in the README."""
    values: dict[str, Any] = durable.read_json(folder / "report.json")
    return values


def save_sensitivity(folder: Path, found: dict[str, Any]) -> None:
    """Repairs at several thresholds as ``sensitivity.json``."""
    durable.write_json(folder / "sensitivity.json", found)


@array_files.naming_damage
def load_sensitivity(folder: Path) -> dict[str, Any]:
    """Repairs at several thresholds, see ``sensitivity.sweep``."""
    values: dict[str, Any] = durable.read_json(folder / "sensitivity.json")
    return values


def save_reserved_sizes(folder: Path, rows: list[dict[str, Any]]) -> None:
    """What smaller reserved sets would have found as ``reserved_sizes.json``."""
    durable.write_json(folder / "reserved_sizes.json", rows)


@array_files.naming_damage
def load_reserved_sizes(folder: Path) -> list[dict[str, Any]]:
    """What smaller reserved sets would have found, see ``reserved_sizes.curve``."""
    return list(durable.read_json(folder / "reserved_sizes.json"))


def save_probabilities(folder: Path, part: str, model: str, probabilities: Floats) -> None:
    """What a model believes of every sample of a part, (N, L) float32, as ``PART_MODEL.npy``."""
    np.save(folder / f"{part}_{model}.npy", probabilities)


@array_files.naming_damage
def load_probabilities(folder: Path, part: str, model: str) -> Floats:
    """(N, L) what ``model`` believes of every sample of ``part``; memory-mapped."""
    return array_files.read_array(folder / f"{part}_{model}.npy")


def load_probability_rows(folder: Path, part: str, model: str) -> Rows:
    """The same, to be read sample by sample."""
    return Rows(folder / f"{part}_{model}.npy")


def _read_classes(folder: Path) -> dict[str, Any]:
    facts = durable.read_json(folder / "classes.json")  # the names alone in runs of before
    return {"names": facts, "origin": ""} if isinstance(facts, list) else facts
