"""The cleaned data set: an image folder for other programs, and a manifest that says what became of every sample.

N training samples.
"""

import io
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bir_core import export
from bir_core.config import ReviewConfig
from bir_core.errors import InputError
from bir_core.exports import archive
from bir_core.records import Doubles, Floats, Integers, LabelledImages, Progress

ARCHIVE, MANIFEST = "cleaned.zip", "manifest.parquet"
LONGEST_NAME = 40
EVERY = 100
"""Progress is told once for so many images."""

ABOUT = """The cleaned training data: one folder per class, as torchvision.datasets.ImageFolder reads it.

The folders are numbered, so that their order is that of the labels; classes.json has the names as they were given.
A class of which no image is left has no folder.
manifest.csv has a row for every training sample, also for those that were left out: its position ("sample"), its place
in the source ("id"), given and final class, what was done and why, and the file if there is one.
"""


def manifest(
    train: LabelledImages, names: Sequence[str], scores: Doubles, suspects: Integers, decided: ReviewConfig
) -> pd.DataFrame:
    """One row per training sample, in data-set order: what becomes of it, and why.

    A person's verdict comes before the score: a kept suspect stays, a removed sample goes, a relabelled one stays under
    its new label. Of the others the suspects go.

    Args:
        train: (N) samples.
        names: of the classes, in label order.
        scores: (N,) higher = more suspect.
        suspects: positions of the suspects.
        decided: the verdicts on which people agree.
    """
    positions = np.arange(len(train))
    labels = dict(decided.relabel)
    reasons = np.full(len(train), "not suspect", dtype=object)
    reasons[suspects] = "suspect"
    for verdict, chosen in (("keep", decided.keep), ("remove", decided.remove), ("relabel", tuple(labels))):
        reasons[list(chosen)] = f"verdict: {verdict}"
    is_in = ~np.isin(reasons.astype(str), ("suspect", "verdict: remove"))
    final = np.array([labels.get(position, label) for position, label in enumerate(train.labels.tolist())])
    folders = folder_names(names)
    files = [
        f"{folders[label]}/{position:07d}.png" if stays else ""
        for position, label, stays in zip(positions.tolist(), final.tolist(), is_in.tolist(), strict=True)
    ]
    return pd.DataFrame(
        {
            "sample": positions,
            "id": train.ids,
            "given": [names[label] for label in train.labels],
            "final": [names[label] if stays else "" for label, stays in zip(final, is_in, strict=True)],
            "in_cleaned_set": is_in,
            "reason": reasons.astype(str),
            "score": scores,
            "file": files,
        }
    )


def write(folder: Path, train: LabelledImages, names: Sequence[str], table: pd.DataFrame, progress: Progress) -> None:
    """``cleaned.zip`` with the images as PNG and the manifest as CSV, and the manifest as ``manifest.parquet``.

    Raises:
        InputError: the images are neither grey nor of three colours.
    """
    if train.images.shape[1] not in (1, 3):
        raise InputError(f"images of {train.images.shape[1]} channels cannot be written as PNG: 1 or 3 are possible")
    table.to_parquet(folder / MANIFEST, index=False)
    archive.write(folder / ARCHIVE, _members(train, names, table, progress))


def folder_names(names: Sequence[str]) -> list[str]:
    """A folder for each class: its label, so that sorting keeps the order, and its name as any system can write it."""
    width = len(str(max(len(names) - 1, 0)))
    found = []
    for label, name in enumerate(names):
        plain = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFC", name)).strip("_")[:LONGEST_NAME]
        found.append(f"{label:0{width}d}_{plain}" if plain else f"{label:0{width}d}")
    return found


def png(image: Floats) -> bytes:
    """A (C, H, W) image in [0, 1] as PNG of 8 bits per channel; what came from 8 bits comes back as it was."""
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2)).save(buffer, format="PNG")
    return buffer.getvalue()


def _members(
    train: LabelledImages, names: Sequence[str], table: pd.DataFrame, progress: Progress
) -> Iterator[tuple[str, bytes]]:
    classes = dict(zip(folder_names(names), names, strict=True))
    yield "README.txt", ABOUT.encode()
    yield "classes.json", json.dumps(classes, indent=2, ensure_ascii=False).encode()
    yield "manifest.csv", export.guarded(table, ("given", "final")).to_csv(**export.CSV).encode()
    chosen = table[table["in_cleaned_set"]]
    for done, (sample, file) in enumerate(zip(chosen["sample"], chosen["file"], strict=True), start=1):
        yield f"images/{file}", png(train.images[sample])
        if done % EVERY == 0 or done == len(chosen):
            progress(done, len(chosen))
