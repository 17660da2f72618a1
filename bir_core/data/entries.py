"""What a listing says of one image: where it is and what it is called, as text that nobody has checked against others.

A listing is read as a stream; ten million entries are never in memory at once.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bir_core.errors import InputError

Split = Literal["train", "validation", "reserved", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "reserved", "test")
SPLIT_WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "reserved": "reserved",
    "test": "test",
    "testing": "test",
}
"""What people call the parts of their data, in small letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One image of a listing.

    Attributes:
        path: file below the listing's root, with "/"; for a row of an array, the ``.npy`` file.
        row: position in that array, -1 = the file is one picture.
        label: text of the given label.
        key: what its owner calls it.
        split: which part it belongs to.
        true_label: text of the true label, "" = unknown.
        group: what belongs together, such as a patient or a video; "" = nothing said.
        line: where in the listing it stands, from 1; 0 = the listing has no lines.
    """

    path: str
    row: int = -1
    label: str
    key: str
    split: Split = "train"
    true_label: str = ""
    group: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """A stream of entries.

    Attributes:
        origin: the file or folder that lists them, for error messages.
        root: folder that their paths start from; None = the folder of the set itself, into which they were unpacked.
        entries: read once.
    """

    origin: str
    root: Path | None
    entries: Iterator[Entry]


def split_of(word: str, where: str) -> Split:
    """The part that somebody's ``word`` means; an empty one means training.

    Raises:
        InputError: it means none; the sentence starts with ``where``.
    """
    found = SPLIT_WORDS.get(word.strip().lower() or "train")
    if found is None:
        raise InputError(f"{where} has split {word!r}: expected one of {', '.join(SPLIT_WORDS)}")
    return found


def in_label_order(labels: set[str]) -> tuple[str, ...]:
    """Names of classes in the order of their numbers: by value if all of them are finite numbers, else by text."""
    if all(map(_is_number, labels)):
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    return tuple(sorted(labels))


def _is_number(label: str) -> bool:
    """Whether it has a place among numbers; "nan" has none."""
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False
