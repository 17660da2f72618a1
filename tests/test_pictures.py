"""Images that stay in files give what an array of them gives, row by row, batch by batch, and while training."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from bir_core import base, evaluation, pictures, scoring, tensors
from bir_core.base_config import BaseConfig
from bir_core.card import Card
from bir_core.errors import InputError, RunDamaged
from bir_core.pictures import Files, Pictures
from bir_core.records import Floats, LabelledImages
from tests.cases import CPU, digits, fresh_model

GREY = Card(channels=1, size=(16, 16), mean=(0.0,), std=(1.0,))
PIXELS = np.rint(np.asarray(digits(40).images) * 255).astype(np.uint8)
ARRAY: Floats = np.divide(PIXELS, np.float32(255), dtype=np.float32)


def files(paths: list[Path], rows: list[int] | None = None) -> Files:
    stats = [path.stat() for path in paths]
    return Files(
        paths=pa.array([str(path) for path in paths], pa.string()),
        rows=np.array(rows if rows is not None else [-1] * len(paths), dtype=np.int64),
        sizes=np.array([found.st_size for found in stats], dtype=np.int64),
        changed=np.array([found.st_mtime_ns for found in stats], dtype=np.int64),
    )


@pytest.fixture
def folder(tmp_path: Path) -> list[Path]:
    """40 digits as PNG files."""
    paths = [tmp_path / f"{number}.png" for number in range(len(PIXELS))]
    for path, pixels in zip(paths, PIXELS, strict=True):
        Image.fromarray(pixels[0]).save(path)
    return paths


def test_it_is_the_array_of_its_pictures(folder: list[Path]) -> None:
    found = Pictures(files(folder), GREY)
    assert (found.shape, found.ndim, found.nbytes, len(found)) == (ARRAY.shape, 4, ARRAY.nbytes, 40)
    assert np.array_equal(np.asarray(found), ARRAY)
    assert np.asarray(found).dtype == found[3].dtype == np.float32
    assert np.array_equal(found[3], ARRAY[3])
    assert np.array_equal(found[-1], ARRAY[-1])
    assert np.array_equal(found[5:9], ARRAY[5:9])
    assert np.array_equal(found.take([7, 2, 2]), ARRAY[[7, 2, 2]])
    assert found[np.zeros(0, dtype=np.int64)].shape == (0, 1, 16, 16)
    assert np.array_equal(found.subset(np.array([9, 4]))[1], ARRAY[4])
    with pytest.raises(IndexError):
        found[40]


def test_batches_come_in_order_whatever_is_decoded_first(folder: list[Path]) -> None:
    found = Pictures(files(folder), GREY)
    for images in (found, ARRAY):
        pieces, batches = zip(*pictures.stream(images, 7), strict=True)
        assert [piece.stop - piece.start for piece in pieces] == [7, 7, 7, 7, 7, 5]
        assert np.array_equal(np.concatenate(batches), ARRAY)
    order = [np.array([39, 0]), np.array([5, 5, 6])]
    assert all(np.array_equal(batch, ARRAY[piece]) for piece, batch in zip(order, found.stream(order), strict=True))


def test_rows_of_an_array_are_pictures_too(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", PIXELS[:, 0])
    found = Pictures(files([tmp_path / "images.npy"] * 3, [8, 1, 39]), GREY)
    assert np.array_equal(np.asarray(found), ARRAY[[8, 1, 39]])


def test_what_is_saved_comes_back(folder: list[Path], tmp_path: Path) -> None:
    pictures.save(tmp_path / "train_files.arrow", Pictures(files(folder), GREY))
    found = pictures.load(tmp_path / "train_files.arrow")
    assert found.card == GREY
    assert np.array_equal(np.asarray(found), ARRAY)
    pictures.save(tmp_path / "none.arrow", found.subset(slice(0)))
    assert pictures.load(tmp_path / "none.arrow").shape == (0, 1, 16, 16)


@pytest.mark.parametrize("content", [b"", b"no arrow file at all"])
def test_a_damaged_list_of_files_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train_files.arrow").write_bytes(content)
    with pytest.raises(RunDamaged, match=r"train_files\.arrow cannot be read .* compute the stage again"):
        pictures.load(tmp_path / "train_files.arrow")


def test_a_changed_or_missing_picture_is_named(folder: list[Path]) -> None:
    found = Pictures(files(folder), GREY)
    os.utime(folder[3], ns=(0, 0))
    with pytest.raises(InputError, match=r"3\.png was changed since it was imported: import it again"):
        found[3]
    folder[4].unlink()
    with pytest.raises(InputError, match=r"cannot read the image .*4\.png \(No such file"):
        next(iter(pictures.stream(found.subset(slice(4, 9)), 5)))


def test_more_than_memory_holds_is_refused_before_it_is_decoded(
    folder: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "SPARE", 0.0)
    with pytest.raises(InputError, match=r"40 images of 1 x 16 x 16 take 0\.0 GiB at once, and .* are free"):
        np.asarray(Pictures(files(folder), GREY))


def test_models_see_the_same_in_files(folder: list[Path]) -> None:
    samples = LabelledImages(images=ARRAY, labels=digits(40).labels, ids=digits(40).ids)
    stored = replace(samples, images=Pictures(files(folder), GREY))
    first, second = fresh_model(seed=0), fresh_model(seed=1)
    in_memory, in_files = (scoring.score(first, second, part, device=CPU, batch_size=9) for part in (samples, stored))
    assert np.array_equal(in_memory.score, in_files.score)
    assert np.array_equal(
        evaluation.believe(first, samples.images, device=CPU), evaluation.believe(first, stored.images, device=CPU)
    )


def test_training_from_files_gives_the_same_bits(folder: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "STREAMED_FROM", 0)
    samples = LabelledImages(images=ARRAY, labels=digits(40).labels, ids=digits(40).ids)
    stored = replace(samples, images=Pictures(files(folder), GREY))
    config = BaseConfig(preset="memorised", memorised_epochs=2, batch_size=16)
    models = [base.train_base(part, part, 10, config, seed=3, device=CPU) for part in (samples, stored)]
    assert isinstance(tensors.whole_or_streamed(stored.images, CPU), Pictures)
    assert models[0].epochs == models[1].epochs
    for name, value in models[0].state.tensors.items():
        assert np.array_equal(value, models[1].state.tensors[name])
    assert torch.equal(torch.from_numpy(models[0].margins), torch.from_numpy(models[1].margins))
