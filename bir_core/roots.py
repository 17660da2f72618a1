"""Which folders of this computer may be named in the browser: those of ``BIR_DATA_ROOTS``, and ``BIR_DATA_DIR``.

What a person types or picks there goes through ``resolve``; only the command line and config files name other folders.
"""

import heapq
import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from bir_core.data import folder
from bir_core.errors import InputError

VARIABLE = "BIR_DATA_ROOTS"
MANIFESTS = (".csv", ".parquet", ".jsonl", ".npz")
LONGEST = 4096
MOST_LISTED = 500
MOST_LOOKED_AT = 20_000
"""A folder may hold millions of images; the picker waits for no more entries than this."""

_ELSEWHERE = re.compile(r"^(\\\\|//|[A-Za-z]:|~)")
"""UNC and device paths, drives, and somebody's home."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a picker shows of a folder.

    Attributes:
        path: the folder, without symlinks.
        parent: the folder above it, None where it lies outside of the roots.
        folders: names of its sub-folders, sorted.
        files: names of the files in it that may be a manifest, sorted.
        is_whole: False when there is more than is listed.
    """

    path: Path
    parent: Path | None
    folders: tuple[str, ...]
    files: tuple[str, ...]
    is_whole: bool


def allowed() -> tuple[Path, ...]:
    """The folders in and below which everything may be named; without symlinks, in the order of the settings."""
    named = [part.strip() for part in os.environ.get(VARIABLE, "").split(os.pathsep)]
    found = [Path(part).expanduser().resolve() for part in named if part]
    return tuple(dict.fromkeys([*found, folder.root().resolve()]))


def resolve(text: str) -> Path:
    """The file or folder that somebody names in the browser, without symlinks.

    Args:
        text: an absolute path, or one relative to a root; the first root that has it is taken.

    Raises:
        InputError: it lies outside of the roots, or a link leads out of them, or there is no such file or folder.
    """
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise InputError(f"{_shown(text)} is no path: {_where()}")
    if _ELSEWHERE.match(text) or ".." in re.split(r"[\\/]", text):
        raise _outside(text)
    roots = allowed()
    candidates = [Path(text)] if Path(text).is_absolute() else [root / text for root in roots]
    is_outside = False
    for candidate in candidates:
        try:
            # Not strict: whether something outside of the roots exists is nobody's business.
            path = candidate.resolve()
            if not _lies_within(path, roots):
                is_outside = True
            elif path.is_dir() or path.is_file():
                return path
        except (OSError, RuntimeError, ValueError):
            continue
    if is_outside:
        raise _outside(text)
    raise InputError(f"there is no file or folder {_shown(text)}: {_where()}")


def browse(text: str) -> Listing:
    """What a picker shows of a folder below a root: sub-folders and possible manifests, a bounded number of each.

    Raises:
        InputError: it cannot be named in the browser, or is no folder, or cannot be read.
    """
    path, roots = resolve(text), allowed()
    if not path.is_dir():
        raise InputError(f"{_shown(text)} is a file, but a folder was expected")
    folders, files = [], []
    try:
        with os.scandir(path) as entries:
            looked_at = list(itertools.islice(entries, MOST_LOOKED_AT + 1))
        for entry in looked_at[:MOST_LOOKED_AT]:
            if entry.name.startswith(".") or not entry.name.isprintable() or not _may_be_shown(entry, roots):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.name.lower().endswith(MANIFESTS) and entry.is_file():
                files.append(entry.name)
    except OSError as error:
        raise InputError(f"{_shown(text)} cannot be read ({error.strerror}): choose another folder") from None
    return Listing(
        path=path,
        parent=path.parent if _lies_within(path.parent, roots) else None,
        folders=tuple(heapq.nsmallest(MOST_LISTED, folders)),
        files=tuple(heapq.nsmallest(MOST_LISTED, files)),
        is_whole=len(looked_at) <= MOST_LOOKED_AT and max(len(folders), len(files)) <= MOST_LISTED,
    )


def _may_be_shown(entry: os.DirEntry[str], roots: tuple[Path, ...]) -> bool:
    """A link is shown only when it leads to somewhere in the roots."""
    try:
        return not entry.is_symlink() or _lies_within(Path(entry.path).resolve(strict=True), roots)
    except (OSError, RuntimeError):
        return False


def _lies_within(path: Path, roots: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _outside(text: str) -> InputError:
    return InputError(f"{_shown(text)} may not be named here: {_where()}")


def _where() -> str:
    inside = " or ".join(map(str, allowed()))
    return f"give a file or folder inside {inside} (whoever runs the server names more in {VARIABLE})"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:200]}...")
