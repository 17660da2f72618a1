"""MNIST and Fashion-MNIST: IDX files as torchvision lays them out, or loose in a folder, gzipped or not.

Torchvision checks what it downloads, not what it reads; here the content is checked whatever the layout, since gzip's
own bytes vary between mirrors.
"""

import gzip
import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torchvision
from numpy.typing import NDArray

from bir_core.data import folder
from bir_core.data.pool import Source, pool
from bir_core.errors import InputError

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A data set in MNIST's format.

    Attributes:
        title: its name for people.
        dataset: torchvision's class for it.
        loose: folders below the data folder in which loose files may lie, first found first.
        checksums: md5 of each file's content, not gzipped.
        class_names: in label order.
    """

    title: str
    dataset: type[torchvision.datasets.MNIST]
    loose: tuple[str, ...]
    checksums: Mapping[str, str]
    class_names: tuple[str, ...]


MNIST = Collection(
    title="MNIST",
    dataset=torchvision.datasets.MNIST,
    loose=(".", "mnist"),
    checksums={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    class_names=tuple(str(digit) for digit in range(10)),
)
FASHION = Collection(
    title="Fashion-MNIST",
    dataset=torchvision.datasets.FashionMNIST,
    loose=("fashion-mnist", "fashion_mnist"),
    checksums={
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    class_names=(
        "T-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
)


def load(collection: Collection) -> Source:
    """All 60,000 and 10,000 images.

    Raises:
        InputError: files are missing, truncated or altered.
    """
    train_images, train_labels, test_images, test_labels = _read(collection)
    return Source(
        training=pool(train_images[:, None], train_labels, first_id=0),
        held_out=pool(test_images[:, None], test_labels, first_id=len(train_labels)),
        class_names=collection.class_names,
        test_per_class=500,
    )


def download(collection: Collection) -> None:
    """Fetch it in torchvision's layout, unless it is there.

    Raises:
        InputError: it could not be fetched.
    """
    folder.fetch(collection.title, lambda root: collection.dataset(root, download=True))


def _read(collection: Collection) -> list[NDArray[np.uint8]]:
    root = folder.root()
    raw = root / collection.dataset.__name__ / "raw"
    for place in (*(root / name for name in collection.loose), raw):
        found = [name for name in FILES if _file(place, name) is not None]
        if found:
            _refuse_incomplete(place, found)
            plain = place == raw and all((raw / name).is_file() for name in FILES)
            arrays = _by_torchvision(collection) if plain else [_read_idx(place, name) for name in FILES]
            return [_checked(collection, place, *pair) for pair in zip(FILES, arrays, strict=True)]
    raise folder.missing(collection.title, ", ".join(f"{name}.gz" for name in FILES))


def _refuse_incomplete(place: Path, found: list[str]) -> None:
    absent = [f"{name}.gz" for name in FILES if name not in found]
    if absent:
        raise InputError(f"{place} is incomplete: {', '.join(absent)} is not there; get the missing file and try again")


def _file(place: Path, name: str) -> Path | None:
    return next((path for path in (place / f"{name}.gz", place / name) if path.is_file()), None)


def _by_torchvision(collection: Collection) -> list[NDArray[np.uint8]]:
    try:
        parts = [collection.dataset(folder.root(), train=train) for train in (True, False)]
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        raise InputError(
            f"cannot read the {collection.title} in {folder.root()}: {error}; delete its folder and get it again"
        ) from None
    return [values.numpy().astype(np.uint8, copy=False) for part in parts for values in (part.data, part.targets)]


def _read_idx(place: Path, name: str) -> NDArray[np.uint8]:
    path = _file(place, name) or place / name
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        axes = content[3]
        shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, IndexError, ValueError, struct.error, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}; get the file again") from None


def _checked(collection: Collection, place: Path, name: str, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The array, if the IDX file of it is the published one."""
    header = b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)
    content = hashlib.md5(header + array.tobytes(), usedforsecurity=False)
    if content.hexdigest() != collection.checksums[name]:
        raise InputError(
            f"{_file(place, name)} is truncated or altered (md5 of its content differs from {collection.title}'s); "
            "get the file again"
        )
    return array
