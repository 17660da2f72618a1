"""What the columns of a manifest are called, and a row of it as an entry."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bir_core.data import safe_paths
from bir_core.data.entries import SPLIT_WORDS, Entry, Split, split_of
from bir_core.errors import InputError

COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "filepath", "file_path", "filename", "file_name", "image", "image_path", "img", "file"),
    "label": ("label", "class", "target", "category", "given_label", "class_name", "ground_truth", "y"),
    "key": ("id", "key", "_id", "sample_id", "image_id"),
    "split": ("split", "subset", "partition", "tags"),
    "reserved": ("reserved", "is_reserved"),
    "true_label": ("true_label", "true_class", "clean_label"),
    "group": ("group", "group_id"),
}
"""Names of each column, the one that counts first; case, spaces and hyphens do not matter."""
REQUIRED = {"path": "of image paths", "label": "of labels"}

_YES, _NO = ("1", "true", "yes", "y", "x", "t"), ("", "0", "false", "no", "n", "f")


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which column of a manifest plays which part; those that are not there are not in ``names``."""

    file: Path
    root: Path
    names: Mapping[str, str]


def assign(columns: Sequence[str], file: Path, root: Path) -> Roles:
    """Find the columns that count among those that there are.

    Raises:
        InputError: there is none of paths or none of labels; the sentence lists those that there are.
    """
    plain = {_plain(name): name for name in reversed(columns)}
    names = {
        role: plain[found] for role, known in COLUMNS.items() if (found := next((n for n in known if n in plain), None))
    }
    for role, title in REQUIRED.items():
        if role not in names:
            there = ", ".join(columns) or "none"
            raise InputError(
                f"{file} has no column {title}: expected one of {', '.join(COLUMNS[role])}; its columns are {there}"
            )
    return Roles(file=file, root=root, names=names)


def entry(row: Mapping[str, Any], line: int, roles: Roles) -> Entry:
    """One row as an entry.

    Raises:
        InputError: it lacks a label, or holds what cannot be a path, a split or a flag; the sentence names the line.
    """
    where = f"{roles.file}, line {line}"
    values = {role: row.get(name) for role, name in roles.names.items()}
    written = values["path"]
    if written is not None and not isinstance(written, str):
        raise InputError(f"{where} has no path in column {roles.names['path']!r} but a {type(written).__name__}")
    path = safe_paths.relative(written or "", roles.root, where)
    label = text(values["label"])
    if not label:
        raise InputError(f"{where} has no label for {path}: every image needs one; fill it in or leave the row out")
    return Entry(
        path=path,
        label=label,
        key=text(values.get("key")) or path,
        split=_split(values, where),
        true_label=text(values.get("true_label")),
        group=text(values.get("group")),
        line=line,
    )


def text(value: Any) -> str:
    """A label or another value as text: 3.0 is "3", nothing is ""; of an object of FiftyOne, what it calls its label.

    Whole numbers come as floats where a column has gaps.
    """
    if isinstance(value, Mapping):
        value = value.get("label", value.get("$oid"))
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _split(values: Mapping[str, Any], where: str) -> Split:
    written = values.get("split")
    if isinstance(written, list | tuple):  # tags
        written = next((tag for tag in written if str(tag).lower() in SPLIT_WORDS), "")
    split = split_of(text(written), where)
    flag = text(values.get("reserved")).lower()
    if flag not in _YES + _NO:
        raise InputError(f"{where} has {flag!r} in the column of reserved images: expected true or false")
    if flag in _NO:
        return split
    if split in ("validation", "test"):
        raise InputError(f"{where} is reserved and of split {split} as well: expected one of the two")
    return "reserved"


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def read(
    rows: Iterator[tuple[int, Mapping[str, Any]]], columns: Sequence[str], file: Path, root: Path
) -> Iterator[Entry]:
    """Numbered rows as entries.

    Raises:
        InputError: see ``assign`` and ``entry``; or there are no rows.
    """
    roles = assign(columns, file, root)
    none = True
    for line, row in rows:
        none = False
        yield entry(row, line, roles)
    if none:
        raise InputError(f"{file} has no rows: expected one per image below the names of the columns")
