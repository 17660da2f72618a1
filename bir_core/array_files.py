"""Arrays as ``.npy`` files, mapped, or read row by row. A damaged one is named in a ``RunDamaged``; never a pickle."""

import functools
import math
import mmap
import os
import weakref
from collections.abc import Callable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from bir_core.errors import RunDamaged

P = ParamSpec("P")
R = TypeVar("R")

MAPPED_FROM = 1 << 20
"""Arrays of more bytes than this are memory-mapped; an empty one cannot be."""

ANNOUNCED_FROM = 4096
"""Rows of at least so many bytes are announced to the disk before they are read; smaller ones share its blocks."""


def naming_damage(load: Callable[P, R]) -> Callable[P, R]:
    """A file that is readable but not ours becomes a ``RunDamaged`` too, not a KeyError from somewhere inside."""

    @functools.wraps(load)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return load(*args, **kwargs)
        except RunDamaged:
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise RunDamaged(
                f"{args[0]} holds a file that this program has not written ({error}): "
                "compute the stage again with --force"
            ) from None

    return checked


def write_arrays(folder: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Columns of one table, each as the file ``NAME.npy``."""
    for name, values in columns.items():
        np.save(folder / f"{name}.npy", values)


def read_array(path: Path) -> NDArray[Any]:
    """The array of an ``.npy`` file, read-only and memory-mapped when it is big."""
    try:
        if path.stat().st_size > MAPPED_FROM:
            return np.lib.format.open_memmap(path, mode="r")
        with path.open("rb") as file:
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunDamaged(f"{path} cannot be read as an array ({error}): compute the stage again with --force") from None
    return array


def read_arrays(folder: Path, first: str, *others: str) -> list[NDArray[Any]]:
    """Columns of one table, each in an ``.npy`` file of its own; raises ValueError when they are not of one length."""
    found = [read_array(folder / f"{name}.npy") for name in (first, *others)]
    for name, column in zip(others, found[1:], strict=True):
        same_number(len(found[0]), column, f"{name}.npy")
    return found


def same_number(expected: int, array: Sized, name: str) -> None:
    """Raise ValueError unless the array of the file ``name`` has as many rows as it must."""
    if len(array) != expected:
        raise ValueError(f"{name} has {len(array)} rows instead of {expected}")


def forget(array: NDArray[Any]) -> None:
    """Give back the memory of what was read of a memory-mapped array; it is read anew when it is needed."""
    if isinstance(array.base, mmap.mmap):
        array.base.madvise(mmap.MADV_DONTNEED)


class Rows:
    """Rows of the ``.npy`` file at ``path``, each read when it is asked for and never mapped.

    What is mapped counts as the process's memory, with 64 kB and more around every row that was touched; a server that
    shows a picture here and a picture there would come to hold all of them. The file stays readable when its name goes.

    Raises:
        RunDamaged: the file is not an array, or has become shorter since.
    """

    def __init__(self, path: Path) -> None:
        array = read_array(path)
        self.shape, self._path, self._dtype = array.shape, path, array.dtype
        self._row_bytes = math.prod(array.shape[1:]) * array.itemsize
        # A small file is kept whole; of a large one only what it takes to read from it.
        self._whole = None if isinstance(array, np.memmap) else array
        if isinstance(array, np.memmap):
            self._offset, self._file = array.offset, os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, row: int) -> NDArray[Any]:
        """A copy of one row."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        row %= len(self)
        if self._whole is not None:
            return np.array(self._whole[row])
        content = os.pread(self._file, self._row_bytes, self._offset + row * self._row_bytes)
        if len(content) < self._row_bytes:
            raise RunDamaged(f"{self._path} has become shorter: compute the stage again with --force")
        return np.frombuffer(content, self._dtype).reshape(self.shape[1:])

    def take(self, rows: Sequence[int]) -> NDArray[Any]:
        """Copies of some rows, one below the other."""
        self._announce(rows)
        found = [self[row] for row in rows]
        return np.stack(found) if found else np.empty((0, *self.shape[1:]), self._dtype)

    def _announce(self, rows: Sequence[int]) -> None:
        """Let the disk look for all large rows at once, where the system can."""
        if self._whole is not None or self._row_bytes < ANNOUNCED_FROM or not hasattr(os, "posix_fadvise"):
            return
        for row in rows:
            os.posix_fadvise(self._file, self._offset + row * self._row_bytes, self._row_bytes, os.POSIX_FADV_WILLNEED)
