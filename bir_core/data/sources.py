"""Where images come from: the bundled digits, or full MNIST in a data folder."""

import gzip
import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import bir_core
from bir_core.errors import InputError

ASSETS = Path(bir_core.__file__).resolve().parents[1] / "assets"
MNIST5K_SHA256 = "246e0c30eeea57c8d0037d3f38c8e00651ec204cc61b8022563e9aeeb9d756f4"
DIGITS = tuple(str(digit) for digit in range(10))

MNIST_FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""MNIST's IDX files and the md5 of their decompressed bytes; gzip's own bytes vary between mirrors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Raw images that a part may be drawn from: uint8 (N, C, H, W), int64 labels (N,), ids (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Two pools: the training part comes from the first, reserved and test from the second; they may be the same.

    ``test_per_class`` is how many test images of each class are taken, None for all that remain.
    """

    training: Pool
    held_out: Pool
    class_names: tuple[str, ...]
    test_per_class: int | None


def load(name: str) -> Source:
    """The source called ``name``, "mnist5k" or "mnist".

    Raises:
        InputError: its files are missing, truncated or altered.
    """
    return {"mnist5k": _mnist5k, "mnist": _mnist}[name]()


def _mnist5k() -> Source:
    path = ASSETS / "mnist5k" / "mnist5k.npz"
    remedy = "restore it from the repository (git checkout -- assets) or clone the project again"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the bundled digits {path}: {error.strerror}; {remedy}") from None
    if hashlib.sha256(content).hexdigest() != MNIST5K_SHA256:
        raise InputError(f"the bundled digits {path} are damaged (checksum differs); {remedy}")
    with np.load(path, allow_pickle=False) as arrays:
        pool = _pool(arrays["images"], arrays["labels"], first_id=0)
    return Source(training=pool, held_out=pool, class_names=DIGITS, test_per_class=None)


def _mnist() -> Source:
    folder = _mnist_folder()
    parts = {name: _read_idx(folder, name) for name in MNIST_FILES}
    train = _pool(parts["train-images-idx3-ubyte"], parts["train-labels-idx1-ubyte"], first_id=0)
    test = _pool(parts["t10k-images-idx3-ubyte"], parts["t10k-labels-idx1-ubyte"], first_id=len(train.labels))
    return Source(training=train, held_out=test, class_names=DIGITS, test_per_class=500)


def _pool(images: NDArray[np.uint8], labels: NDArray[np.uint8], *, first_id: int) -> Pool:
    ids = np.arange(first_id, first_id + len(labels), dtype=np.int64)
    return Pool(images=images[:, None], labels=labels.astype(np.int64), ids=ids)


def _mnist_folder() -> Path:
    root = os.environ.get("BIR_DATA_DIR")
    if not root:
        raise InputError(
            "full MNIST needs its four IDX files: put train-images-idx3-ubyte.gz and the other three in a folder and "
            "set BIR_DATA_DIR to it"
        )
    for folder in (Path(root), Path(root) / "mnist", Path(root) / "MNIST" / "raw"):
        if any((folder / f"{name}{suffix}").is_file() for name in MNIST_FILES for suffix in ("", ".gz")):
            return folder
    raise InputError(f"BIR_DATA_DIR={root} holds no MNIST: expected {', '.join(f'{name}.gz' for name in MNIST_FILES)}")


def _read_idx(folder: Path, name: str) -> NDArray[np.uint8]:
    """An IDX file, gzipped or not, checked against the published content."""
    packed, plain = folder / f"{name}.gz", folder / name
    path = packed if packed.is_file() else plain
    try:
        content = gzip.decompress(path.read_bytes()) if path == packed else path.read_bytes()
    except (OSError, EOFError) as error:
        raise InputError(f"cannot read {path}: {error}; get the file again") from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MNIST_FILES[name]:
        raise InputError(
            f"{path} is truncated or altered (md5 of its content differs from MNIST's); get the file again"
        )
    axes = content[3]
    shape = struct.unpack(f">{axes}I", content[4 : 4 + 4 * axes])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
