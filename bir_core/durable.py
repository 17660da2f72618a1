"""Files and folders that are whole or not there: written aside, brought to the disk, renamed."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bir_core.errors import InputError, RunDamaged, StageFailed

_LONGEST_STEM = 74  # leaves room for a number behind it in the 80 characters of a name


def write_json(path: Path, values: Any) -> None:
    """Write ``values`` as JSON and flush it to disk.

    Raises:
        StageFailed: a number in it is NaN or infinite.
    """
    try:
        text = json.dumps(values, indent=2, allow_nan=False)
    except ValueError:
        raise StageFailed(
            f"{path.name} would hold a number that is not finite: the training has probably diverged, so lower the "
            "learning rate"
        ) from None
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path) -> Any:
    """What ``write_json`` has written.

    Raises:
        RunDamaged: the file is not there, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunDamaged(f"{path} cannot be read as JSON ({error}): compute the stage again with --force") from None


def replace(part: Path, final: Path) -> None:
    """Put ``part`` in the place of ``final``; a crash in between leaves no result, never a half one."""
    old = final.with_name(f"{final.name}.old")
    remove(old)
    if final.exists():
        final.rename(old)
    part.rename(final)
    flush(final.parent)
    remove(old)


@contextlib.contextmanager
def whole_file(path: Path, *, remedy: str = "Make room on the disk, or choose another file.") -> Iterator[Path]:
    """Where to write what becomes the file ``path`` at the end; after an error nothing of it is left.

    Raises:
        InputError: the file cannot be written, for instance because the disk is full; the sentence ends with
            ``remedy``.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        flush(part)
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}. {remedy}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove whatever is there, if anything: a folder, or a file that somebody put in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def link(source: str, target: str) -> None:
    """A second name for the same file, or a copy where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(path: Path, size: int, digest: str | None, *, remedy: str) -> None:
    """Look whether a file is there and is the one that was written, by its size and, unless None, its checksum.

    Raises:
        RunDamaged: it is not; the sentence ends with ``remedy``.
    """
    try:
        facts = os.stat(path)
    except OSError:
        facts = None
    if facts is None or not stat.S_ISREG(facts.st_mode):
        raise RunDamaged(f"{path} is missing: {remedy}")
    found = facts.st_size
    if found != size:
        raise RunDamaged(f"{path} has {found} bytes instead of {size}: {remedy}")
    if digest is not None and sha256(path) != digest:
        raise RunDamaged(f"{path} is not the file that was written (checksum differs): {remedy}")


def digest(files: dict[str, dict[str, Any]]) -> str:
    """One checksum over the checksums of several files."""
    text = json.dumps({name: facts["sha256"] for name, facts in files.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def free_name(folder: Path, wanted: str) -> str:
    """``wanted``, or the first of ``wanted-2``, ``wanted-3``, ... that nothing in ``folder`` has."""
    wanted = wanted[:_LONGEST_STEM]
    candidate, count = wanted, 1
    while (folder / candidate).exists():
        count += 1
        candidate = f"{wanted}-{count}"
    return candidate
