"""A data set that the program knows by name and that lies in BIR_DATA_DIR: its images as one array per part."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from bir_core.data.entries import Entry, Listing, Split
from bir_core.data.pool import Pool
from bir_core.data_config import Source
from bir_core.errors import InputError, nearest

NAMES: tuple[str, ...] = get_args(Source)


def read(name: str, scratch: Path, home: str) -> Listing:
    """The images of the data set ``name``, written to ``scratch``, which is the folder ``home`` of the set.

    What is published as its test images becomes the test part; the rest is for training.

    Raises:
        InputError: there is no such data set, or its files are missing, truncated or altered.
    """
    if name not in NAMES:
        raise InputError(f"no data set is known by the name {name!r}: {nearest(name, NAMES)}")
    return Listing(origin=name, root=None, entries=_entries(name, scratch, home))


def _entries(name: str, scratch: Path, home: str) -> Iterator[Entry]:
    from bir_core.data import sources  # torchvision, for which no other kind of data has a use

    source = sources.load(name)
    yield from _part("train", source.training, source.class_names, scratch, home)
    if source.held_out is not source.training:
        yield from _part("test", source.held_out, source.class_names, scratch, home)


def _part(split: Split, pool: Pool, class_names: tuple[str, ...], scratch: Path, home: str) -> Iterator[Entry]:
    """The images of a pool as N x H x W x C, copied piece by piece."""
    shape = np.moveaxis(pool.images, 1, -1).shape
    target = np.lib.format.open_memmap(scratch / f"{split}.npy", mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, len(target), 1000):
        target[start : start + 1000] = np.moveaxis(pool.images[start : start + 1000], 1, -1)
    target.flush()
    for row, label in enumerate(pool.labels.tolist()):
        path = f"{home}/{split}.npy"
        yield Entry(path=path, row=row, label=class_names[label], key=f"{split}#{row}", split=split, line=row + 1)
