"""What an import measures of every picture, in processes of their own. No torch here: each would load it.

A file is read once: its checksum, its pixels and its thumbnail are of the same bytes.
"""

import gc
import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bir_core.data import decoding, safe_paths
from bir_core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One picture to be measured: the file ``path`` below ``folder``, or a row of it, as it was when it was looked at.

    ``root`` is what its folder is called in the set: "." for what was unpacked.
    """

    root: str
    folder: str
    path: str
    row: int
    bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was found; ``error`` says why it is no picture, "" = it is one. ``sha256`` is of the file, or of the row."""

    task: Task
    sha256: bytes = bytes(32)
    width: int = 0
    height: int = 0
    thumbnail: bytes = b""
    error: str = ""


def measure_far(tasks: Sequence[Task]) -> list[tuple[bytes, int, int, bytes, str]]:
    """``measure`` for another process: what was found without the task, which its sender has."""
    return [(one.sha256, one.width, one.height, one.thumbnail, one.error) for one in measure(tasks)]


def measure(tasks: Sequence[Task]) -> list[Measured]:
    """Read, hash and decode some pictures.

    Raises:
        InputError: a file was changed since it was looked at, or a link leads out of its root.
    """
    return [_measure(task) for task in tasks]


def prepare_process() -> None:
    """In a process of a pool: leave Ctrl-C to the parent, and go when the parent has gone, even by kill -9."""
    gc.freeze()  # what is loaded stays, and need not be looked through again and again
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_go_with, args=(parent.sentinel,), daemon=True).start()


def _go_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _measure(task: Task) -> Measured:
    path = safe_paths.inside_text(task.folder, task.path)
    try:
        if task.row >= 0:
            values = _array(path, task.mtime_ns)[task.row]
            content: bytes | NDArray[Any] = np.ascontiguousarray(values)
            described = f"{values.dtype.str} {values.shape}".encode()
            digest = hashlib.sha256(described + np.ascontiguousarray(values).tobytes())
            called = f"{path}, row {task.row}"
        else:
            content, called = decoding.read_bounded(path), path
            digest = hashlib.sha256(content)
        seen = decoding.examine(content, name=called)
    except InputError as error:
        _refuse_changed(path, task)
        return Measured(task=task, error=str(error))
    _refuse_changed(path, task)
    return Measured(
        task=task,
        sha256=digest.digest(),
        width=seen.width,
        height=seen.height,
        thumbnail=seen.thumbnail,
    )


def changed(path: str) -> InputError:
    """The error that says that a file is not the one that was looked at any more."""
    return InputError(
        f"{path} was changed while it was imported: wait until nobody writes there, and import again; what was read so "
        "far is kept"
    )


def _refuse_changed(path: str, task: Task) -> None:
    try:
        found = os.stat(path)
    except OSError:
        raise changed(path) from None
    if (found.st_size, found.st_mtime_ns) != (task.bytes, task.mtime_ns):
        raise changed(path)


@lru_cache(maxsize=8)
def _array(path: str, _changed: int) -> NDArray[Any]:
    """An array, mapped once."""
    array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    return array
