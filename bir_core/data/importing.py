"""Import: listings are read and checked, pictures hashed and decoded once, then an image set is written.

What was measured is kept in ``sets/.NAME.part`` as it comes, so an interrupted import goes on where it was; a second
import of a set decodes only files whose size or time has changed. Whatever happens, the set of before stays whole until
the new one takes its place. Pictures never pile up in memory: only columns of numbers and names do.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bir_core import durable
from bir_core.data import facts, gathering, image_set, import_report, index, measuring, safe_paths
from bir_core.data.decoders import Decoders
from bir_core.data.entries import SPLITS
from bir_core.data.facts import Known, Log
from bir_core.data.gathering import Gathered
from bir_core.data.image_set import ImageSet
from bir_core.data.import_report import EXAMPLES, Unreadable
from bir_core.data.import_request import ImportRequest, Progress, Watch
from bir_core.data.measuring import Measured, Task
from bir_core.data.set_lock import lock
from bir_core.errors import InputError
from bir_core.records import Flags, Integers

_REQUEST = "request.json"
_SAID_AT_ONCE = 3
"""So many unreadable files are named in an error."""


@contextmanager
def _freed_at_once() -> Iterator[None]:
    """Arrow's usual pool keeps what was freed: the tables of each step would come on top of the last one's."""
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(usual)


@_freed_at_once()
def import_images(request: ImportRequest, *, progress: Watch = lambda _: None) -> ImageSet:
    """Make or renew the image set that a request describes.

    Args:
        request: what to import.
        progress: told how far the import is.

    Raises:
        InputError: a listing is wrong, a file is no picture (unless such are skipped), was changed meanwhile or is in
            two parts; or the disk is full.
    """
    home = image_set.home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with lock(home, request.name):
            image_set.recover(request.name)
            part = _part(home / f".{request.name}.part", request)
            _import(request, part, progress)
            image_set.put_in_place(part, request.name)
    except OSError as error:
        raise InputError(
            f"cannot write the image set {request.name!r} in {home}: {error.strerror or error}. Make room on the disk, "
            "or set BIR_DATA_DIR to another; what was read is kept, and a set of before is untouched"
        ) from None
    return image_set.open_set(request.name)


def _part(part: Path, request: ImportRequest) -> Path:
    """The folder of the unfinished set; what another request has unpacked there goes, what was measured stays."""
    part.mkdir(exist_ok=True)
    wanted = request.model_dump_json()
    noted = part / _REQUEST
    if not noted.is_file() or noted.read_text(encoding="utf-8") != wanted:
        durable.remove(part / "images")
        noted.write_text(wanted, encoding="utf-8")
    return part


@dataclass(frozen=True, kw_only=True, eq=False)
class _Looked:
    """(N,) bytes and change time (nanoseconds) of every entry's file, -1 = there is none; ``num_decoded`` of them."""

    sizes: Integers
    changed: Integers
    num_decoded: int


def _import(request: ImportRequest, part: Path, progress: Watch) -> None:
    began = time.monotonic()
    gathered = gathering.gather(request, part, progress)
    with Log(part) as log:
        looked = _read(gathered, part, log, request.name, progress)
    table, errors = _join(gathered, looked, part)
    unreadable = _refuse_unreadable(request, errors, gathered.num)
    _refuse_empty(table, gathered, request)
    _refuse_changes(gathered, looked, part)
    progress(Progress(phase="write", done=gathered.num, total=gathered.num))
    report = import_report.build(table, gathered.class_names, unreadable)
    for name in (gathering.FILE, facts.LOG, _REQUEST):
        (part / name).unlink()
    _remove_empty(part / "images")
    image_set.write(
        part,
        table,
        {
            "name": request.name,
            "kind": gathered.kind,
            "origin": request.model_dump(),
            "roots": list(gathered.roots),
            "class_names": list(gathered.class_names),
            "report": {**report, "num_decoded": looked.num_decoded, "seconds": round(time.monotonic() - began, 1)},
        },
    )


# ---------------------------------------------------------------- read


