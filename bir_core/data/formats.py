"""The forms in which labelled images can be imported, as a table, and which of them a path has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bir_core.data.entries import Listing
from bir_core.data.listings import arrays, folders, hugging_face, known, manifests
from bir_core.errors import InputError, nearest


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is to be read.

    Attributes:
        name: as a person wrote it.
        path: the same as a path, resolved.
        root: folder that image paths start from and may not leave.
        scratch: empty folder for what has to be unpacked.
        home: that folder, relative to the folder of the set.
    """

    name: str
    path: Path
    root: Path
    scratch: Path
    home: str


@dataclass(frozen=True, kw_only=True)
class Format:
    """One form of data: its name, what a person reads of it, how it is recognised, and its reader."""

    kind: str
    title: str
    recognises: Callable[[Place], bool]
    read: Callable[[Place], Listing]


def _manifest(place: Place) -> Path:
    """The manifest of a place: the file itself, or the one that lies in the folder."""
    inside = (place.path / name for name in manifests.IN_A_FOLDER)
    return next((path for path in inside if path.is_file()), place.path) if place.path.is_dir() else place.path


FORMATS: tuple[Format, ...] = (
    Format(
        kind="known",
        title=f"data set in BIR_DATA_DIR by name: {', '.join(known.NAMES)}",
        recognises=lambda place: place.name in known.NAMES and not place.path.exists(),
        read=lambda place: known.read(place.name, place.scratch, place.home),
    ),
    Format(
        kind="hf",
        title="folder that datasets.save_to_disk of Hugging Face has written",
        recognises=lambda place: hugging_face.recognises(place.path),
        read=lambda place: hugging_face.read(place.path, place.root, place.scratch, place.home),
    ),
    Format(
        kind="arrays",
        title="NumPy arrays: images.npy with labels.npy, or one .npz",
        recognises=lambda place: place.path.suffix.lower() in (".npy", ".npz") or arrays.holds_arrays(place.path),
        read=lambda place: arrays.read(place.path, place.root, place.scratch, place.home),
    ),
    Format(
        kind="manifest",
        title="table of image paths and labels: CSV, JSONL, JSON or Parquet, also exports of FiftyOne and cleanlab",
        recognises=lambda place: _manifest(place).suffix.lower() in manifests.READERS,
        read=lambda place: manifests.read(_manifest(place), place.root),
    ),
    Format(
        kind="folder",
        title="folder per class, or train, validation, reserved and test folders with a folder per class",
        recognises=lambda place: place.path.is_dir(),
        read=lambda place: folders.read(place.path, place.root),
    ),
)
"""The first one that recognises a place reads it, unless a person says which."""

KINDS: tuple[str, ...] = ("auto", *(one.kind for one in FORMATS))


def find(place: Place, kind: str = "auto") -> Format:
    """The form of a place, whose ``read`` gives its entries.

    Args:
        place: what to read.
        kind: one of ``KINDS``; "auto": whatever it looks like.

    Raises:
        InputError: there is nothing of that name, or its form is not known.
    """
    if kind != "auto":
        found = next((one for one in FORMATS if one.kind == kind), None)
        if found is None:
            raise InputError(f"unknown kind of data {kind!r}: {nearest(kind, KINDS)}")
    else:
        found = next((one for one in FORMATS if one.recognises(place)), None)
    if kind != "known" and not (found and found.kind == "known") and not place.path.exists():
        raise InputError(
            f"there is no {place.path}: expected a folder, a manifest or arrays, or one of {', '.join(known.NAMES)}"
        )
    if found is None:
        forms = "; ".join(f"{one.kind}: {one.title}" for one in FORMATS)
        raise InputError(f"{place.path} has no form that is known: expected {forms}")
    return found
