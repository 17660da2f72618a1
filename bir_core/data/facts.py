"""What was measured of pictures, appended to a log in the folder of an unfinished set, so that an import can go on.

facts.arrows       batches of measurements, see ``SCHEMA``; a kill may leave half a batch at the end, which is cut off
thumbnails.bin     JPEG bytes one after the other
"""

import contextlib
import os
from collections.abc import Sequence
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


class Known:
    """Measurements that are there already, found by where their pictures lie; of several, the newest counts."""

    def __init__(self, table: pa.Table) -> None:
        places = _places(table)
        self.table = table.combine_chunks()
        # Sorted by place; among equals the last one comes last and is found.
        self._order = np.argsort(places, kind="stable")
        self._places = places[self._order]
        self._sizes, self._changed = (self.table[name].to_numpy() for name in ("bytes", "mtime_ns"))

    def positions(self, batch: pa.Table) -> Integers:
        """For every row of a table with columns root, path and row the position of its measurement, -1 = none."""
        if not len(self._places):
            return np.full(batch.num_rows, -1, dtype=np.int64)
        wanted = _places(batch)
        at = np.searchsorted(self._places, wanted, side="right") - 1
        found = (at >= 0) & (self._places[at.clip(0)] == wanted)
        positions = np.where(found, self._order[at.clip(0)], 0)
        same = np.ones(len(wanted), dtype=np.bool_)
        for name in ("root", "path", "row"):  # two places may have one hash
            there = self.table[name].take(pa.array(positions))
            same &= np.asarray(pc.equal(there, batch[name]).combine_chunks(), dtype=np.bool_)
        return np.where(found & same, positions, -1)

    def unchanged(self, batch: pa.Table, sizes: Integers, changed: Integers) -> Integers:
        """The same, but -1 too where the file has another size or another time now."""
        at = self.positions(batch)
        if self.table.num_rows:
            same = (self._sizes[at] == sizes) & (self._changed[at] == changed)
            at = np.where(same, at, -1)
        return at


def _places(table: pa.Table) -> Integers:
    """One number per row that stands for root, path and row, within this process."""
    # Batch by batch: as objects of Python the columns take ten times as much.
    batches = table.select(["root", "path", "row"]).to_batches()
    pieces = (zip(*(column.to_pylist() for column in batch.columns), strict=True) for batch in batches)
    return np.fromiter((hash(place) for piece in pieces for place in piece), np.int64, table.num_rows)


class Log:
    """The log of one import, open for appending.

    What an interrupted import has left is taken over as far as it is whole.
    """

    def __init__(self, folder: Path) -> None:
        begun = _whole_batches(folder / LOG, _size(folder / THUMBNAILS))
        self.begun = Known(pa.Table.from_batches(begun, SCHEMA))
        self._thumbnails = _opened_at(folder / THUMBNAILS, _end(begun))
        draft = folder / f"{LOG}.part"
        self._file = draft.open("wb")
        self._writer = pa.ipc.new_stream(self._file, SCHEMA)
        for batch in begun:
            self._writer.write_batch(batch)
        self._sync()
        draft.rename(folder / LOG)
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
    return Known(pa.Table.from_batches(_whole_batches(folder / LOG, _size(folder / THUMBNAILS)), SCHEMA))


def _opened_at(path: Path, end: int) -> BinaryIO:
    """A file for appending behind ``end``; what stood there is cut off."""
    path.touch()
    file = path.open("r+b")
    file.truncate(end)
    file.seek(end)
    return file


def _whole_batches(log: Path, thumbnails: int) -> list[pa.RecordBatch]:
    """The batches of a log up to the first one that is not whole, or whose thumbnails are not all there."""
    found: list[pa.RecordBatch] = []
    try:
        with pa.OSFile(str(log), "rb") as file, pa.ipc.open_stream(file) as reader:
            if reader.schema != SCHEMA:
                return []
            for batch in reader:
                batch.validate(full=True)
                if _end([batch]) > thumbnails:
                    break
                found.append(batch)
    except (OSError, pa.ArrowException, EOFError):
        pass  # half a batch, or no log yet
    return found


def _end(batches: Sequence[pa.RecordBatch]) -> int:
    ends = [pc.max(pc.add(batch["thumbnail_offset"], batch["thumbnail_bytes"])).as_py() for batch in batches]
    return max((end or 0 for end in ends), default=0)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