def _read(gathered: Gathered, part: Path, log: Log, name: str, progress: Watch) -> _Looked:
    """Measure every picture that the log or the set of before does not know as it is now."""
    sizes, changed = (np.full(gathered.num, -1, dtype=np.int64) for _ in range(2))
    earlier = _Earlier(name)
    start = done = decoded = 0

    def note(measured: Sequence[Measured]) -> None:
        nonlocal done, decoded
        log.append(measured)
        done += len(measured)
        decoded += sum(not one.error for one in measured)
        progress(Progress(phase="read", done=done, total=gathered.num))

    with Decoders() as decoders:
        for batch in gathered.batches():
            placed = _placed(batch, gathered.roots)
            here = slice(start, start + batch.num_rows)
            tasks = _look(placed, part)
            sizes[here] = [task.bytes for task in tasks]
            changed[here] = [task.mtime_ns for task in tasks]
            begun = log.begun.unchanged(placed, sizes[here], changed[here])
            before = earlier.known.unchanged(placed, sizes[here], changed[here])
            copied = np.flatnonzero((begun < 0) & (before >= 0))
            log.append(earlier.measured(before[copied], [tasks[at] for at in copied]))
            done += int((begun >= 0).sum()) + len(copied)
            todo = [tasks[at] for at in np.flatnonzero((begun < 0) & (before < 0))]
            note([_absent(task) for task in todo if task.bytes < 0])
            for measured in decoders.measure([task for task in todo if task.bytes >= 0]):
                note(measured)
            start += batch.num_rows
        for measured in decoders.rest():
            note(measured)
    return _Looked(sizes=sizes, changed=changed, num_decoded=decoded)


def _placed(batch: pa.RecordBatch | pa.Table, roots: Sequence[str]) -> pa.Table:
    """Root (as text), path and row of some entries."""
    root = pa.array(roots, pa.string()).take(_whole(batch["root"]))
    return pa.table({"root": root, "path": _whole(batch["path"]), "row": _whole(batch["row"])})


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _look(placed: pa.Table, part: Path) -> list[Task]:
    """The files of some entries as they are now; of an array once for all its rows."""
    tasks = []
    arrays: dict[tuple[str, str], tuple[int, int]] = {}
    for root, path, row in zip(*(placed[name].to_pylist() for name in ("root", "path", "row")), strict=True):
        folder = str(part) if root == "." else root
        found = arrays.get((root, path)) if row >= 0 else None
        if found is None:
            found = _stat(safe_paths.inside_text(folder, path))
            arrays |= {(root, path): found} if row >= 0 else {}
        tasks.append(Task(root=root, folder=folder, path=path, row=row, bytes=found[0], mtime_ns=found[1]))
    return tasks


