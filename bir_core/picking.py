"""Choose the reserved set by eye: propose images, keep what people say of each, make those confirmed the reserved set.

What people say is a line in a log beside the image set and holds for the picture's content, so it survives a new
import. Nothing in the log is changed or deleted; of several lines about one picture the last one holds. No torch here.
"""

import datetime
import functools
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bir_core.data import image_set
from bir_core.data.image_set import ImageSet
from bir_core.errors import InputError
from bir_core.numerics import sampling
from bir_core.records import Integers

LONGEST_REVIEWER = 80


@dataclass(frozen=True, kw_only=True)
class Pick:
    """What somebody said of one picture.

    Attributes:
        sha256: of its content.
        clean: True: label and image are right, it may be reserved; False: not; None: taken back.
        reviewer: who said it.
        time: when, UTC.
    """

    sha256: str
    clean: bool | None
    reviewer: str
    time: str


@functools.lru_cache(maxsize=4)
def pickable(images: ImageSet) -> Integers:
    """Rows of the training part whose content is there once; of a picture that is there twice neither is proposed.

    A copy would have to leave the training part too, and may have another label.
    """
    codes = images.index["sha256"].combine_chunks().dictionary_encode().indices.to_numpy()
    is_single = np.bincount(codes)[codes] == 1
    rows = images.rows_of("train")
    single: Integers = rows[is_single[rows]]
    return single


def propose(images: ImageSet, *, seed: int = 0) -> Integers:
    """Rows that may be picked in the order in which they are shown, classes in turn; higher rows are no better.

    A stratified random sample is what the method assumes of its reserved set: whoever picks by looks alone would leave
    out what is hard to see.
    """
    rows = pickable(images)
    order: Integers = rows[sampling.by_class_in_turn(images.labels[rows], seed=seed)]
    return order


def held(images: ImageSet) -> dict[int, Pick]:
    """What holds for each row that may be picked and of which somebody has said something."""
    last = {pick.sha256: pick for pick in log(images)}
    if not last:
        return {}
    said_of = np.asarray(pc.is_in(images.index["sha256"], pa.array(list(last), pa.string())), dtype=np.bool_)
    rows = np.intersect1d(np.flatnonzero(said_of), pickable(images)).tolist()
    found = {row: last[images.value("sha256", row)] for row in rows}
    return {row: pick for row, pick in found.items() if pick.clean is not None}


def log(images: ImageSet) -> tuple[Pick, ...]:
    """Every line, oldest first; one that a crash has cut short is not there."""
    try:
        lines = _path(images).read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return ()
    return tuple(pick for line in lines if (pick := _parse(line)) is not None)


def version(images: ImageSet) -> int:
    """Grows whenever somebody says something: bytes of the log."""
    try:
        return _path(images).stat().st_size
    except FileNotFoundError:
        return 0


def say(images: ImageSet, row: int, clean: bool | None, *, reviewer: str) -> Pick:
    """Write what somebody says of one row that may be picked; None takes back what was said.

    Raises:
        InputError: there is no such row to pick, or the reviewer has no name.
    """
    name = reviewer.strip()
    if not 1 <= len(name) <= LONGEST_REVIEWER or not name.isprintable():
        raise InputError(f"a reviewer's name has 1 to {LONGEST_REVIEWER} printable characters, got {reviewer[:100]!r}")
    if not np.isin(row, pickable(images)):
        raise InputError(
            f"image {row} of {images.name!r} cannot be picked: expected one of its training part that is there once"
        )
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    pick = Pick(sha256=images.value("sha256", row), clean=clean, reviewer=name, time=now)
    _append(_path(images), json.dumps(asdict(pick)))
    return pick


def reserve(images: ImageSet) -> ImageSet:
    """The image set with every confirmed row moved from the training part to the reserved set.

    Raises:
        InputError: nothing is confirmed, or a class would have no reserved image.
    """
    confirmed = np.array(sorted(row for row, pick in held(images).items() if pick.clean), dtype=np.int64)
    if not len(confirmed):
        raise InputError("no image is confirmed yet: confirm at least one of each class")
    labels = np.concatenate([images.labels[confirmed], images.labels[images.rows_of("reserved")]])
    lacking = [name for label, name in enumerate(images.class_names) if label not in labels]
    if lacking:
        named = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        raise InputError(f"the reserved set has no image of class {named} yet: confirm at least one of each class")
    return image_set.with_reserved(images.name, confirmed.tolist())


def _path(images: ImageSet) -> Path:
    """Beside the set, which a new import replaces."""
    return images.path.with_name(f"{images.name}.picks.jsonl")


def _parse(line: str) -> Pick | None:
    try:
        return Pick(**json.loads(line))
    except (ValueError, TypeError):  # cut short by a crash, then followed by another line
        return None


def _append(path: Path, line: str) -> None:
    """One write, on the disk when it returns; what a crash has cut short before stays a line of its own."""
    with path.open("ab") as file:
        cut = file.tell() > 0 and _last_byte(path) != b"\n"
        os.write(file.fileno(), f"{chr(10) if cut else ''}{line}\n".encode())
        os.fsync(file.fileno())


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
