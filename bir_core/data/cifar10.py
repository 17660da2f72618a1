"""CIFAR-10: the published files in torchvision's layout, or four plain arrays."""

from pathlib import Path

import numpy as np
import torchvision
from numpy.typing import NDArray
from torchvision.datasets.utils import check_integrity

from bir_core.data import folder
from bir_core.data.pool import UNVERIFIED, VERIFIED, Source, pool
from bir_core.errors import InputError

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
DATASET = torchvision.datasets.CIFAR10


def load() -> Source:
    """All 50,000 and 10,000 images, in the published order.

    Plain arrays, ``cifar10/train_images.npy`` and so on (uint8, N x 32 x 32 x 3, red first; labels uint8), are mapped
    and not read whole. Nobody has published their checksum, which the report says.

    Raises:
        InputError: files are missing, or not what they should be.
    """
    published, plain = folder.root() / DATASET.base_folder, folder.root() / "cifar10"
    if published.is_dir():
        parts = _by_torchvision(published)
    elif plain.is_dir():
        parts = [_arrays(plain, part) for part in ("train", "test")]
    else:
        raise folder.missing(
            "CIFAR-10",
            f"the folder {DATASET.base_folder} of {DATASET.filename}, or cifar10/train_images.npy, train_labels.npy, "
            "test_images.npy and test_labels.npy",
        )
    (train_images, train_labels), (test_images, test_labels) = parts
    return Source(
        training=pool(train_images.transpose(0, 3, 1, 2), train_labels, first_id=0),
        held_out=pool(test_images.transpose(0, 3, 1, 2), test_labels, first_id=len(train_labels)),
        class_names=CLASS_NAMES,
        test_per_class=500,
        origin=VERIFIED if published.is_dir() else UNVERIFIED,
    )


def download() -> None:
    """Fetch it in torchvision's layout, unless it is there.

    Raises:
        InputError: it could not be fetched.
    """
    folder.fetch("CIFAR-10", lambda root: DATASET(root, download=True))


def _by_torchvision(published: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Both parts. The files are pickles, which torchvision opens; each is opened only if it is the published one."""
    for name, md5 in (*DATASET.train_list, *DATASET.test_list, (DATASET.meta["filename"], DATASET.meta["md5"])):
        path = published / name
        if not path.is_file():
            raise InputError(f"{published} is incomplete: {name} is not there; extract {DATASET.filename} again")
        if not check_integrity(path, md5):
            raise InputError(f"{path} is truncated or altered (md5 differs); extract {DATASET.filename} again")
    parts = [DATASET(published.parent, train=train) for train in (True, False)]
    return [(part.data, np.array(part.targets, dtype=np.uint8)) for part in parts]


def _arrays(plain: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images, labels = (_mapped(plain / f"{part}_{what}.npy") for what in ("images", "labels"))
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (SIDE, SIDE, 3):
        raise InputError(
            f"{plain / f'{part}_images.npy'} must hold uint8 images of N x 32 x 32 x 3, "
            f"got {images.dtype} {' x '.join(map(str, images.shape))}"
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1] or (labels >= len(CLASS_NAMES)).any():
        raise InputError(
            f"{plain / f'{part}_labels.npy'} must hold {len(images)} uint8 labels from 0 to {len(CLASS_NAMES) - 1}, "
            f"got {labels.dtype} {' x '.join(map(str, labels.shape))}"
        )
    return images, labels


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise InputError(
            f"{path.parent} is incomplete: {path.name} is not there; write all four arrays again"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as an array ({error}): write it again") from None
