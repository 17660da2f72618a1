"""Somebody's own images in a run: what is known of them, and the same scores as the built-in digits give."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bir_core import config, noisy_classes, pipeline, run_folder, storage
from bir_core.card import Card
from bir_core.data import importing, own
from bir_core.data.import_request import ImportRequest
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError
from bir_core.run_folder import Run

PARTS = ("train", "validation", "reserved", "test")


def write_pictures(
    run: Run, folder: Path, *, parts: tuple[str, ...] = PARTS, by_class: bool = False
) -> list[dict[str, Any]]:
    """The images of a run's data as PNG files, as it was given them, and what is known of each."""
    truth = storage.load_truth(run.path / "data")
    lines = []
    for name in parts:
        part = storage.load_part(run.path / "data", name)
        true = truth.original_labels if name == "train" else part.labels
        for number, (pixels, label) in enumerate(zip(np.asarray(part.images), part.labels, strict=True)):
            place = f"{name}/{label}" if by_class else f"pictures/{name}"
            path = folder / place / f"{part.ids[number]:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rint(pixels[0] * 255).astype(np.uint8)).save(path)
            lines.append(
                {
                    "path": path.relative_to(folder).as_posix(),
                    "label": str(label),
                    "split": name,
                    "true_label": str(true[number]),
                    "id": str(part.ids[number]),
                }
            )
    return lines


def write_manifest(path: Path, lines: list[dict[str, Any]], *without: str) -> Path:
    kept = [{name: value for name, value in line.items() if name not in without} for line in lines]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in kept))
    return path


def own_run(like: Run, images: str, **changes: Any) -> Run:
    """A run of an image set with all other settings of ``like``."""
    values = like.config.model_dump()
    values |= {"name": images, "data": {"source": "own", "images": images}, **changes}
    run = run_folder.create(like.path.parent, config.parse(values, origin="own_run"))
    pipeline.compute(run, ("score",))
    return run


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()


def test_a_manifest_gives_the_scores_of_the_built_in_digits(tiny_run: Run, tmp_path: Path) -> None:
    lines = write_pictures(tiny_run, tmp_path / "digits")
    manifest = write_manifest(tmp_path / "digits" / "manifest.jsonl", lines)
    importing.import_images(ImportRequest(name="as-manifest", path=str(manifest)))
    run = own_run(tiny_run, "as-manifest")
    ours, theirs = (storage.load_scores(one.path / "score") for one in (run, tiny_run))
    assert np.allclose(ours.score, theirs.score, rtol=0, atol=1e-6)
    assert np.array_equal(ours.base_predictions, theirs.base_predictions)
    truth, known = (storage.load_truth(one.path / "data") for one in (run, tiny_run))
    assert (truth.corruption, truth.known) == (noisy_classes.GIVEN, True)
    assert np.array_equal(truth.corrupted, known.corrupted)


def test_a_folder_gives_the_scores_of_the_built_in_digits(tiny_run: Run, tmp_path: Path) -> None:
    """Folders come class by class, so the base is taken over and only the reserved set has an order to learn in."""
    lines = write_pictures(tiny_run, tmp_path / "digits", parts=("train", "validation", "test"), by_class=True)
    clean = write_pictures(tiny_run, tmp_path / "clean", parts=("reserved",))
    reserved = write_manifest(tmp_path / "clean" / "manifest.jsonl", clean)
    request = ImportRequest(name="as-folder", path=str(tmp_path / "digits"), reserved=str(reserved))
    images = importing.import_images(request)
    weights = tiny_run.path / "base" / "base.safetensors"
    base = {**tiny_run.config.base.model_dump(), "preset": "trained", "start": str(weights)}
    run = own_run(tiny_run, "as-folder", base=base)
    stored = storage.load_scores(tiny_run.path / "score").score
    train_lines = [line for line in lines if line["split"] == "train"]
    theirs = {line["id"]: score for line, score in zip(train_lines, stored, strict=True)}
    train = storage.load_part(run.path / "data", "train")
    keys = [Path(images.value("path", row)).stem.lstrip("0") or "0" for row in train.ids.tolist()]
    ours = storage.load_scores(run.path / "score").score
    assert np.allclose(ours, [theirs[key] for key in keys], rtol=0, atol=1e-6)
    assert not storage.load_truth(run.path / "data").known


