"""All entries of an import in one file, checked against each other before a single picture is decoded.

Entries go to the disk as they come, so that of many only what is counted stays in memory: one number per entry.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from bir_core.data import formats
from bir_core.data.entries import SPLITS, Entry, Listing, Split, in_label_order
from bir_core.data.import_request import ImportRequest, Progress, Watch
from bir_core.errors import InputError, nearest

SCHEMA = pa.schema(
    {
        "key": pa.string(),
        "path": pa.string(),
        "row": pa.int64(),
        "label": pa.string(),
        "true_label": pa.string(),
        "split": pa.int8(),
        "group": pa.string(),
        "root": pa.int32(),
        "line": pa.int64(),
    }
)
"""Of the file of entries; ``split`` counts in ``SPLITS``, ``root`` in the roots of the import."""
MOST_CLASSES = 10_000
FILE = "entries.arrow"

_PIECE = 8192


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The entries of an import.

    Attributes:
        kind: form of the training images, see ``formats``.
        file: Arrow file of them in import order, see ``SCHEMA``.
        roots: folders that paths start from; "." is the folder of the set itself.
        num: how many entries there are.
        class_names: in label order.
        counts: images by split and label.
    """

    kind: str
    file: Path
    roots: tuple[str, ...]
    num: int
    class_names: tuple[str, ...]
    counts: Counter[tuple[Split, str]]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The entries, some thousand at a time."""
        with pa.OSFile(str(self.file)) as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


class _Count:
    """What has to be known of entries that have gone to the disk already."""

    def __init__(self) -> None:
        self.images: Counter[tuple[Split, str]] = Counter()
        self.first: dict[tuple[Split, str], str] = {}
        self.first_true: dict[str, str] = {}
        self.keys: list[np.ndarray] = []

    def add(self, entries: list[Entry], listing: Listing) -> None:
        for entry in entries:
            at = (entry.split, entry.label)
            if at not in self.images:
                self.first[at] = _where(listing.origin, entry)
                self._bound(listing)
            self.images[at] += 1
            if entry.true_label and entry.true_label not in self.first_true:
                self.first_true[entry.true_label] = _where(listing.origin, entry)
        # Python's own hash, which differs between processes but not within one.
        self.keys.append(np.fromiter((hash(entry.key) for entry in entries), np.int64, len(entries)))

    def _bound(self, listing: Listing) -> None:
        if len(self.images) > len(SPLITS) * MOST_CLASSES:
            raise InputError(
                f"{listing.origin} has more than {MOST_CLASSES:,} different labels: is its column of labels the right "
                "one? Labels are classes, not names of images"
            )


def gather(request: ImportRequest, part: Path, progress: Watch) -> Gathered:
    """Read every listing of a request and check it.

    Args:
        request: what to import.
        part: folder of the unfinished set; the entries are written there, and what has to be unpacked.
        progress: told how many entries there are so far.

    Raises:
        InputError: a listing is wrong in itself, an id occurs twice, there are not two classes to train on, or a part
            has a class that the training images lack.
    """
    count, kinds, roots, num = _Count(), list[str](), list[str](), 0
    with pa.OSFile(str(part / FILE), "wb") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        for form, place, forced in _places(request, part):
            listing = form.read(place)
            kinds.append(form.kind)
            root = "." if listing.root is None else str(listing.root)
            if root not in roots:
                roots.append(root)
            for entries in _pieces(_forced(entry, forced) for entry in listing.entries):
                count.add(entries, listing)
                writer.write_batch(_batch(entries, roots.index(root), listing))
                num += len(entries)
                progress(Progress(phase="list", done=num))
    gathered = Gathered(
        kind=kinds[0],
        file=part / FILE,
        roots=tuple(roots),
        num=num,
        class_names=in_label_order({label for split, label in count.images if split in ("train", "validation")}),
        counts=count.images,
    )
    _check_classes(gathered, count, request)
    _check_keys(gathered, count, request)
    return gathered


def _places(request: ImportRequest, part: Path) -> Iterator[tuple[formats.Format, formats.Place, Split | None]]:
    place = _place(request.path, request, part, 0)
    yield formats.find(place, request.kind), place, None
    others: tuple[tuple[str | None, Split], ...] = ((request.reserved, "reserved"), (request.test, "test"))
    for number, (path, split) in enumerate(others, 1):
        if path is not None:
            place = _place(path, request, part, number)
            yield formats.find(place), place, split


def _place(name: str, request: ImportRequest, part: Path, number: int) -> formats.Place:
    if "\0" in name or "\0" in (request.root or ""):
        raise InputError("a path holds a NUL byte: expected the name of a folder or a file")
    path = Path(name).expanduser().resolve()
    root = path if path.is_dir() else path.parent
    if request.root is not None:
        root = Path(request.root).expanduser().resolve()
        if not root.is_dir():
            raise InputError(f"the root {root} is no folder: expected the one that image paths start from")
    if path.is_dir() and not path.is_relative_to(root):
        raise InputError(f"{path} is not below the root {root}: name a root that holds all images")
    home = f"images/{number}"
    scratch = part / home
    scratch.mkdir(parents=True, exist_ok=True)
    return formats.Place(name=name, path=path, root=root, scratch=scratch, home=home)


def _pieces(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while piece := list(islice(entries, _PIECE)):
        yield piece


def _forced(entry: Entry, split: Split | None) -> Entry:
    """An entry of a listing that is one part alone: its ids may be those of the training images."""
    return entry if split is None else replace(entry, split=split, key=f"{split}/{entry.key}")


def _batch(entries: list[Entry], root: int, listing: Listing) -> pa.RecordBatch:
    try:
        return pa.record_batch(
            [
                pa.array([entry.key for entry in entries], pa.string()),
                pa.array([entry.path for entry in entries], pa.string()),
                pa.array([entry.row for entry in entries], pa.int64()),
                pa.array([entry.label for entry in entries], pa.string()),
                pa.array([entry.true_label for entry in entries], pa.string()),
                pa.array([SPLITS.index(entry.split) for entry in entries], pa.int8()),
                pa.array([entry.group for entry in entries], pa.string()),
                pa.array([root] * len(entries), pa.int32()),
                pa.array([entry.line for entry in entries], pa.int64()),
            ],
            schema=SCHEMA,
        )
    except (UnicodeEncodeError, pa.ArrowInvalid):
        wrong = next(entry for entry in entries if not _is_text(entry))
        raise InputError(
            f"{listing.origin} has a name or a label that is no Unicode text, at {wrong.path!a}: write it in UTF-8"
        ) from None


def _is_text(entry: Entry) -> bool:
    try:
        "".join((entry.key, entry.path, entry.label, entry.true_label, entry.group)).encode()
    except UnicodeEncodeError:
        return False
    return True


# ---------------------------------------------------------------- checks


def _check_classes(gathered: Gathered, count: _Count, request: ImportRequest) -> None:
    names = gathered.class_names
    if not names:
        parts = ", ".join(sorted({split for split, _ in count.images}))
        raise InputError(f"{request.path} has no training images, only {parts}: expected some of split train")
    for (split, label), where in count.first.items():
        if label not in names:
            raise InputError(
                f"{where}: the {split} image has the label {label!r}, which no training image has: "
                f"{nearest(label, names)}"
            )
    for label, where in count.first_true.items():
        if label not in names:
            raise InputError(f"{where}: the true label {label!r} is none of the classes: {nearest(label, names)}")
    if len(names) < 2:
        raise InputError(
            f"{request.path} has one class only, {names[0]!r}: a classifier tells at least two apart; expected a "
            "folder or a label for each"
        )


def _check_keys(gathered: Gathered, count: _Count, request: ImportRequest) -> None:
    """Look for an id that occurs twice; the second look is only for those whose hashes are the same."""
    ordered = np.sort(np.concatenate(count.keys))
    suspects = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    if not suspects:
        return
    seen: dict[str, tuple[str, int]] = {}
    for batch in gathered.batches():
        columns = (batch.column(name).to_pylist() for name in ("key", "path", "line"))
        for key, path, line in zip(*columns, strict=True):
            if hash(key) not in suspects:
                continue
            if key in seen:
                places = " and ".join(f"line {number} ({file})" for file, number in (seen[key], (path, line)))
                raise InputError(f"{request.path} has the id {key!r} twice, {places}: every image needs its own")
            seen[key] = (path, line)


def _where(origin: str, entry: Entry) -> str:
    return f"{origin}, line {entry.line}" if entry.line else f"{origin}, {entry.path}"
