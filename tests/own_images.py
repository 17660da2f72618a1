"""The bundled digits as somebody's own images: written out as files, as their owner would have them."""

import csv
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bir_core.data import importing, sources
from bir_core.data.image_set import ImageSet
from bir_core.data.import_request import ImportRequest


@cache
def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(5000, 28, 28) real digits and their labels, shuffled."""
    pool = sources.load("mnist5k").training
    order = np.random.default_rng(0).permutation(len(pool.labels))
    return np.ascontiguousarray(pool.images[order, 0]), pool.labels[order]


def write_folder(folder: Path, rows: Iterable[int]) -> Path:
    """``folder/LABEL/ROW.png`` for some of the digits."""
    images, labels = digits()
    for row in rows:
        place = folder / str(labels[row])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[row]).save(place / f"{row}.png")
    return folder


def write_manifest(file: Path, rows: Iterable[int], **more: object) -> Path:
    """A CSV of path, label and the columns of ``more``, beside the digits as ``images/ROW.png``."""
    images, labels = digits()
    (file.parent / "images").mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(["path", "label", *more])
        for row in rows:
            Image.fromarray(images[row]).save(file.parent / "images" / f"{row}.png")
            writer.writerow([f"images/{row}.png", labels[row], *more.values()])
    return file


def png(row: int) -> bytes:
    """One of the digits as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(digits()[0][row]).save(buffer, format="PNG")
    return buffer.getvalue()


def imported(name: str, folder: Path) -> ImageSet:
    """The image set of that name, made of a folder."""
    return importing.import_images(ImportRequest(name=name, path=str(folder)))
