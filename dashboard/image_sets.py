"""Image sets that somebody has imported: the door of the Data and the Pick page to the engine. Never imports torch."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bir_core import picking, uploads
from bir_core.data import image_set
from bir_core.data.entries import SPLITS
from bir_core.data.image_set import ImageSet
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError
from dashboard import labels, pictures, runs
from dashboard.frames import Positions
from dashboard.runs import Run

__all__ = ["SPLITS", "ImageSet", "InputError"]

USUAL_PER_CLASS, USUAL_IN_ALL = 30, 300

names, delete, state = image_set.names, image_set.delete, image_set.state
uploaded, delete_upload = uploads.names, uploads.delete


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One image set in a list of them.

    Attributes:
        splits: images by part; empty where the set cannot be read.
        num_classes: how many classes it has.
        places: files and folders that it was imported from; none where the set cannot be read.
        when: ISO 8601 in UTC, when it was written last.
    """

    name: str
    splits: Mapping[str, int]
    num_classes: int
    places: tuple[Path, ...]
    when: str

    @property
    def num_images(self) -> int:
        """Of all parts."""
        return sum(self.splits.values())


def summaries() -> list[Summary]:
    """Every image set, without its index."""
    return [summary(name) for name in names()]


def summary(name: str) -> Summary:
    """One image set, without its index."""
    return _summary(name, *state(name))


@functools.lru_cache(maxsize=256)
def _summary(name: str, folder: Path, changed: int, _inode: int) -> Summary:
    when = datetime.fromtimestamp(changed / 1e9, UTC).isoformat(timespec="seconds")
    try:
        values = json.loads((folder / "set.json").read_text(encoding="utf-8"))
        splits = {split: sum(counts.values()) for split, counts in values["report"]["splits"].items()}
        named = [values["origin"].get(key) for key in ("path", "reserved", "test", "root")] + values["roots"]
        places = tuple(Path(place).resolve() for place in named if place and Path(place).is_absolute())
        return Summary(name=name, splits=splits, num_classes=len(values["class_names"]), places=places, when=when)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Summary(name=name, splits={}, num_classes=0, places=(), when=when)


def made_of(upload: str) -> list[str]:
    """The image sets that were imported from an upload, as far as they can be read."""
    folder = (uploads.root() / upload).resolve()
    return [one.name for one in summaries() if any(place.is_relative_to(folder) for place in one.places)]


def extent_of_upload(name: str) -> tuple[int, int]:
    """Its files and their bytes, counted once: nothing is ever added to an upload, and each may have many thousands."""
    return _extent(name, (uploads.root() / name).stat().st_ino)


@functools.lru_cache(maxsize=64)
def _extent(name: str, _inode: int) -> tuple[int, int]:
    return uploads.extent(name)


def open_set(name: str) -> ImageSet:
    """The image set called ``name``, read once as long as it is as it was.

    Raises:
        InputError: there is none, or it is damaged.
    """
    if name not in names():
        return image_set.open_set(name)
    return _opened(name, *state(name))


@functools.lru_cache(maxsize=4)
def _opened(name: str, _path: Path, _changed: int, _inode: int) -> ImageSet:
    return image_set.open_set(name)


@functools.lru_cache(maxsize=4)
def class_names(images: ImageSet) -> tuple[str, ...]:
    """As a page shows them."""
    return labels.shown(images.class_names)


def version(images: ImageSet) -> str:
    """Changes whenever a picture, a label or a part does."""
    return images.fingerprint[:20]


def some_of(images: ImageSet, split: str, label: int, most: int) -> list[int]:
    """The first rows of a class in a part."""
    chosen = (images.splits == SPLITS.index(split)) & (images.labels == label)
    rows: list[int] = np.flatnonzero(chosen)[:most].tolist()
    return rows


def card(images: ImageSet, row: int) -> dict[str, Any]:
    """What a page shows of one image beside its picture, and the shape of that."""
    return {"row": row, **{name: images.value(name, row) for name in ("label", "key", "width", "height")}}


def is_large(images: ImageSet) -> bool:
    """Whether its pictures are shown smoothly."""
    return max(images.report["sizes"]["largest"]) > pictures.PIXELATED_UP_TO


# ---------------------------------------------------------------- picking


def usual_wanted(num_classes: int) -> int:
    """How many reserved images of each class are asked for at first: 30, or fewer where that is more than 300."""
    return max(1, min(USUAL_PER_CLASS, USUAL_IN_ALL // num_classes))


@functools.lru_cache(maxsize=4)
def proposals(images: ImageSet) -> Positions:
    """Rows that may be picked, in the order in which they are shown."""
    return picking.propose(images)


def per_class(images: ImageSet, rows: Sequence[int] | Positions) -> list[int]:
    """How many of some rows each class has."""
    counted: list[int] = np.bincount(images.labels[rows], minlength=len(images.class_names)).tolist()
    return counted


def picks(images: ImageSet) -> list[dict[str, Any]]:
    """What people say of the rows that may be picked."""
    held = picking.held(images)
    return [
        {"row": row, "label": int(images.labels[row]), "clean": pick.clean, "reviewer": pick.reviewer}
        for row, pick in held.items()
    ]


picks_version = picking.version
say = picking.say


def reserve(name: str) -> int:
    """Make all that is confirmed the reserved set; returns how many images were added.

    Raises:
        InputError: nothing is confirmed, or a class would have no reserved image.
    """
    before = open_set(name)
    after = picking.reserve(before)
    return len(after.rows_of("reserved")) - len(before.rows_of("reserved"))


# ---------------------------------------------------------------- runs on a set


def newest_run(name: str) -> Run | None:
    """The newest run on an image set, None when there is none; damaged runs are passed over."""
    for one in runs.names():
        try:
            run = runs.open_run(one)
        except runs.RunDamaged:
            continue
        if isinstance(run.config.data, OwnDataConfig) and run.config.data.images == name:
            return run
    return None