def _stat(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _absent(task: Task) -> Measured:
    return Measured(task=task, error=f"{Path(task.folder) / task.path} is not there")


class _Earlier:
    """What a set of before knows of its pictures; nothing if there is none, or a damaged one."""

    def __init__(self, name: str) -> None:
        self._set: ImageSet | None = None
        with contextlib.suppress(InputError):
            self._set = image_set.open_set(name) if name in image_set.names() else None
        self.known = Known([] if self._set is None else self._facts(self._set).to_batches())

    @staticmethod
    def _facts(before: ImageSet) -> pa.Table:
        index, placed = before.index, _placed(before.index, before.roots)
        digests = pa.array([bytes.fromhex(text) for text in index["sha256"].to_pylist()], pa.binary(32))
        columns = {name: index[name] for name in facts.SCHEMA.names if name in index.column_names}
        columns |= {name: placed[name] for name in placed.column_names} | {"sha256": digests}
        columns |= {"error": pa.array([""] * len(before), pa.string())}
        return pa.table(columns).select(facts.SCHEMA.names)

    def measured(self, positions: Integers, tasks: Sequence[Task]) -> list[Measured]:
        """What was measured of some pictures."""
        if self._set is None:
            return []
        found = self.known.take(positions).select(["sha256", "width", "height"]).to_pylist()
        there = zip(positions.tolist(), tasks, found, strict=True)
        return [Measured(task=task, thumbnail=self._set.thumbnail(at), **one) for at, task, one in there]


# ---------------------------------------------------------------- write


def _join(gathered: Gathered, looked: _Looked, part: Path) -> tuple[pa.Table, pa.Table]:
    """Write the index of all readable pictures, see ``index``; it, and path and error of the others."""
    known = facts.load(part)
    errors, num, start = list[pa.Table](), 0, 0
    with index.writer(part) as add:
        for batch in gathered.batches():
            here = slice(start, start + batch.num_rows)
            placed = _placed(batch, gathered.roots)
            positions = known.unchanged(placed, looked.sizes[here], looked.changed[here])
            if (positions < 0).any():
                raise LookupError("a picture was not measured")
            measured = known.take(positions)
            readable = pc.equal(measured["error"], "")
            good = _rows(batch, measured, gathered.class_names).filter(readable)
            add(good.append_column("id", pa.array(np.arange(num, num + good.num_rows))))
            errors.append(pa.table({"path": batch["path"], "error": measured["error"]}).filter(pc.invert(readable)))
            num, start = num + good.num_rows, start + batch.num_rows
    return index.read(part), pa.concat_tables(errors)


def _rows(entries: pa.RecordBatch, measured: pa.Table, class_names: Sequence[str]) -> pa.Table:
    """Rows of the index, as yet without their numbers."""
    names = pa.array(class_names, pa.string())
    copied = ("width", "height", "bytes", "mtime_ns", "thumbnail_offset", "thumbnail_bytes")
    columns: dict[str, Any] = {name: entries[name] for name in ("key", "path", "row", "root", "group")}
    columns |= {name: measured[name] for name in copied}
    columns |= {
        "label": pc.index_in(entries["label"], names),
        "true_label": pc.fill_null(pc.index_in(entries["true_label"], names), -1),
        "split": pa.array(SPLITS, pa.string()).take(entries["split"]),
        "sha256": pa.array([digest.hex() for digest in measured["sha256"].to_pylist()], pa.string()),
    }
    return pa.table(columns)


def _refuse_unreadable(request: ImportRequest, errors: pa.Table, num: int) -> Unreadable:
    """What is left out, if that is allowed."""
    examples = list(zip(errors["path"].to_pylist()[:EXAMPLES], errors["error"].to_pylist()[:EXAMPLES], strict=True))
    if examples and not request.skip_unreadable:
        first = "; ".join(reason for _, reason in examples[:_SAID_AT_ONCE])
        more = f"; and {errors.num_rows - _SAID_AT_ONCE:,} more" if errors.num_rows > _SAID_AT_ONCE else ""
        raise InputError(
            f"{errors.num_rows:,} of {num:,} files cannot be read: {first}{more}. Repair them or take them out, or "
            "leave out files that cannot be read (--skip-unreadable); what was read is kept"
        )
    return Unreadable(num=errors.num_rows, examples=tuple(examples))


def _refuse_empty(table: pa.Table, gathered: Gathered, request: ImportRequest) -> None:
    training = _is_training(table)
    classes = np.unique(table["label"].to_numpy()[training])
    if len(classes) < 2:
        left = ", ".join(gathered.class_names[label] for label in classes) or "none"
        raise InputError(
            f"{request.path} has training images of less than two classes once unreadable files are left out "
            f"({left}): repair the files"
        )


def _is_training(table: pa.Table) -> Flags:
    splits = import_report.split_numbers(table)
    return np.isin(splits, [SPLITS.index("train"), SPLITS.index("validation")])


def _refuse_changes(gathered: Gathered, looked: _Looked, part: Path) -> None:
    """Look at every file once more: whoever changes one while others are read must not go unnoticed."""
    seen = zip(looked.sizes.tolist(), looked.changed.tolist(), strict=True)
    for batch in gathered.batches():
        placed = _placed(batch, gathered.roots)
        for root, path in zip(placed["root"].to_pylist(), placed["path"].to_pylist(), strict=True):
            file = os.path.join(part if root == "." else root, path)
            if _stat(file) != next(seen):
                raise measuring.changed(file)


def _remove_empty(scratch: Path) -> None:
    """Remove the folders into which nothing had to be unpacked."""
    for folder in (*scratch.iterdir(), scratch):
        with contextlib.suppress(OSError):
            folder.rmdir()
