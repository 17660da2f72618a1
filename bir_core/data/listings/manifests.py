"""A manifest: a row per image, as CSV, JSONL, JSON or Parquet; also what FiftyOne and cleanlab export.

Rows are read as a stream, but for JSON, which has to be read whole and is bounded. An object may leave out what another
has, so JSON and JSONL have the columns of all their rows.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from bir_core.data.entries import Entry, Listing
from bir_core.data.listings import columns
from bir_core.errors import InputError

IN_A_FOLDER = (
    "manifest.csv",
    "manifest.jsonl",
    "manifest.parquet",
    "metadata.csv",
    "metadata.jsonl",
    "samples.json",
    "labels.json",
    "labels.csv",
)
"""A folder with one of these is a manifest and its images."""

_DELIMITERS = (",", ";", "\t", "|")
_ROWS = 8192
_LONGEST_LINE = 1 << 20
_LARGEST_JSON = 1 << 30


def read(path: Path, root: Path) -> Listing:
    """The rows of the manifest ``path``, whose image paths start from ``root``.

    Raises:
        InputError: it cannot be read, a column is missing, or a row is wrong; the sentence names file and line.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} is no manifest of a known form: expected one of {', '.join(READERS)}")
    return Listing(origin=str(path), root=root, entries=reader(path, root))


def _csv(path: Path, root: Path) -> Iterator[Entry]:
    with _text(path) as file:
        head = file.readline(_LONGEST_LINE)
        delimiter = max(_DELIMITERS, key=head.count)
        names = _csv_names(head, delimiter, path)
        yield from columns.read(_csv_rows(file, names, delimiter, path), names, path, root)


def _csv_names(head: str, delimiter: str, path: Path) -> list[str]:
    try:
        return next(csv.reader([head], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise InputError(f"{path}, line 1 is no CSV ({error}): expected the names of the columns") from None


def _csv_rows(
    file: TextIO, names: Sequence[str], delimiter: str, path: Path
) -> Iterator[tuple[int, Mapping[str, str]]]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        for values in reader:
            if not values:
                continue
            line = reader.line_num + 1  # the line of the names was read before
            if len(values) != len(names):
                raise InputError(
                    f"{path}, line {line} has {len(values)} values: expected {len(names)}, as the first line has; "
                    f'a value with {delimiter!r} in it belongs in "quotes"'
                )
            yield line, dict(zip(names, values, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num + 1} is no CSV ({error}): write it again") from None


def _jsonl(path: Path, root: Path) -> Iterator[Entry]:
    if next(_jsonl_rows(path), None) is None:
        raise InputError(f"{path} is empty: expected one JSON object per line, with a path and a label")
    names = _names(row for _, row in _jsonl_rows(path))  # read twice: all rows at once would not fit into memory
    yield from columns.read(_jsonl_rows(path), names, path, root)


def _jsonl_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with _text(path) as file:
        for line, written in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), 1):
            if not written.strip():
                continue
            try:
                row = json.loads(written)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {line} is no JSON object: expected one per line, with path and label")
            yield line, row


def _json(path: Path, root: Path) -> Iterator[Entry]:
    if path.stat().st_size > _LARGEST_JSON:
        raise InputError(f"{path} has more than {_LARGEST_JSON >> 20} MiB, too much for JSON: write it as JSONL")
    with _text(path) as file:
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is no JSON ({' '.join(str(error).split())[:120]}): write it again") from None
    rows = _records(content, path)
    yield from columns.read(iter(enumerate(rows, 1)), _names(rows), path, root)


def _names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What any row has, in the order in which it first comes."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _records(content: Any, path: Path) -> list[dict[str, Any]]:
    """A list of objects, FiftyOne's ``{"samples": [...]}``, or its ``{"classes": [...], "labels": {image: class}}``."""
    rows = content
    if isinstance(content, dict) and isinstance(content.get("labels"), dict):
        rows = _image_classification(content, path)
    elif isinstance(content, dict):
        rows = content.get("samples")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f'{path} is no list of images: expected [{{"path": ..., "label": ...}}, ...], or an export of FiftyOne '
            'with "samples" or with "labels"'
        )
    return rows


def _image_classification(content: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """FiftyOne names images without suffix; they lie in the folder ``data``."""
    classes = content.get("classes") or []
    data = path.parent / "data"
    files = {file.stem: f"data/{file.name}" for file in sorted(data.iterdir())} if data.is_dir() else {}
    rows = []
    for name, label in content["labels"].items():
        known = isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(classes)
        rows.append({"path": files.get(name, name), "label": classes[label] if known else label, "id": name})
    return rows


def _parquet(path: Path, root: Path) -> Iterator[Entry]:
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            roles = columns.assign(names, path, root)
            rows = _parquet_rows(file, sorted(set(roles.names.values())))
            yield from columns.read(rows, names, path, root)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path} cannot be read as Parquet ({reason}): write it again") from None


def _parquet_rows(file: pq.ParquetFile, names: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    line = 0
    for batch in file.iter_batches(batch_size=_ROWS, columns=names):
        for row in batch.to_pylist():
            line += 1
            yield line, row


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """A text file, with or without a byte order mark."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is not UTF-8 text: save it as UTF-8, which a spreadsheet offers as a kind of CSV"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


READERS: dict[str, Callable[[Path, Path], Iterator[Entry]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".txt": _csv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".parquet": _parquet,
}
