"""Where images come from: the bundled digits, or a data set in the data folder, by name."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import bir_core
from bir_core.data import cifar10, human_labels, mnist
from bir_core.data.pool import Source, pool
from bir_core.data_config import DataConfig
from bir_core.errors import InputError, nearest

ASSETS = Path(bir_core.__file__).resolve().parents[1] / "assets"
MNIST5K_SHA256 = "246e0c30eeea57c8d0037d3f38c8e00651ec204cc61b8022563e9aeeb9d756f4"


def load(name: str) -> Source:
    """The source called ``name``: "mnist5k", "mnist", "fashion_mnist" or "cifar10".

    Raises:
        InputError: there is no such source, or its files are missing, truncated or altered.
    """
    if name not in LOADERS:
        raise InputError(f"unknown data set {name!r}: {nearest(name, LOADERS)}")
    return LOADERS[name]()


def download(config: DataConfig) -> None:
    """Fetch what a run needs and is not in the data folder yet.

    Raises:
        InputError: it could not be fetched.
    """
    if config.source in DOWNLOADS:
        DOWNLOADS[config.source]()
    if config.corruption == "human":
        human_labels.download()


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
        digits = pool(arrays["images"][:, None], arrays["labels"], first_id=0)
    return Source(training=digits, held_out=digits, class_names=mnist.MNIST.class_names, test_per_class=None)


LOADERS: dict[str, Callable[[], Source]] = {
    "mnist5k": _mnist5k,
    "mnist": partial(mnist.load, mnist.MNIST),
    "fashion_mnist": partial(mnist.load, mnist.FASHION),
    "cifar10": cifar10.load,
}
DOWNLOADS: dict[str, Callable[[], None]] = {
    "mnist": partial(mnist.download, mnist.MNIST),
    "fashion_mnist": partial(mnist.download, mnist.FASHION),
    "cifar10": cifar10.download,
}
