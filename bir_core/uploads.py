"""Images that somebody uploads: checked before anything is written, bounded while it is, whole or not there.

An upload becomes the folder ``folder.root()/"uploads"/NAME``, from which an image set is imported like any other
folder. Nothing of it is ever executed, and no link is made.
"""

import os
import re
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import psutil

from bir_core import durable, upload_checks
from bir_core.data import folder
from bir_core.errors import InputError
from bir_core.sections import NAME_PATTERN, NAME_RULE
from bir_core.upload_checks import USUAL, Limits, shown, size_of

SHOWN = 5
_PIECE = 1 << 20
_MOST_READ_AT_ONCE = 16 << 20
_working: set[Path] = set()
"""Half-written uploads of this process."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """What an upload has become.

    Attributes:
        path: its folder.
        num_files: files in it.
        num_bytes: their bytes.
        num_skipped: files that are neither pictures nor tables and were left out.
        skipped: names of the first few of them.
    """

    path: Path
    num_files: int
    num_bytes: int
    num_skipped: int
    skipped: tuple[str, ...]


def root() -> Path:
    """The folder of all uploads."""
    return folder.root() / "uploads"


def receive_archive(name: str, source: BinaryIO, limits: Limits = USUAL) -> Received:
    """Unpack a zip archive with pictures and tables.

    Args:
        name: what the upload is called from now on.
        source: the archive, which can be sought in.
        limits: how much it may bring.

    Raises:
        InputError: the name is taken or impossible, the archive is no whole zip or holds what must not be unpacked, it
            brings too much, or the disk is full. Nothing is left of the upload then.
    """
    size = source.seek(0, os.SEEK_END)
    if size > limits.archive_bytes:
        raise upload_checks.too_much(f"the archive has {size_of(size)}", size_of(limits.archive_bytes))
    with _refusing(), zipfile.ZipFile(_Bounded(source)) as archive:
        members = archive.infolist()
        wanted, skipped = upload_checks.of_archive(members, size, limits)
        with _aside(name, sum(member.file_size for member in wanted)) as part:
            for member in wanted:
                with archive.open(member) as content:
                    _write(part, member.filename, content, member.file_size)
    return _received(name, [member.file_size for member in wanted], skipped)


def receive_files(name: str, files: Sequence[tuple[str, BinaryIO]], limits: Limits = USUAL) -> Received:
    """Keep pictures and tables that were uploaded one by one.

    Args:
        name: what the upload is called from now on.
        files: what the browser calls each, and its content, which can be sought in.
        limits: how much they may bring.

    Raises:
        InputError: as in ``receive_archive``.
    """
    if len(files) > limits.members:
        raise upload_checks.too_much(f"there are {len(files):,} files", f"{limits.members:,}")
    upload_checks.names([title for title, _ in files], limits)
    sizes = {title: content.seek(0, os.SEEK_END) for title, content in files}
    wanted = [(title, content) for title, content in files if upload_checks.is_kept(title)]
    skipped = [title for title, _ in files if not upload_checks.is_kept(title)]
    total = sum(sizes[title] for title, _ in wanted)
    if total > limits.archive_bytes:
        raise upload_checks.too_much(f"the files have {size_of(total)}", size_of(limits.archive_bytes))
    upload_checks.sizes([(title, sizes[title]) for title, _ in wanted], limits)
    if not wanted:
        raise upload_checks.empty()
    with _refusing(), _aside(name, total) as part:
        for title, content in wanted:
            content.seek(0)
            _write(part, title, content, sizes[title])
    return _received(name, [sizes[title] for title, _ in wanted], skipped)


def names() -> list[str]:
    """Every upload that is there, by name."""
    return sorted(path.name for path in root().glob("[!.]*") if path.is_dir())


def extent(name: str) -> tuple[int, int]:
    """How many files an upload has, and their bytes."""
    sizes = [path.stat().st_size for path in (root() / name).rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def delete(name: str) -> None:
    """Remove an upload for good; what was imported from it cannot show or read its pictures any more.

    Raises:
        InputError: there is no upload of that name.
    """
    if name not in names():
        raise InputError(f"there is no upload named {shown(name)}: it may have been deleted meanwhile")
    gone = _hidden()
    (root() / name).rename(gone)
    durable.remove(gone)


class _Bounded:
    """A file of which nothing reads much at once: the table of contents of a hostile archive would fill the memory."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.seek, self.tell, self.seekable = source.seek, source.tell, source.seekable

    def read(self, size: int = -1) -> bytes:
        content = self._source.read(min(size, _MOST_READ_AT_ONCE + 1) if size >= 0 else _MOST_READ_AT_ONCE + 1)
        if len(content) > _MOST_READ_AT_ONCE:
            raise InputError(
                f"the archive's table of contents has more than {size_of(_MOST_READ_AT_ONCE)}: make several of it"
            )
        return content


# ---------------------------------------------------------------- writing


@contextmanager
def _aside(name: str, num_bytes: int) -> Iterator[Path]:
    """A folder that becomes the upload at the end; after an error, or an interruption, nothing of it is left."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise InputError(f"{shown(name)} cannot be the name of an upload: {NAME_RULE}")
    root().mkdir(parents=True, exist_ok=True)
    _sweep()
    final = root() / name
    if final.exists():
        raise InputError(f"there is an upload named {name!r} already: choose another name")
    if num_bytes > shutil.disk_usage(root()).free:
        raise InputError(
            f"the upload has {size_of(num_bytes)}, but the disk has no room for it: make some, or send less"
        )
    part = _hidden()
    _working.add(part)
    try:
        part.mkdir()
        yield part
        os.sync()  # once for all files: to flush each of many thousands takes minutes
        part.rename(final)
        durable.flush(root())
    finally:
        durable.remove(part)
        _working.discard(part)


def _hidden() -> Path:
    """A folder that is no upload, and that the next upload sweeps away should this process be killed."""
    return root() / f".{os.getpid()}.{secrets.token_hex(8)}.part"


def _sweep() -> None:
    """Remove what processes have left that were killed while they wrote or deleted."""
    for part in root().glob(".*.part"):
        pid = part.name.split(".")[1]
        is_alive = pid.isdigit() and psutil.pid_exists(int(pid)) and int(pid) != os.getpid()
        if not is_alive and part not in _working:
            durable.remove(part)


def _write(part: Path, name: str, content: IO[bytes], size: int) -> None:
    """Write one file of exactly ``size`` bytes; what says so may lie, so it is counted."""
    target = part / name
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with target.open("xb") as file:
        while piece := content.read(min(_PIECE, size - written + 1)):
            written += len(piece)
            if written > size:
                break
            file.write(piece)
    if written != size:
        raise InputError(f"{shown(name)} has not the {size:,} bytes that the upload says: pack or send it again")


def _received(name: str, sizes: Sequence[int], skipped: Sequence[str]) -> Received:
    return Received(
        path=root() / name,
        num_files=len(sizes),
        num_bytes=sum(sizes),
        num_skipped=len(skipped),
        skipped=tuple(skipped[:SHOWN]),
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """What reading a broken archive or writing to a full disk raises, as a sentence."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"the upload cannot be kept ({error.strerror or error}): make room on the disk, or send less at once"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"the upload is not a whole zip archive ({reason}): pack and send it again") from None
