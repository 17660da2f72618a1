"""Images that stay in the files of their owner, decoded when they are asked for. No torch here: a server shows them.

Whoever has an array of images may have ``Pictures`` instead: rows and batches of both are float32 (C, H, W) in [0, 1].
"""

import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from numpy.typing import NDArray

from bir_core.card import Card
from bir_core.data import decoding
from bir_core.errors import InputError, RunDamaged
from bir_core.records import Floats, Images, Integers

AHEAD = 2
"""So many batches are decoded while the caller works on one."""
THREADS = min(8, os.cpu_count() or 1)
"""Decoders release the interpreter's lock, so that threads are enough."""
SPARE = 0.8
"""Of the free memory, what all pictures together may take."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Files:
    """Where N pictures lie, as they were when they were imported.

    Attributes:
        paths: (N) absolute paths, as an Arrow column, so that a million of them take no time to open.
        rows: (N,) int64 position in an ``.npy`` array of images; -1 = the file is one picture.
        sizes: (N,) int64 bytes of each file.
        changed: (N,) int64 nanoseconds, when each file was last changed.
    """

    paths: pa.Array
    rows: Integers
    sizes: Integers
    changed: Integers

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, chosen: Integers | slice) -> "Files":
        """Some of them, in that order."""
        where = np.arange(len(self))[chosen]
        return Files(
            paths=self.paths.take(pa.array(where)),
            rows=self.rows[where],
            sizes=self.sizes[where],
            changed=self.changed[where],
        )


class Pictures:
    """(N, C, H, W) images of ``files``, fitted to ``card``.

    A single row, a slice or an array of positions gives float32 in [0, 1], decoded anew each time.

    Raises:
        InputError: a file is gone, was changed since it was imported, or cannot be decoded.
    """

    def __init__(self, files: Files, card: Card) -> None:
        self.files, self.card = files, card
        self.shape: tuple[int, ...] = (len(files), *card.image_shape)
        self.ndim = 4
        self.nbytes = 4 * int(np.prod(self.shape, dtype=np.int64))
        self._arrays: dict[str, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, chosen: int | slice | Integers) -> Floats:
        if isinstance(chosen, int | np.integer):
            return _unit(self.pixels(range(len(self))[chosen]))
        return next(self.stream([chosen]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of them, where memory has room."""
        free = psutil.virtual_memory().available
        if self.nbytes > SPARE * free:
            raise InputError(
                f"{len(self):,} images of {' x '.join(map(str, self.shape[1:]))} take {self.nbytes / 2**30:.1f} GiB at "
                f"once, and {free / 2**30:.1f} GiB of memory are free: choose a smaller base.card.size, fewer images, "
                "or a method that goes through the images one batch at a time, as bir does"
            )
        return np.asarray(self[:], dtype=dtype)

    def take(self, rows: Sequence[int]) -> Floats:
        """Copies of some rows, one below the other."""
        return self[np.array(rows, dtype=np.int64)]

    def subset(self, chosen: Integers | slice) -> "Pictures":
        """Some of them, in that order; nothing is decoded."""
        return Pictures(self.files.take(chosen), self.card)

    def stream(self, pieces: Sequence[slice | Integers]) -> Iterator[Floats]:
        """Batches in the order of ``pieces``; the next ones are decoded while the caller works on one."""
        with ThreadPoolExecutor(THREADS) as pool:
            started: deque[list[Future[NDArray[np.uint8]]]] = deque()
            try:
                for piece in pieces:
                    positions = np.arange(len(self))[piece]
                    started.append([pool.submit(self.pixels, position) for position in positions.tolist()])
                    if len(started) > AHEAD:
                        yield self._batch(started.popleft())
                while started:
                    yield self._batch(started.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def pixels(self, position: int) -> NDArray[np.uint8]:
        """(C, H, W) uint8 of one picture."""
        path, row = str(self.files.paths[position]), int(self.files.rows[position])
        try:
            found = Path(path).stat()
        except OSError as error:
            raise InputError(f"cannot read the image {path} ({error.strerror}): put it back, or import again") from None
        if (found.st_size, found.st_mtime_ns) != (self.files.sizes[position], self.files.changed[position]):
            raise InputError(f"the image {path} was changed since it was imported: import it again")
        if row < 0:
            return decoding.fitted(Path(path), self.card)
        return decoding.fitted(self._array(path)[row], self.card, name=f"row {row} of {path}")

    def _array(self, path: str) -> NDArray[Any]:
        if path not in self._arrays:
            self._arrays[path] = np.load(path, mmap_mode="r", allow_pickle=False)
        return self._arrays[path]

    def _batch(self, started: list[Future[NDArray[np.uint8]]]) -> Floats:
        if not started:
            return np.empty((0, *self.shape[1:]), dtype=np.float32)
        return _unit(np.stack([future.result() for future in started]))


def stream(images: Images, size: int) -> Iterator[tuple[slice, Floats]]:
    """Images in order, at most ``size`` at a time, each batch with its positions; files are decoded ahead."""
    pieces = [slice(start, min(start + size, len(images))) for start in range(0, len(images), size)]
    batches = images.stream(pieces) if isinstance(images, Pictures) else (images[piece] for piece in pieces)
    return zip(pieces, batches, strict=True)


def save(path: Path, pictures: Pictures) -> None:
    """Write where the pictures lie, and what they are fitted to, as one Arrow file."""
    files = pictures.files
    table = pa.table(
        {"path": files.paths, "row": files.rows, "bytes": files.sizes, "mtime_ns": files.changed},
        metadata={"card": pictures.card.model_dump_json()},
    )
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def load(path: Path) -> Pictures:
    """What ``save`` has written; the file is mapped.

    Raises:
        RunDamaged: the file is not one of ours.
    """
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
        columns = {name: table[name].to_numpy() for name in ("row", "bytes", "mtime_ns")}
        chunks = table["path"].chunks
        card = Card.model_validate_json(table.schema.metadata[b"card"])
        files = Files(
            paths=chunks[0] if chunks else pa.array([], pa.string()),
            rows=columns["row"],
            sizes=columns["bytes"],
            changed=columns["mtime_ns"],
        )
    except (OSError, pa.ArrowException, LookupError, TypeError, ValueError, json.JSONDecodeError) as error:
        raise RunDamaged(f"{path} cannot be read ({error}): compute the stage again with --force") from None
    return Pictures(files, card)


def _unit(pixels: NDArray[np.uint8]) -> Floats:
    return np.divide(pixels, np.float32(255), dtype=np.float32)
