"""Image sets: images that somebody has imported. Originals stay where they are; a set knows where, and as what.

    BIR_DATA_DIR/sets/NAME/set.json         what it is: classes, roots of paths, report, fingerprint
    BIR_DATA_DIR/sets/NAME/index.parquet    one row per image, see ``index``
    BIR_DATA_DIR/sets/NAME/thumbnails.bin   small JPEGs, one after the other
    BIR_DATA_DIR/sets/NAME/images/          only what had to be unpacked

A set is written aside and renamed; one that a crash has left aside is put back by whoever looks for it. No torch here:
the dashboard shows sets.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bir_core import durable
from bir_core.data import decoding, folder, import_report, index, safe_paths
from bir_core.data.entries import SPLITS, Split
from bir_core.data.listings import arrays
from bir_core.data.set_lock import lock
from bir_core.errors import InputError, nearest
from bir_core.pictures import Files
from bir_core.records import Integers
from bir_core.sections import NAME_PATTERN

VERSION = 1
_SET, _THUMBNAILS = "set.json", "thumbnails.bin"


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSet:
    """N imported images.

    Attributes:
        name: the folder's.
        path: the folder.
        kind: form that they were imported from.
        origin: the request that they were imported by, as a dict.
        roots: folders that paths start from, as written; "." is the folder of the set.
        class_names: in label order.
        report: see ``import_report.build``.
        fingerprint: digest of contents, labels, splits, keys and groups; paths and times do not count.
        index: the columns of ``index.SCHEMA``.
        labels: (N,) int32.
        true_labels: (N,) int32, -1 = unknown.
        splits: (N,) positions in ``SPLITS``.
    """

    name: str
    path: Path
    kind: str
    origin: dict[str, Any]
    roots: tuple[str, ...]
    class_names: tuple[str, ...]
    report: dict[str, Any]
    fingerprint: str
    index: pa.Table = field(repr=False)
    labels: Integers = field(repr=False)
    true_labels: Integers = field(repr=False)
    splits: Integers = field(repr=False)

    def __len__(self) -> int:
        return int(self.index.num_rows)

    def rows_of(self, split: Split) -> Integers:
        """(n,) rows of the images of a part, in import order."""
        return np.flatnonzero(self.splits == SPLITS.index(split))

    def row_of(self, key: str) -> int:
        """The row of the image that its owner calls ``key``.

        Raises:
            InputError: there is none.
        """
        found = int(pc.index(self.index["key"], key).as_py())
        if found < 0:
            raise InputError(f"image set {self.name!r} has no image {key!r}")
        return found

    def value(self, column: str, row: int) -> Any:
        """One value of the index."""
        return self.index[column][row].as_py()

    def file(self, row: int) -> Path:
        """The file of an image; nobody has looked whether it is there."""
        return self._root(self.value("root", row)) / str(self.value("path", row))

    def original(self, row: int) -> decoding.Source:
        """The original of an image, for ``decoding.open_picture``: a path, or a row of an array.

        Raises:
            InputError: the file is gone or was changed since it was imported.
        """
        path = safe_paths.inside(self._root(self.value("root", row)), self.value("path", row))
        try:
            found = path.stat()
        except OSError as error:
            raise InputError(f"the image {path} is gone ({error.strerror}): put it back, or import again") from None
        if (found.st_size, found.st_mtime_ns) != (self.value("bytes", row), self.value("mtime_ns", row)):
            raise InputError(f"the image {path} was changed since it was imported: import {self.name!r} again")
        at = self.value("row", row)
        return path if at < 0 else np.array(arrays.mapped(path)[at])

    def thumbnail(self, row: int) -> bytes:
        """JPEG of an image, its longer side at most 128 pixels.

        Raises:
            InputError: the file of thumbnails is damaged.
        """
        with (self.path / _THUMBNAILS).open("rb") as file:
            file.seek(self.value("thumbnail_offset", row))
            content = file.read(size := self.value("thumbnail_bytes", row))
        if len(content) != size:
            raise InputError(f"{self.path / _THUMBNAILS} is truncated: import {self.name!r} again")
        return content

    def files(self, rows: Integers) -> Files:
        """Where some images lie, for ``pictures.Pictures``."""
        table = self.index.take(pa.array(rows))
        roots = pa.array([f"{self._root(number)}{os.sep}" for number in range(len(self.roots))], pa.string())
        before = roots.take(table["root"].combine_chunks())
        return Files(
            paths=pc.binary_join_element_wise(before, table["path"].combine_chunks(), ""),
            rows=table["row"].to_numpy(),
            sizes=table["bytes"].to_numpy(),
            changed=table["mtime_ns"].to_numpy(),
        )

    def _root(self, number: int) -> Path:
        return (self.path / self.roots[number]).resolve() if self.roots[number] == "." else Path(self.roots[number])


def home() -> Path:
    """The folder of all image sets."""
    return folder.root() / "sets"


def names() -> list[str]:
    """Names of the image sets, in order."""
    try:
        for aside in home().glob(".*.old"):
            _recover_unless_held(aside.name[1:].removesuffix(".old"))
        found = [path.name for path in home().iterdir() if (path / _SET).is_file()]
    except OSError:
        return []
    return sorted(name for name in found if re.fullmatch(NAME_PATTERN, name))


def state(name: str) -> tuple[Path, int, int]:
    """Where a set lies, and what changes whenever it is written anew: nanoseconds and inode, 0 where there is none."""
    path = home() / name
    try:
        found = (path / _SET).stat()
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_ino


def open_set(name: str) -> ImageSet:
    """The image set called ``name``.

    Raises:
        InputError: there is none, or its files are damaged.
    """
    path, is_name = home() / name, re.fullmatch(NAME_PATTERN, name)
    if is_name:
        _recover_unless_held(name)
    if not is_name or not path.is_dir():
        known = names()
        hint = nearest(name, known) if known else "there is none yet; 'images NAME --from PATH' imports one"
        raise InputError(f"no image set is named {name!r}: {hint}")
    try:
        values = json.loads((path / _SET).read_text(encoding="utf-8"))
        if values["version"] != VERSION:
            raise InputError(f"image set {name!r} was written by another version of this program: import it again")
        for file, facts in values["files"].items():
            durable.check(path / file, facts["size"], None, remedy=f"import the image set {name!r} again")
        table = index.read(path)
        return ImageSet(
            name=name,
            path=path,
            kind=values["kind"],
            origin=values["origin"],
            roots=tuple(values["roots"]),
            class_names=tuple(values["class_names"]),
            report=values["report"],
            fingerprint=values["fingerprint"],
            index=table,
            labels=table["label"].to_numpy(),
            true_labels=table["true_label"].to_numpy(),
            splits=import_report.split_numbers(table),
        )
    except InputError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"image set {name!r} in {path} is damaged ({reason}): import it again") from None


def delete(name: str) -> None:
    """Remove a set; the images that it was made of stay where they are.

    Raises:
        InputError: there is no such set, or it is being imported.
    """
    if name not in names():
        open_set(name)
    with lock(home(), name):
        gone = home() / f".{name}.deleted"
        durable.remove(gone)
        durable.remove(home() / f".{name}.old")  # else it would be put back
        (home() / name).rename(gone)
        durable.remove(gone)
        durable.remove(home() / f".{name}.part")


def with_reserved(name: str, rows: Sequence[int]) -> ImageSet:
    """Move some training or validation images to the reserved part; the set is written anew, whole or not at all.

    Args:
        name: the set.
        rows: their positions in the index.

    Raises:
        InputError: there is no such set or row, a row is a test image, or a picture would be in two parts.
    """
    with lock(home(), name):
        recover(name)
        found = open_set(name)
        table = _reserved(found, np.unique(np.array(rows, dtype=np.int64)))
        draft = home() / f".{name}.draft"
        durable.remove(draft)
        shutil.copytree(found.path, draft, copy_function=durable.link)
        for file in (_SET, index.FILE):  # links: writing into them would change the set that is there
            (draft / file).unlink()
        with index.writer(draft) as add:
            add(table)
        report = import_report.build(table, found.class_names, import_report.left_out(found.report))
        facts = {"name": name, "kind": found.kind, "origin": found.origin, "roots": found.roots}
        facts |= {"class_names": found.class_names, "report": {**found.report, **report}}
        write(draft, table, facts)
        put_in_place(draft, name)
    return open_set(name)


def _reserved(found: ImageSet, rows: Integers) -> pa.Table:
    """The index with some images in the reserved part."""
    if len(rows) and (rows[0] < 0 or rows[-1] >= len(found)):
        raise InputError(f"image set {found.name!r} has rows 0 to {len(found) - 1}, got {rows[0]} to {rows[-1]}")
    test = rows[found.splits[rows] == SPLITS.index("test")]
    if len(test):
        raise InputError(f"the test image {found.value('key', int(test[0]))} cannot be reserved: it must stay unseen")
    splits = found.splits.copy()
    splits[rows] = SPLITS.index("reserved")
    at = index.SCHEMA.get_field_index("split")
    return found.index.set_column(
        at, index.SCHEMA.field(at), pa.array([SPLITS[number] for number in splits], pa.string())
    )


def write(part: Path, rows: pa.Table, facts: dict[str, Any]) -> None:
    """Write the description into the folder of an unfinished set and bring all to the disk.

    Args:
        part: the folder; index and thumbnails are there.
        rows: of the index, as they were written.
        facts: name, kind, origin, roots, class_names and report.
    """
    files = {name: {"size": (part / name).stat().st_size} for name in (index.FILE, _THUMBNAILS)}
    for name in files:
        durable.flush(part / name)
    fingerprint = index.fingerprint(rows, facts["class_names"])
    durable.write_json(part / _SET, {"version": VERSION, **facts, "fingerprint": fingerprint, "files": files})
    durable.flush(part)


def put_in_place(part: Path, name: str) -> None:
    """Let a written folder become the set ``name``; the one of before is kept until then."""
    final, old = home() / name, home() / f".{name}.old"
    durable.remove(old)
    if final.exists():
        final.rename(old)
    part.rename(final)
    durable.flush(home())
    durable.remove(old)


def recover(name: str) -> None:
    """Put back the set that a crash between two renames has left aside; only whoever holds its lock may do so."""
    if _is_aside(name):
        (home() / f".{name}.old").rename(home() / name)


def _recover_unless_held(name: str) -> None:
    """The same for those who only look. What holds the lock is between the two renames, or recovers by itself."""
    if _is_aside(name):
        with contextlib.suppress(InputError, OSError), lock(home(), name):
            recover(name)


def _is_aside(name: str) -> bool:
    return (home() / f".{name}.old").is_dir() and not (home() / name).exists()
