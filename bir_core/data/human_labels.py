"""CIFAR-10N: what people said of CIFAR-10's training images (Wei et al. 2022, CC BY-NC 4.0)."""

import contextlib
import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.datasets.utils import download_url

from bir_core import durable
from bir_core.data import folder
from bir_core.errors import InputError
from bir_core.records import Integers

KEYS = {"aggregate": "aggre_label", "random2": "random_label2", "worst": "worse_label"}
CLEAN = "clean_label"
PUBLISHED, CONVERTED = "CIFAR-10_human.pt", "cifar10n_labels.npz"
URL = "https://github.com/UCSC-REAL/cifar-10-100n/raw/main/data/CIFAR-10_human.pt"
PUBLISHED_SHA256 = "873e69c39cb9b5e97fb6bae2d60bb59b38a5cbc31d2b868f7903dcb2b9dd2310"
CHECKSUMS = {
    "clean_label": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "aggre_label": "2bd5e02e39c9c79772cf4c794f7b74630ac1aaeeac4b807a63c11e9a375f8404",
    "random_label2": "7ea04c887750912f49669282a75e78df380077766b361fb6cb5200999ad6dcda",
    "worse_label": "11a306ed336e3bc81aaac36322ddf12de379d0df1883aa43e10ba562a98f6b2a",
}
"""sha256 of each column of the converted file, as bytes."""
_AGAIN = "delete it and get CIFAR-10N's labels again"


def load(which: str, true_labels: Integers) -> Integers:
    """(N,) the labels that people gave to CIFAR-10's training images, in its order.

    The published file, a pickle of NumPy arrays, is opened once: after its checksum has been found right, by torch's
    restricted reader. What it holds then stands beside it as ``cifar10n_labels.npz``, which is made again when it is
    damaged.

    Args:
        which: "aggregate", "random2" or "worst".
        true_labels: (N,) CIFAR-10's own labels, which the file repeats: they must be in the same order.

    Raises:
        InputError: the file is missing, altered, or of another order of the images.
    """
    converted = _converted((CLEAN, KEYS[which]))
    columns = _read(converted, (CLEAN, KEYS[which]))
    if not np.array_equal(columns[CLEAN], true_labels):
        raise InputError(
            f"{converted} is of another order than the CIFAR-10 of {folder.root()} (its {CLEAN} differs from the "
            "labels of the images): use the CIFAR-10 of torchvision, whose order CIFAR-10N follows"
        )
    return columns[KEYS[which]].astype(np.int64)


def download() -> None:
    """Fetch the published file, unless it or the converted one is there.

    Raises:
        InputError: it could not be fetched.
    """
    if _find(CONVERTED) is None and _find(PUBLISHED) is None:
        folder.fetch("CIFAR-10N", lambda root: download_url(URL, root, PUBLISHED))


def _find(name: str) -> Path | None:
    places = (folder.root(), folder.root() / "cifar10n", folder.root() / "cifar10")
    return next((place / name for place in places if (place / name).is_file()), None)


def _converted(names: tuple[str, ...]) -> Path:
    """The converted file, made from the published one unless it is there and its columns ``names`` are right."""
    converted, published = _find(CONVERTED), _find(PUBLISHED)
    if published is None:
        if converted is None:
            raise folder.missing("CIFAR-10N", f"{CONVERTED}, or the published {PUBLISHED}")
        return converted
    if converted is not None:
        with contextlib.suppress(InputError):
            _read(converted, names)
            return converted
    converted = converted or published.with_name(CONVERTED)
    _convert(published, converted)
    return converted


def _convert(published: Path, converted: Path) -> None:
    if hashlib.sha256(published.read_bytes()).hexdigest() != PUBLISHED_SHA256:
        raise InputError(f"{published} is truncated or altered (sha256 differs); get the file again")
    try:
        with torch.serialization.safe_globals(_array_parts()):
            values: Mapping[str, Any] = torch.load(published, weights_only=True)
    except Exception as error:  # whatever the reader does not know
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"cannot read {published} ({reason}): put {CONVERTED} beside it instead") from None
    columns: dict[str, Any] = {name: np.asarray(values[name]).astype(np.uint8) for name in CHECKSUMS}
    with durable.whole_file(converted, remedy="Make its folder writable once.") as part, part.open("wb") as file:
        np.savez_compressed(file, **columns)


def _array_parts() -> list[Any]:
    """What a pickled array is made of, under the names of NumPy 1, too: torch's restricted reader knows none of it."""
    reconstruct = np.ndarray.__reduce__(np.zeros(1))[0]
    known: list[Any] = [np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in ("u1", "i1", "i2", "i4", "i8"))]
    return [*known, (reconstruct, "numpy.core.multiarray._reconstruct"), reconstruct]


def _read(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.uint8]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            columns = {name: arrays[name].astype(np.uint8) for name in names}
    except (OSError, ValueError, LookupError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}; {_AGAIN}") from None
    for name, column in columns.items():
        if hashlib.sha256(column.tobytes()).hexdigest() != CHECKSUMS[name]:
            raise InputError(f"{path} is altered (sha256 of {name} differs); {_AGAIN}")
    return columns
