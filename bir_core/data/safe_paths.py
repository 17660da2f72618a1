"""Paths that somebody else wrote: they start from a root and never leave it."""

import os
import re
from functools import lru_cache
from pathlib import Path

from bir_core.errors import InputError

_DRIVE = re.compile(r"^[A-Za-z]:")


def relative(text: str, root: Path, where: str) -> str:
    r"""A path of a listing as one below ``root``, with "/"; nothing of the file system is touched.

    Args:
        text: as written, with "/" or "\"; an absolute one must name something below the root.
        root: folder that it starts from, resolved.
        where: what the sentence of an error starts with, such as "labels.csv, line 3".

    Raises:
        InputError: it leaves the root, is on another machine or drive, or is no path at all.
    """
    if "\0" in text:
        raise InputError(f"{where} has a path with a NUL byte: expected a file below {root}")
    if "://" in text:
        raise InputError(f"{where} has the address {text!r}: expected a file below {root}; get the images first")
    slashed = text.strip().replace("\\", "/")
    if slashed.startswith("//") or _DRIVE.match(slashed):
        raise InputError(f"{where} has the path {text!r}, which is on another machine or drive: {_remedy(root)}")
    if slashed.startswith("/"):
        home = f"{root.as_posix().rstrip('/')}/"
        if not slashed.startswith(home):
            raise InputError(f"{where} has the path {text!r}, which is not below {root}: {_remedy(root)}")
        slashed = slashed[len(home) :]
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InputError(f"{where} has the path {text!r}, in which '..' could leave {root}: {_remedy(root)}")
    if not parts:
        raise InputError(f"{where} has no path: expected a file below {root}")
    return "/".join(parts)


def inside(root: Path, path: str) -> Path:
    """The file ``path`` below ``root``, if links do not lead out of the root.

    Raises:
        InputError: they do.
    """
    return Path(inside_text(str(root), path))


def inside_text(root: str, path: str) -> str:
    """``inside`` of many files: a ``Path`` of each takes longer than all that is asked of the file system.

    Raises:
        InputError: a link leads out of the root.
    """
    found = os.path.join(root, path)
    stays = _stays(root, os.path.dirname(found)) and (
        not os.path.islink(found) or _within(root, os.path.realpath(found))
    )
    if not stays:
        raise InputError(f"{found} is reached by a link that leads out of {root}: {_remedy(Path(root))}")
    return found


@lru_cache(maxsize=4096)
def _stays(root: str, folder: str) -> bool:
    return _within(root, os.path.realpath(folder))


def _within(root: str, path: str) -> bool:
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def _remedy(root: Path) -> str:
    return f"give paths relative to {root}, or name a root that holds all images"
