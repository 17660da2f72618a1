"""Every record of the flow, saved to and loaded from a stage's folder. Parquet, safetensors, ``.npy`` and JSON only.

What is read as a whole is Parquet. What a server reads a few rows of at a time is ``.npy``, since Parquet must be
decoded whole: a million samples with ten classes take 300 MB that way. Arrays come back read-only and memory-mapped
where they are big. No torch here, and never a pickle.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from bir_core import array_files, durable
from bir_core.errors import RunDamaged
from bir_core.records import (
    Aligned,
    CandidateSubset,
    Embedding,
    Epoch,
    Floats,
    Integers,
    LabelledImages,
    LayerChoice,
    ModelState,
    Ranking,
    Scores,
    Splits,
    Suspects,
    TrainedModel,
    Truth,
)

P = ParamSpec("P")
R = TypeVar("R")

PARTS = ("train", "validation", "reserved", "test")


def _naming_damage(load: Callable[P, R]) -> Callable[P, R]:
    """A file that is readable but not ours becomes a ``RunDamaged`` too, not a KeyError from somewhere inside."""

    @functools.wraps(load)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return load(*args, **kwargs)
        except RunDamaged:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise RunDamaged(
                f"{args[0]} holds a file that this program has not written ({error}): "
                "compute the stage again with --force"
            ) from None

    return checked


def save_splits(folder: Path, splits: Splits) -> None:
    """Images of each part as ``PART_images.npy``, ids and labels as ``PART.parquet``."""
    for name in PARTS:
        part: LabelledImages = getattr(splits, name)
        np.save(folder / f"{name}_images.npy", part.images)
        array_files.write_columns(folder / f"{name}.parquet", {"id": part.ids, "label": part.labels})
    durable.write_json(folder / "classes.json", list(splits.class_names))


@_naming_damage
def load_splits(folder: Path) -> Splits:
    """The parts of the data; images are memory-mapped."""
    parts = {name: load_part(folder, name) for name in PARTS}
    return Splits(**parts, class_names=load_class_names(folder))


@_naming_damage
def load_part(folder: Path, name: str) -> LabelledImages:
    """One part of the data, "train", "validation", "reserved" or "test"."""
    columns = array_files.read_columns(folder / f"{name}.parquet")
    return LabelledImages(
        images=array_files.read_array(folder / f"{name}_images.npy"), labels=columns["label"], ids=columns["id"]
    )


@_naming_damage
def load_labels(folder: Path, name: str) -> Integers:
    """(N,) given labels of one part of the data, without its images."""
    labels: Integers = array_files.read_columns(folder / f"{name}.parquet", ["label"])["label"]
    return labels


@_naming_damage
def load_images(folder: Path, name: str) -> Floats:
    """(N, C, H, W) images of one part of the data, without its labels; memory-mapped."""
    return array_files.read_array(folder / f"{name}_images.npy")


def count_samples(folder: Path, name: str) -> int:
    """How many samples one part of the data has, without reading them."""
    return array_files.count_rows(folder / f"{name}.parquet")


@_naming_damage
def load_class_names(folder: Path) -> tuple[str, ...]:
    """Names of the classes, in label order."""
    return tuple(_read_json(folder / "classes.json"))


def save_truth(folder: Path, truth: Truth) -> None:
    """What was corrupted, beside the data but in files of its own."""
    columns = {"corrupted": truth.corrupted, "original_label": truth.original_labels}
    array_files.write_columns(folder / "truth.parquet", columns)
    np.save(folder / "truth_original_images.npy", truth.original_images)
    facts = {
        "corruption": truth.corruption,
        "noisy_classes": list(truth.noisy_classes),
        "num_validation_corrupted": truth.num_validation_corrupted,
    }
    durable.write_json(folder / "truth.json", facts)


@_naming_damage
def load_truth(folder: Path) -> Truth:
    """What was corrupted; for evaluation and for people, never for a stage before it."""
    columns = array_files.read_columns(folder / "truth.parquet")
    facts = _read_json(folder / "truth.json")
    originals = array_files.read_array(folder / "truth_original_images.npy")
    array_files.same_number(columns["corrupted"].sum(), originals, "truth_original_images.npy")
    return Truth(
        corrupted=columns["corrupted"],
        original_labels=columns["original_label"],
        original_images=originals,
        noisy_classes=tuple(facts["noisy_classes"]),
        corruption=facts["corruption"],
        num_validation_corrupted=facts["num_validation_corrupted"],
    )


def save_model(folder: Path, name: str, trained: TrainedModel) -> None:
    """Weights as ``NAME.safetensors`` (network and shapes in its metadata), the log as ``NAME.json``."""
    state = trained.state
    facts = {"network": state.network, "image_shape": list(state.image_shape), "num_classes": state.num_classes}
    tensors = {key: np.asarray(value, order="C") for key, value in state.tensors.items()}
    safetensors.numpy.save_file(tensors, folder / f"{name}.safetensors", metadata={"bir": json.dumps(facts)})
    log = {"kept_epoch": trained.kept_epoch, "epochs": [asdict(epoch) for epoch in trained.epochs]}
    durable.write_json(folder / f"{name}.json", log)


@_naming_damage
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
    state = ModelState(
        network=facts["network"],
        image_shape=tuple(facts["image_shape"]),
        num_classes=facts["num_classes"],
        tensors=tensors,
    )
    log = _read_json(folder / f"{name}.json")
    epochs = tuple(Epoch(**epoch) for epoch in log["epochs"])
    return TrainedModel(state=state, epochs=epochs, kept_epoch=log["kept_epoch"])


def save_layer_choice(folder: Path, choice: LayerChoice) -> None:
    """The chosen subset and the whole table of losses."""
    durable.write_json(folder / "selection.json", asdict(choice))


@_naming_damage
def load_layer_choice(folder: Path) -> LayerChoice:
    """The chosen subset and the whole table of losses."""
    values = _read_json(folder / "selection.json")
    candidates = tuple(CandidateSubset(**{**row, "layers": tuple(row["layers"])}) for row in values["candidates"])
    return LayerChoice(**{**values, "layers": tuple(values["layers"]), "candidates": candidates})


def save_scores(folder: Path, scores: Scores) -> None:
    """One ``.npy`` file per column, in data-set order, and the ranking that follows from them (see ``Ranking``)."""
    num_classes = scores.soft_labels.shape[1]
    columns: dict[str, NDArray[Any]] = {
        "loss_before": scores.loss_before,
        "loss_after": scores.loss_after,
        "base_prediction": scores.base_predictions,
        "soft_labels": scores.soft_labels,
        "score": scores.score,
        "prediction": scores.predictions.astype(np.min_scalar_type(num_classes - 1)),
        "order": np.argsort(-scores.score, kind="stable").astype(np.uint32),
    }
    for name, values in columns.items():
        np.save(folder / f"{name}.npy", values)


@_naming_damage
def load_scores(folder: Path) -> Scores:
    """The scores of every training sample, in data-set order; memory-mapped."""
    before, after, base, soft = array_files.read_arrays(
        folder, "loss_before", "loss_after", "base_prediction", "soft_labels"
    )
    return Scores(loss_before=before, loss_after=after, base_predictions=base, soft_labels=soft)


@_naming_damage
def load_ranking(folder: Path) -> Ranking:
    """The training samples by score; memory-mapped."""
    scores, predictions, order = array_files.read_arrays(folder, "score", "prediction", "order")
    return Ranking(scores=scores, predictions=predictions, order=order)


def save_embedding(folder: Path, embedding: Embedding) -> None:
    """Features and coordinates as ``.npy`` files of float32, to be memory-mapped; the layout as JSON."""
    np.save(folder / "features.npy", embedding.features)
    np.save(folder / "reserved_features.npy", embedding.reserved_features)
    np.save(folder / "coordinates.npy", embedding.coordinates)
    durable.write_json(folder / "layout.json", {"layout": embedding.layout})


@_naming_damage
def load_embedding(folder: Path) -> Embedding:
    """Features of the samples and their places on the map, memory-mapped."""
    features, coordinates = (array_files.read_array(folder / f"{name}.npy") for name in ("features", "coordinates"))
    array_files.same_number(len(features), coordinates, "coordinates.npy")
    return Embedding(
        features=features,
        reserved_features=array_files.read_array(folder / "reserved_features.npy"),
        coordinates=coordinates,
        layout=_read_json(folder / "layout.json")["layout"],
    )


def save_suspects(folder: Path, suspects: Suspects) -> None:
    """Positions of the suspects, most suspect first, and the rule that picked them."""
    array_files.write_columns(folder / "suspects.parquet", {"index": suspects.indices})
    durable.write_json(folder / "rule.json", {"rule": suspects.rule, "threshold": suspects.threshold})


@_naming_damage
def load_suspects(folder: Path) -> Suspects:
    """The suspects, most suspect first."""
    return Suspects(
        indices=array_files.read_columns(folder / "suspects.parquet")["index"], **_read_json(folder / "rule.json")
    )


def save_aligned(folder: Path, aligned: Aligned) -> None:
    """Images and soft labels as ``.npy`` files; energies and steps as columns."""
    np.save(folder / "images.npy", aligned.images)
    np.save(folder / "soft_labels.npy", aligned.soft_labels)
    columns: dict[str, NDArray[Any]] = {
        "index": aligned.indices,
        "energy_before": aligned.energy_before,
        "energy_after": aligned.energy_after,
        "relative_step": aligned.relative_step,
    }
    array_files.write_columns(folder / "aligned.parquet", columns)
    durable.write_json(folder / "step.json", {"eta": aligned.eta})


@_naming_damage
def load_aligned(folder: Path) -> Aligned:
    """The aligned samples; images and soft labels are memory-mapped."""
    columns = array_files.read_columns(folder / "aligned.parquet")
    images, soft_labels = array_files.read_arrays(folder, "images", "soft_labels")
    array_files.same_number(len(columns["index"]), images, "images.npy")
    return Aligned(
        indices=columns["index"],
        images=images,
        soft_labels=soft_labels,
        energy_before=columns["energy_before"],
        energy_after=columns["energy_after"],
        relative_step=columns["relative_step"],
        eta=_read_json(folder / "step.json")["eta"],
    )


def save_report(folder: Path, report: dict[str, Any]) -> None:
    """The report as ``report.json``."""
    durable.write_json(folder / "report.json", report)


@_naming_damage
def load_report(folder: Path) -> dict[str, Any]:
    """The report; its schema is in the README."""
    values: dict[str, Any] = _read_json(folder / "report.json")
    return values


def save_sensitivity(folder: Path, found: dict[str, Any]) -> None:
    """Repairs at several thresholds as ``sensitivity.json``."""
    durable.write_json(folder / "sensitivity.json", found)


@_naming_damage
def load_sensitivity(folder: Path) -> dict[str, Any]:
    """Repairs at several thresholds, see ``sensitivity.sweep``."""
    values: dict[str, Any] = _read_json(folder / "sensitivity.json")
    return values


def save_probabilities(folder: Path, part: str, model: str, probabilities: Floats) -> None:
    """What a model believes of every sample of a part, (N, L) float32, as ``PART_MODEL.npy``."""
    np.save(folder / f"{part}_{model}.npy", probabilities)


@_naming_damage
def load_probabilities(folder: Path, part: str, model: str) -> Floats:
    """(N, L) what ``model`` believes of every sample of ``part``; memory-mapped."""
    return array_files.read_array(folder / f"{part}_{model}.npy")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunDamaged(f"{path} cannot be read as JSON ({error}): compute the stage again with --force") from None
