"""Arrays and columns as files: Parquet for what is read whole, ``.npy`` for what is read a few rows at a time.

A file that cannot be read is named in a ``RunDamaged``. Never a pickle.
"""

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bir_core.errors import RunDamaged

MAPPED_FROM = 1 << 20
"""Arrays of more bytes than this are memory-mapped; an empty one cannot be."""


def write_columns(path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
    """Columns of one length as a Parquet file."""
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)


def read_columns(path: Path, names: list[str] | None = None) -> dict[str, NDArray[Any]]:
    """Columns of a Parquet file by name: all, or those asked for."""
    try:
        table = pq.read_table(path, columns=names)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable_columns(path, error) from None
    return {name: table[name].to_numpy() for name in table.column_names}


def count_rows(path: Path) -> int:
    """How many rows a Parquet file has, without reading them."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable_columns(path, error) from None


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


def same_number(expected: int, array: NDArray[Any], name: str) -> None:
    """Raise ValueError unless the array of the file ``name`` has as many rows as it must."""
    if len(array) != expected:
        raise ValueError(f"{name} has {len(array)} rows instead of {expected}")


def forget(*arrays: NDArray[Any]) -> None:
    """Give back the memory of what was read of memory-mapped arrays; it is read anew when it is needed.

    A server that shows a picture here and a picture there would otherwise come to hold all of them: the system maps
    64 kB around every row that is touched.
    """
    for array in arrays:
        if isinstance(array.base, mmap.mmap):
            array.base.madvise(mmap.MADV_DONTNEED)


def _unreadable_columns(path: Path, error: Exception) -> RunDamaged:
    return RunDamaged(f"{path} cannot be read as Parquet ({error}): compute the stage again with --force")
