"""Picking the reserved set: what is proposed, what people say of it, and what becomes of that."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bir_core import picking
from bir_core.data import image_set, importing
from bir_core.data.image_set import ImageSet
from bir_core.data.import_request import ImportRequest
from bir_core.errors import InputError
from tests import own_images


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Sixty digits."""
    folder = own_images.write_folder(tmp_path / "digits", range(60))
    return importing.import_images(ImportRequest(name="digits", path=str(folder)))


def one_of_each(images: ImageSet) -> list[int]:
    labels = images.labels.tolist()
    return [labels.index(label) for label in range(len(images.class_names))]


def test_classes_take_turns_and_everything_is_proposed_once(images: ImageSet) -> None:
    rows = picking.propose(images)
    assert sorted(rows.tolist()) == list(range(60))
    assert set(images.labels[rows[:10]].tolist()) == set(range(10))
    assert rows.tolist() != list(range(60)), "a random sample, not the order of the files"
    assert picking.propose(images).tolist() == rows.tolist()


def test_the_last_word_holds_and_can_be_taken_back(images: ImageSet) -> None:
    assert picking.held(images) == {}
    assert picking.version(images) == 0
    for clean, reviewer in ((True, "ann"), (False, " bob ")):
        picking.say(images, 7, clean, reviewer=reviewer)
    picking.say(images, 9, True, reviewer="ann")
    assert {row: (pick.clean, pick.reviewer) for row, pick in picking.held(images).items()} == {
        7: (False, "bob"),
        9: (True, "ann"),
    }
    before = picking.version(images)
    picking.say(images, 7, None, reviewer="ann")
    assert set(picking.held(images)) == {9}
    assert picking.version(images) > before
    assert len(picking.log(images)) == 4, "nothing is forgotten"


def test_a_line_cut_short_by_a_crash_costs_only_itself(images: ImageSet) -> None:
    picking.say(images, 1, True, reviewer="ann")
    log = images.path.with_name("digits.picks.jsonl")
    log.write_bytes(log.read_bytes() + b'{"sha256": "ab')
    picking.say(images, 2, True, reviewer="ann")
    assert set(picking.held(images)) == {1, 2}


@pytest.mark.parametrize("reviewer", ["", " ", "x" * 81, "a\nb", "a\u202eb"])
def test_a_reviewer_has_a_name(images: ImageSet, reviewer: str) -> None:
    with pytest.raises(InputError, match="a reviewer's name has 1 to 80 printable characters"):
        picking.say(images, 1, True, reviewer=reviewer)
    assert picking.log(images) == ()


@pytest.mark.parametrize("row", [-1, 60, 10**9])
def test_a_row_that_is_not_there_cannot_be_picked(images: ImageSet, row: int) -> None:
    with pytest.raises(InputError, match="cannot be picked"):
        picking.say(images, row, True, reviewer="ann")


def test_of_a_picture_that_is_there_twice_neither_can_be_picked(tmp_path: Path) -> None:
    folder = own_images.write_folder(tmp_path / "digits", range(60))
    one = next((folder / "3").glob("*.png"))
    (folder / "5" / "copy.png").write_bytes(one.read_bytes())
    images = importing.import_images(ImportRequest(name="digits", path=str(folder)))
    double = {images.row_of("5/copy.png"), images.row_of(f"3/{one.name}")}
    assert set(range(61)) - set(picking.propose(images).tolist()) == double
    with pytest.raises(InputError, match="there once"):
        picking.say(images, min(double), True, reviewer="ann")


def test_what_is_confirmed_becomes_the_reserved_set(images: ImageSet) -> None:
    with pytest.raises(InputError, match="no image is confirmed yet"):
        picking.reserve(images)
    rows = one_of_each(images)
    for row in rows[1:]:
        picking.say(images, row, True, reviewer="ann")
    picking.say(images, rows[0], False, reviewer="ann")
    with pytest.raises(InputError, match="no image of class 0 yet"):
        picking.reserve(images)
    picking.say(images, rows[0], True, reviewer="bob")
    after = picking.reserve(images)
    assert sorted(after.rows_of("reserved").tolist()) == sorted(rows)
    assert len(after.rows_of("train")) == 50
    assert after.fingerprint != images.fingerprint
    assert image_set.open_set("digits").fingerprint == after.fingerprint
    assert picking.held(after) == {}, "they are not in the training part any more"
    assert not set(picking.propose(after).tolist()) & set(rows)


def test_more_can_be_reserved_later(images: ImageSet) -> None:
    rows = one_of_each(images)
    for row in rows:
        picking.say(images, row, True, reviewer="ann")
    first = picking.reserve(images)
    further = int(picking.propose(first)[0])
    picking.say(first, further, True, reviewer="ann")
    assert set(picking.reserve(first).rows_of("reserved").tolist()) == {*rows, further}


def test_it_survives_a_new_import(images: ImageSet, tmp_path: Path) -> None:
    picking.say(images, 7, True, reviewer="ann")
    Image.fromarray(np.full((28, 28), 9, np.uint8)).save(tmp_path / "digits" / "0" / "new.png")
    again = importing.import_images(ImportRequest(name="digits", path=str(tmp_path / "digits")))
    assert [again.value("key", row) for row in picking.held(again)] == [images.value("key", 7)]