def digits_set(run: Run, folder: Path, *without: str, name: str = "digits") -> list[dict[str, Any]]:
    """Import the run's images by a manifest that lacks some columns."""
    lines = write_pictures(run, folder)
    manifest = write_manifest(folder / "manifest.jsonl", lines, *without)
    importing.import_images(ImportRequest(name=name, path=str(manifest)))
    return lines


def test_without_a_validation_part_a_share_of_each_class_is_set_apart(tiny_run: Run, tmp_path: Path) -> None:
    lines = write_pictures(tiny_run, tmp_path / "digits")
    for line in lines:
        line["split"] = line["split"].replace("validation", "train")
    manifest = write_manifest(tmp_path / "digits" / "manifest.jsonl", lines, "true_label")
    importing.import_images(ImportRequest(name="digits", path=str(manifest)))
    splits, truth = own.load(OwnDataConfig(images="digits", validation_fraction=0.1), None, seed=3)
    assert (len(splits.train), len(splits.validation)) == (180, 20)
    counts = np.bincount(splits.validation.labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    assert not truth.known
    assert not truth.corrupted.any()
    again, _ = own.load(OwnDataConfig(images="digits", validation_fraction=0.1), None, seed=3)
    assert np.array_equal(again.train.ids, splits.train.ids)


def test_suspected_classes_are_named_by_their_names(tiny_run: Run, tmp_path: Path) -> None:
    digits_set(tiny_run, tmp_path / "digits", "true_label")
    _, truth = own.load(OwnDataConfig(images="digits", noisy_classes=("7", "1")), None, seed=0)
    assert truth.noisy_classes == (7, 1)
    with pytest.raises(InputError, match="noisy_classes has 'seven', which is no class of these images"):
        own.load(OwnDataConfig(images="digits", noisy_classes=("seven",)), None, seed=0)


def test_without_reserved_images_it_says_how_to_get_some(tiny_run: Run, tmp_path: Path) -> None:
    lines = [line for line in write_pictures(tiny_run, tmp_path / "digits") if line["split"] != "reserved"]
    manifest = write_manifest(tmp_path / "digits" / "manifest.jsonl", lines)
    importing.import_images(ImportRequest(name="digits", path=str(manifest)))
    with pytest.raises(InputError, match=r"'digits' has no reserved image: .* --reserved"):
        own.load(OwnDataConfig(images="digits"), None, seed=0)


def test_large_or_mixed_images_need_a_card(tiny_run: Run, tmp_path: Path) -> None:
    lines = write_pictures(tiny_run, tmp_path / "digits")
    Image.new("L", (40, 30), 90).save(tmp_path / "digits" / lines[0]["path"])
    manifest = write_manifest(tmp_path / "digits" / "manifest.jsonl", lines)
    importing.import_images(ImportRequest(name="digits", path=str(manifest)))
    with pytest.raises(InputError, match=r"have sides of 28 to 40 pixels: say in base\.card what the network receives"):
        own.load(OwnDataConfig(images="digits"), None, seed=0)
    card = Card(channels=3, size=(20, 24))
    splits, _ = own.load(OwnDataConfig(images="digits"), card, seed=0)
    assert splits.train.images.shape[1:] == (3, 20, 24)


def test_decisions_about_samples_that_are_not_there_are_refused(tiny_run: Run, tmp_path: Path) -> None:
    digits_set(tiny_run, tmp_path / "digits")
    run = own_run(tiny_run, "digits", review={"remove": [500]})
    with pytest.raises(InputError, match="the 180 training samples are 0 to 179, got 500"):
        pipeline.compute(run, ("repair",))
    run = own_run(tiny_run, "digits", name="other", review={"relabel": [[3, 12]]})
    with pytest.raises(InputError, match=r"relabel: the classes are 0 to 9, got 12"):
        pipeline.compute(run, ("repair",))
