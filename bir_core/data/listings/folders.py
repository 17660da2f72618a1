"""A folder of class folders, ``CLASS/*.png``, or of split folders with class folders in them, ``train/CLASS/*.png``."""

import os
from collections.abc import Iterator
from pathlib import Path

from bir_core.data import decoding
from bir_core.data.entries import SPLIT_WORDS, Entry, Listing, Split
from bir_core.errors import InputError

_LAYOUT = "expected a folder per class with images in it (CLASS/*.png), or train, validation, reserved and test folders"


def read(path: Path, root: Path) -> Listing:
    """Every image below ``path``, folder by folder in the order of names; hidden files and other files are left out.

    The folders right below are splits when all of them are called so; a class is the folder right below its split,
    and folders below that belong to it.

    Raises:
        InputError: the folder is empty or laid out in another way, has other folders beside its splits, or a link leads
            out of it.
    """
    return Listing(origin=str(path), root=root, entries=_entries(path, root))


def _entries(path: Path, root: Path) -> Iterator[Entry]:
    folders = _folders(path)
    if not folders:
        raise InputError(f"{path} has no folders: {_LAYOUT}")
    splits = [SPLIT_WORDS.get(name.lower()) for name in folders]
    if all(splits):
        places = [(split, path / name) for split, name in zip(splits, folders, strict=True) if split is not None]
    else:
        _refuse_mixed(path, folders)
        places = [("train", path)]
    found = False
    for split, place in places:
        for entry in _classes(split, place, root):
            found = True
            yield entry
    if not found:
        raise InputError(f"{path} has no images: {_LAYOUT}; known are {', '.join(sorted(decoding.SUFFIXES))}")


def _refuse_mixed(path: Path, folders: list[str]) -> None:
    """Splits beside another folder would become classes. A split holds folders only; a class called "train", images."""
    training = [name for name in folders if SPLIT_WORDS.get(name.lower()) == "train"]
    if any(_folders(path / name) and _loose_image(path / name) is None for name in training):
        others = ", ".join(name for name in folders if name.lower() not in SPLIT_WORDS)
        raise InputError(
            f"{path} has other folders ({others}) beside {training[0]}, which holds folders as a split does: expected "
            f"splits only ({', '.join(SPLIT_WORDS)}) or classes only; move the others out of it, or, if "
            f"{training[0]} is a class, put its images right into it"
        )


def _classes(split: Split, place: Path, root: Path) -> Iterator[Entry]:
    loose = _loose_image(place)
    if loose is not None:
        raise InputError(f"{place / loose} lies in no class folder: {_LAYOUT}")
    for label in _folders(place):
        for path in _images(place / label, root):
            yield Entry(path=path, label=label.strip(), key=path, split=split)


def _images(folder: Path, root: Path) -> Iterator[str]:
    """All images of a class, as paths below the root in the order of names; a folder's own before those in it."""
    items, below = _scan(folder), folder.relative_to(root).as_posix()
    yield from (f"{below}/{item.name}" for item in items if _is_image(item.name) and not item.is_dir())
    for item in items:
        if item.is_dir() and not item.name.startswith("."):
            yield from _images(folder / item.name, root)


def _loose_image(folder: Path) -> str | None:
    """The first image right in a folder."""
    return next((item.name for item in _scan(folder) if not item.is_dir() and _is_image(item.name)), None)


def _folders(path: Path) -> list[str]:
    return [item.name for item in _scan(path) if item.is_dir() and not item.name.startswith((".", "__"))]


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            found = sorted(items, key=lambda item: item.name)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None
    for item in found:
        if item.is_symlink() and item.is_dir():
            raise InputError(f"{item.path} is a link to a folder, which is not followed: put the folder itself there")
    return found


def _is_image(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in decoding.SUFFIXES
