"""NumPy arrays: N x H x W [x C] images in a ``.npy`` file with labels beside it, or both in one ``.npz``."""

import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bir_core.data.entries import SPLIT_WORDS, Entry, Listing, Split
from bir_core.errors import InputError

PAIRS = (("images", "labels"), ("x", "y"), ("X", "Y"), ("X", "y"), ("data", "targets"), ("data", "labels"))
"""What images and their labels are called: alone, or with a split before or behind (train_images, x_train)."""
_PIECE = 1 << 22


def read(path: Path, root: Path, scratch: Path, home: str) -> Listing:
    """The rows of the arrays at ``path``: the ``.npy`` of images, a folder that holds some, or an ``.npz``.

    Arrays in ``.npy`` files are mapped where they are; those of an ``.npz`` are unpacked into ``scratch``, which is
    the folder ``home`` of the set.

    Raises:
        InputError: arrays or labels are missing, of another shape or kind, or hold pickled objects.
    """
    if path.suffix.lower() == ".npz":
        return Listing(origin=str(path), root=None, entries=_packed(path, scratch, home))
    folder = path if path.is_dir() else path.parent
    names = {item.stem for item in folder.glob("*.npy")}
    pairs = _pairs(names)
    if path.is_file():
        pairs = [pair for pair in pairs if pair[1] == path.stem]
    if not pairs:
        raise InputError(
            f"{path} has no labels beside its images: expected {_expected('.npy')}; found {_listed(names, '.npy')}"
        )
    below = folder.relative_to(root).as_posix()
    rows = (
        _rows(folder / f"{images}.npy", f"{below}/{images}.npy".removeprefix("./"), folder / f"{labels}.npy", split)
        for split, images, labels in pairs
    )
    return Listing(origin=str(path), root=root, entries=chain.from_iterable(rows))


def holds_arrays(folder: Path) -> bool:
    """Whether a folder has a pair of images and labels as ``.npy`` files."""
    return bool(_pairs({item.stem for item in folder.glob("*.npy")}))


def _pairs(names: set[str]) -> list[tuple[Split, str, str]]:
    """(split, name of the images, name of the labels) of all pairs among ``names``."""
    found: dict[str, tuple[Split, str, str]] = {}
    for word, split in {"": SPLIT_WORDS["train"], **SPLIT_WORDS}.items():
        for images, labels in PAIRS:
            for form in ("{word}_{name}", "{name}_{word}") if word else ("{name}",):
                image_name, label_name = (form.format(word=word, name=name) for name in (images, labels))
                if image_name in names and label_name in names:
                    found.setdefault(image_name, (split, image_name, label_name))
    return list(found.values())


def _rows(file: Path, name: str, labels_file: Path, split: Split) -> Iterator[Entry]:
    images, labels = mapped(file), _labels(labels_file)
    _check(images, labels, file, labels_file)
    for row, label in enumerate(labels):
        yield Entry(path=name, row=row, label=str(label).strip(), key=f"{name}#{row}", split=split, line=row + 1)


def _check(images: NDArray[Any], labels: NDArray[Any], file: Path, labels_file: Path) -> None:
    shape = " x ".join(map(str, images.shape))
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        raise InputError(
            f"{file} is {shape}, with channels first: expected N x H x W x C; images.transpose(0, 2, 3, 1)"
        )
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3, 4)) or 0 in images.shape:
        raise InputError(f"{file} is {shape}: expected images of N x H x W, or N x H x W x C with 1, 3 or 4 channels")
    if images.dtype.name not in ("uint8", "uint16", "bool", "float16", "float32", "float64"):
        raise InputError(f"{file} is {images.dtype}: expected uint8, uint16, bool, or floats in [0, 1]")
    if labels.ndim == 2 and labels.shape[1] == 1:
        return _check(images, labels[:, 0], file, labels_file)
    if labels.ndim != 1 or len(labels) != len(images):
        found = " x ".join(map(str, labels.shape)) or "one value"
        raise InputError(f"{labels_file} is {found}: expected {len(images):,} labels, one per image of {file.name}")
    if labels.dtype.kind not in "iuUb":
        raise InputError(f"{labels_file} is {labels.dtype}: expected labels as whole numbers or text")
    return None


def mapped(file: Path) -> NDArray[Any]:
    """An ``.npy`` file, mapped.

    Raises:
        InputError: it is none, or holds pickled objects, which are never opened.
    """
    try:
        found: NDArray[Any] = np.lib.format.open_memmap(file, mode="r")
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise InputError(f"{file} cannot be read as an array of numbers ({_one_line(error)}): write it again") from None
    return found


def _labels(file: Path) -> NDArray[Any]:
    found = mapped(file)
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def _packed(path: Path, scratch: Path, home: str) -> Iterator[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): archive.getinfo(name) for name in archive.namelist()}
            pairs = _pairs(set(members))
            if not pairs:
                raise InputError(
                    f"{path} lacks images or labels: expected {_expected('')}; found {_listed(members, '')}"
                )
            for number, (split, images, labels) in enumerate(pairs):
                files = [scratch / f"{number}_{kind}.npy" for kind in ("images", "labels")]
                for file, member in zip(files, (images, labels), strict=True):
                    _unpack(archive, members[member], file, path)
                yield from _rows(files[0], f"{home}/{files[0].name}", files[1], split)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise InputError(f"{path} is truncated or damaged ({_one_line(error)}): write it again") from None


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, path: Path) -> None:
    """One array out of its archive, into a file as old as the archive; never more than the disk has room for."""
    free = shutil.disk_usage(file.parent).free
    if member.file_size > free:
        raise InputError(
            f"{path} unpacks {member.filename} to {member.file_size / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are "
            f"free in {file.parent}: make room, or set BIR_DATA_DIR to another disk"
        )
    try:
        source = archive.open(member)
    except OSError as error:  # its place in the table of contents is none in the file
        raise zipfile.BadZipFile(f"{member.filename}: {error.strerror or error}") from None
    with source, file.open("wb") as target:
        shutil.copyfileobj(source, target, _PIECE)
    changed = path.stat().st_mtime_ns
    os.utime(file, ns=(changed, changed))


def _expected(suffix: str) -> str:
    return " or ".join(f"{images}{suffix} and {labels}{suffix}" for images, labels in PAIRS[:2])


def _listed(names: Any, suffix: str) -> str:
    return ", ".join(f"{name}{suffix}" for name in sorted(names)[:10]) or "nothing"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
