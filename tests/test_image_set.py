"""Sets that were imported: opened, shown, deleted, damaged, and with another reserved part."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bir_core.card import Card
from bir_core.data import decoding, image_set, importing, index
from bir_core.data.entries import SPLITS
from bir_core.data.image_set import ImageSet
from bir_core.data.import_request import ImportRequest
from bir_core.data.set_lock import lock
from bir_core.errors import InputError
from bir_core.pictures import Pictures
from tests.own_images import digits, write_folder

CARD = Card(channels=1, size=(28, 28), mean=(0.0,), std=(1.0,))


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """60 digits for training and 20 for the test."""
    write_folder(tmp_path / "digits" / "train", range(60))
    write_folder(tmp_path / "digits" / "test", range(60, 80))
    return importing.import_images(ImportRequest(name="mine", path=str(tmp_path / "digits")))


def test_the_index_is_a_table_that_other_tools_read(images: ImageSet) -> None:
    table = pq.read_table(images.path / "index.parquet")
    assert table.schema.names == index.SCHEMA.names
    assert table["id"].to_pylist() == list(range(80))
    assert set(table["split"].to_pylist()) == {"train", "test"}
    assert set(table["true_label"].to_pylist()) == {-1}


def test_the_fingerprint_does_not_depend_on_how_the_rows_lie_in_memory(images: ImageSet) -> None:
    pieces = pa.concat_tables([images.index.slice(0, 7), images.index.slice(7)])
    assert index.fingerprint(pieces, images.class_names) == images.fingerprint
    assert index.fingerprint(images.index.slice(1), images.class_names) != images.fingerprint


def test_its_pictures_are_those_of_the_files(images: ImageSet) -> None:
    rows = images.rows_of("test")
    found = np.asarray(Pictures(images.files(rows), CARD))
    for row, pixels in zip(rows.tolist(), found, strict=True):
        assert np.array_equal(np.rint(pixels[0] * 255), digits()[0][int(images.file(row).stem)])
        assert images.row_of(images.value("key", row)) == row
    with pytest.raises(InputError, match="image set 'mine' has no image 'absent'"):
        images.row_of("absent")


def test_pictures_of_arrays_come_from_the_set_itself(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", images=digits()[0][:30], labels=digits()[1][:30])
    found = importing.import_images(ImportRequest(name="packed", path=str(tmp_path / "all.npz")))
    pixels = np.asarray(Pictures(found.files(np.array([4, 0])), CARD))
    assert np.array_equal(np.rint(pixels[:, 0] * 255), digits()[0][[4, 0]])
    assert found.file(4).is_relative_to(image_set.home() / "packed")


@pytest.mark.parametrize("touched", [True, False])
def test_an_original_that_is_not_the_one_any_more(images: ImageSet, touched: bool) -> None:
    path = images.file(7)
    if touched:
        os.utime(path, (1, 1))
    else:
        path.unlink()
    sentence = (
        "was changed since it was imported: import 'mine' again" if touched else "is gone .*: put it back, or import"
    )
    with pytest.raises(InputError, match=sentence):
        images.original(7)
    assert decoding.open_picture(images.original(8)).size == (28, 28)
    assert decoding.open_picture(images.thumbnail(7)).size == (28, 28)


def test_reserved_images_are_moved(images: ImageSet) -> None:
    chosen = images.rows_of("train")[::6].tolist()
    after = image_set.with_reserved("mine", chosen)
    assert after.rows_of("reserved").tolist() == chosen
    assert len(after.rows_of("train")) == 50
    assert np.array_equal(after.rows_of("test"), images.rows_of("test"))
    assert np.array_equal(after.labels, images.labels)
    assert after.fingerprint != images.fingerprint
    assert sum(after.report["splits"]["reserved"].values()) == 10
    assert after.report["num_decoded"] == images.report["num_decoded"]
    assert after.thumbnail(79) == images.thumbnail(79)
    assert image_set.names() == ["mine"]


def test_what_cannot_be_reserved(images: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has rows 0 to 79, got 3 to 80"):
        image_set.with_reserved("mine", [80, 3])
    with pytest.raises(InputError, match=r"the test image test/.* cannot be reserved: it must stay unseen"):
        image_set.with_reserved("mine", images.rows_of("test").tolist())
    source = images.file(int(images.rows_of("train")[0]))
    source.with_name("twin.png").write_bytes(source.read_bytes())
    double = importing.import_images(ImportRequest(name="mine", path=str(tmp_path / "digits")))
    key = source.relative_to(tmp_path / "digits").as_posix()
    with pytest.raises(InputError, match=rf"the reserved image {key} is a training image too"):
        image_set.with_reserved("mine", [double.row_of(key)])
    assert image_set.open_set("mine").fingerprint == double.fingerprint


def test_a_set_that_is_at_work_is_left_alone(images: ImageSet) -> None:
    with lock(image_set.home(), "mine"):
        for change in (lambda: image_set.delete("mine"), lambda: image_set.with_reserved("mine", [0])):
            with pytest.raises(InputError, match="is being imported by process"):
                change()
    assert len(image_set.open_set("mine")) == len(images)


LOOKS: dict[str, Callable[[], object]] = {
    "names": image_set.names,
    "open_set": lambda: image_set.open_set("mine"),
    "with_reserved": lambda: image_set.with_reserved("mine", []),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_set_that_a_crash_has_left_aside_is_put_back(images: ImageSet, look: str) -> None:
    """The crash came between the two renames of a swap."""
    images.path.rename(image_set.home() / ".mine.old")
    LOOKS[look]()
    assert image_set.names() == ["mine"]
    assert len(image_set.open_set("mine")) == len(images)
    assert not (image_set.home() / ".mine.old").exists()


def test_a_swap_that_is_just_made_is_not_undone(images: ImageSet) -> None:
    aside = image_set.home() / ".mine.old"
    with lock(image_set.home(), "mine"):
        images.path.rename(aside)
        assert image_set.names() == []
        with pytest.raises(InputError, match="no image set is named 'mine'"):
            image_set.open_set("mine")
        assert aside.is_dir()
    assert image_set.names() == ["mine"]


def test_a_deleted_set_does_not_come_back(images: ImageSet) -> None:
    """A crash behind both renames leaves the set of before beside the new one."""
    shutil.copytree(images.path, image_set.home() / ".mine.old")
    image_set.delete("mine")
    assert image_set.names() == []


def test_a_set_is_deleted_and_its_originals_stay(images: ImageSet) -> None:
    image_set.delete("mine")
    assert image_set.names() == []
    assert not images.path.exists()
    assert images.file(0).is_file()
    with pytest.raises(InputError, match="no image set is named 'mine': there is none yet"):
        image_set.delete("mine")


@pytest.mark.parametrize("name", ["mien", "../mine", "", ".mine.part", "mine/", "mine\0"])
def test_a_name_that_is_none(images: ImageSet, name: str) -> None:
    with pytest.raises(InputError, match="no image set is named"):
        image_set.open_set(name)
    assert image_set.names() == [images.name]


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("set.json", b"{", "is damaged .*: import it again"),
        ("set.json", b"[]", "is damaged .*: import it again"),
        ("set.json", json.dumps({"version": 99}).encode(), "was written by another version"),
        ("index.parquet", b"PAR1", r"index\.parquet has 4 bytes instead of .*: import the image set 'mine' again"),
        ("thumbnails.bin", b"", r"thumbnails\.bin has 0 bytes instead of"),
    ],
)
def test_a_damaged_set_is_said(images: ImageSet, file: str, content: bytes, sentence: str) -> None:
    (images.path / file).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        image_set.open_set("mine")
    folder = str(Path(images.origin["path"]))
    assert importing.import_images(ImportRequest(name="mine", path=folder)).fingerprint == images.fingerprint


def test_splits_are_read_as_they_were_written(images: ImageSet) -> None:
    written = pq.read_table(images.path / "index.parquet")["split"].to_pylist()
    assert [SPLITS[number] for number in images.splits] == written
