"""What was measured of pictures, appended to a log in the folder of an unfinished set, so that an import can go on.

facts.arrows       batches of measurements, see ``SCHEMA``; a kill may leave half a batch at the end, which is cut off
thumbnails.bin     JPEG bytes one after the other
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bir_core.data.measuring import Measured
from bir_core.records import Integers

SCHEMA = pa.schema(
    {
        "root": pa.string(),
        "path": pa.string(),
        "row": pa.int64(),
        "bytes": pa.int64(),
        "mtime_ns": pa.int64(),
        "sha256": pa.binary(32),
        "width": pa.int32(),
        "height": pa.int32(),
        "thumbnail_offset": pa.int64(),
        "thumbnail_bytes": pa.int64(),
        "error": pa.string(),
    }
)
FLUSHED_AFTER = 1024
"""Measurements that a kill may cost."""

LOG, THUMBNAILS = "facts.arrows", "thumbnails.bin"

_NONE: Integers = np.empty(0, dtype=np.int64)


class Known:
    """Measurements that are there already, found by where their pictures lie; of several, the newest counts.

    Only four numbers of each stay in memory; the rest is asked of the batches, which may lie in a file.
    """

    def __init__(self, batches: "Sequence[pa.RecordBatch] | _Batches") -> None:
        self._batches = batches
        places, sizes, changed = [_NONE], [_NONE], [_NONE]
        for batch in batches:
            places.append(_places(batch))
            # Copied: a view would keep all of its batch.
            sizes.append(np.array(batch["bytes"]))
            changed.append(np.array(batch["mtime_ns"]))
        self._starts = np.cumsum([len(some) for some in places])
        unordered = np.concatenate(places)
        # Sorted by place; among equals the last one comes last and is found.
        self._order = np.argsort(unordered, kind="stable")
        self._places = unordered[self._order]
        self._sizes, self._changed = np.concatenate(sizes), np.concatenate(changed)

    def take(self, positions: Integers) -> pa.Table:
        """The measurements at some positions, see ``SCHEMA``."""
        number = np.searchsorted(self._starts, positions, side="right") - 1
        found, order = [SCHEMA.empty_table()], []
        for at in np.unique(number):
            here = np.flatnonzero(number == at)
            some = self._batches[at].take(pa.array(positions[here] - self._starts[at]))
            found.append(pa.Table.from_batches([some]))
            order.append(here)
        if not order:
            return found[0]
        return pa.concat_tables(found).take(pa.array(np.argsort(np.concatenate(order))))

    def positions(self, batch: pa.RecordBatch | pa.Table) -> Integers:
        """For every row of a table with columns root, path and row the position of its measurement, -1 = none."""
        if not len(self._places):
            return np.full(batch.num_rows, -1, dtype=np.int64)
        wanted = _places(batch)
        at = np.searchsorted(self._places, wanted, side="right") - 1
        found = (at >= 0) & (self._places[at.clip(0)] == wanted)
        positions = np.where(found, self._order[at.clip(0)], 0)
        there = self.take(positions)
        same = np.ones(len(wanted), dtype=np.bool_)
        for name in ("root", "path", "row"):  # two places may have one hash
            same &= np.asarray(pc.equal(there[name], batch[name]).combine_chunks(), dtype=np.bool_)
        return np.where(found & same, positions, -1)

    def unchanged(self, batch: pa.RecordBatch | pa.Table, sizes: Integers, changed: Integers) -> Integers:
        """The same, but -1 too where the file has another size or another time now."""
        at = self.positions(batch)
        if len(self._sizes):
            same = (self._sizes[at] == sizes) & (self._changed[at] == changed)
            at = np.where(same, at, -1)
        return at


def _places(batch: pa.RecordBatch | pa.Table) -> Integers:
    """One number per row that stands for root, path and row, within this process."""
    columns = (batch[name].to_pylist() for name in ("root", "path", "row"))
    return np.fromiter((hash(place) for place in zip(*columns, strict=True)), np.int64, batch.num_rows)


class Log:
    """The log of one import, open for appending.

    What an interrupted import has left is taken over as far as it is whole.
    """

    def __init__(self, folder: Path) -> None:
        begun = _Batches(folder)
        self._thumbnails = _opened_at(folder / THUMBNAILS, begun.thumbnails)
        draft = folder / f"{LOG}.part"
        self._file = draft.open("wb")
        self._writer = pa.ipc.new_stream(self._file, SCHEMA)
        for batch in begun:
            self._writer.write_batch(batch)
        self._sync()
        draft.rename(folder / LOG)
        self.begun = load(folder)
        self._rows: list[tuple[Any, ...]] = []

    def append(self, measured: Sequence[Measured]) -> None:
        """Note some measurements; they are on the disk after some more, or at the end."""
        offset = self._thumbnails.tell()
        self._thumbnails.write(b"".join([one.thumbnail for one in measured]))
        for one in measured:
            task = one.task
            place = (task.root, task.path, task.row, task.bytes, task.mtime_ns)
            size = (one.width, one.height, offset, len(one.thumbnail))
            self._rows.append((*place, one.sha256, *size, one.error))
            offset += len(one.thumbnail)
        if len(self._rows) >= FLUSHED_AFTER:
            self.flush()

    def flush(self) -> None:
        """Bring to the disk what was noted: pictures first, so that what is in the log is there."""
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            self._thumbnails.flush()
            os.fsync(self._thumbnails.fileno())
            self._writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
            self._sync()
            self._rows = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Flush and close; after an error as far as that is possible, so that the next import goes on."""
        try:
            with contextlib.suppress(OSError) if error is not None else contextlib.nullcontext():
                self.flush()
        finally:
            self._file.close()
            with contextlib.suppress(OSError):
                self._thumbnails.close()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def load(folder: Path) -> Known:
    """All measurements of a log."""
    return Known(_Batches(folder))


class _Batches:
    """The batches of a log up to the first one that is not whole, or whose thumbnails are not all there.

    Each is read when it is asked for. ``thumbnails`` is how many bytes of thumbnails belong to them.
    """

    def __init__(self, folder: Path) -> None:
        self._log = str(folder / LOG)
        self._begins: list[int] = []
        self.thumbnails = 0
        there = _size(folder / THUMBNAILS)
        # The end may be half a batch, and before the first import there is no log.
        with contextlib.suppress(OSError, pa.ArrowException, EOFError), pa.OSFile(self._log, "rb") as file:
            if pa.ipc.read_schema(pa.ipc.read_message(file)) != SCHEMA:
                return
            while True:
                begin = file.tell()
                batch = _next(file)
                batch.validate(full=True)
                end = pc.max(pc.add(batch["thumbnail_offset"], batch["thumbnail_bytes"])).as_py() or 0
                if end > there:
                    return
                self._begins.append(begin)
                self.thumbnails = max(self.thumbnails, end)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return (self[at] for at in range(len(self._begins)))

    def __getitem__(self, at: int) -> pa.RecordBatch:
        with pa.OSFile(self._log, "rb") as file:
            file.seek(self._begins[at])
            return _next(file)


def _next(file: pa.OSFile) -> pa.RecordBatch:
    return pa.ipc.read_record_batch(pa.ipc.read_message(file), SCHEMA)


def _opened_at(path: Path, end: int) -> BinaryIO:
    """A file for appending behind ``end``; what stood there is cut off."""
    path.touch()
    file = path.open("r+b")
    file.truncate(end)
    file.seek(end)
    return file


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
