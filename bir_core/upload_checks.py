"""What an upload may bring: kinds, names, sizes and numbers, checked before anything of it is written.

Each name must be a plain relative path that every system can hold, and no two may be the same file on any. What the
pictures contain is checked where they are decoded.
"""

import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bir_core.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
TABLES = (".csv", ".jsonl", ".parquet")
ARCHIVES = (".zip", ".npz", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar")
RUBBISH = ("__macosx", ".ds_store", "thumbs.db", "desktop.ini")
"""What systems add to archives by themselves."""

_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40 | 0x2000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one upload may bring.

    Attributes:
        archive_bytes: of the archive itself, or of all files of an upload without one.
        unpacked_bytes: of everything in it.
        one_bytes: of one file in it.
        members: number of entries.
        ratio: unpacked to packed bytes; pictures hardly shrink, so more is no collection of pictures.
        small_bytes: what may be unpacked at any ratio, because a few flat drawings do shrink.
        depth: folders in folders.
    """

    archive_bytes: int = 4 << 30
    unpacked_bytes: int = 8 << 30
    one_bytes: int = 512 << 20
    members: int = 100_000
    ratio: int = 50
    small_bytes: int = 64 << 20
    depth: int = 8


USUAL = Limits()


def of_archive(
    members: Sequence[zipfile.ZipInfo], size: int, limits: Limits
) -> tuple[list[zipfile.ZipInfo], list[str]]:
    """What of an archive is to be unpacked, and the names of what is not.

    Args:
        members: what it says that it holds.
        size: its bytes.
        limits: how much it may bring.

    Raises:
        InputError: it must not be unpacked.
    """
    if len(members) > limits.members:
        raise too_much(f"the archive has {len(members):,} entries", f"{limits.members:,}")
    for member in members:
        fault = _fault_of_kind(member)
        if fault:
            raise InputError(f"the archive is refused, because {shown(member.orig_filename)} {fault}")
    names([member.orig_filename for member in members], limits)
    files = [member for member in members if not member.is_dir() and not _is_rubbish(member.filename)]
    wanted = [member for member in files if is_kept(member.filename)]
    skipped = [member.filename for member in files if not is_kept(member.filename)]
    sizes([(member.filename, member.file_size) for member in wanted], limits)
    total = sum(member.file_size for member in wanted)
    if total > max(limits.small_bytes, limits.ratio * size):
        raise InputError(
            f"the archive is refused, because {size_of(size)} would become {size_of(total)}, more than {limits.ratio} "
            "times as much: pictures do not shrink like that"
        )
    if not wanted:
        raise empty()
    return wanted, skipped


def _fault_of_kind(member: zipfile.ZipInfo) -> str | None:
    mode = member.external_attr >> 16
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted: pack it again without a password"
    if stat.S_IFMT(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "is a link or a device: pack the files themselves"
    if member.compress_type not in _METHODS:
        return "is compressed in an unusual way: pack it again as an ordinary zip"
    if member.filename.lower().endswith(ARCHIVES):
        return "is an archive in the archive: unpack it first"
    return None


def names(all_names: Iterable[str], limits: Limits) -> None:
    """Look whether every name is harmless.

    Raises:
        InputError: one could lead elsewhere, or two would be the same file on some system.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in all_names:
        fault = _fault_of_name(name, limits)
        if fault:
            raise InputError(f"the upload is refused, because the name {shown(name)} {fault}")
        same = _as_every_system_sees_it(name.rstrip("/"))
        above = ["/".join(same.split("/")[:depth]) for depth in range(1, same.count("/") + 1)]
        if not name.endswith("/"):
            if same in files or same in folders:
                raise _twice(name, files.get(same) or folders[same])
            files[same] = name
        else:
            above.append(same)
        for one in above:
            if one in files:
                raise _twice(name, files[one])
            folders.setdefault(one, name)


def _as_every_system_sees_it(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _fault_of_name(name: str, limits: Limits) -> str | None:
    parts = name.removesuffix("/").split("/")
    if not name.isprintable() or "\\" in name or any(character in name for character in '<>:"|?*'):
        return "has a character that not every system allows"
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        return "is no plain relative path"
    if len(parts) > limits.depth + 1:
        return f"lies more than {limits.depth} folders deep"
    if any(len(part.encode()) > 255 for part in parts) or len(name.encode()) > 1024:
        return "is too long"
    if any(_RESERVED.match(part) or part.endswith((".", " ")) for part in parts):
        return "cannot exist on Windows"
    return None


def sizes(of_files: Sequence[tuple[str, int]], limits: Limits) -> None:
    """Look whether files are of a size that can be kept.

    Raises:
        InputError: one is too large, or all together are.
    """
    for name, size in of_files:
        if size > limits.one_bytes:
            raise too_much(f"{shown(name)} has {size_of(size)}", size_of(limits.one_bytes))
    total = sum(size for _, size in of_files)
    if total > limits.unpacked_bytes:
        raise too_much(f"the files have {size_of(total)}", size_of(limits.unpacked_bytes))


def is_kept(name: str) -> bool:
    """Whether a file is a picture or a table, by its name."""
    return name.lower().endswith(PICTURES + TABLES)


def _is_rubbish(name: str) -> bool:
    return any(part.lower() in RUBBISH or part.startswith("._") for part in name.split("/"))


# ---------------------------------------------------------------- sentences


def too_much(what: str, most: str) -> InputError:
    """The error that says what there is too much of."""
    return InputError(
        f"the upload is too large: {what}, at most {most} are possible; put the images on the server instead and name "
        "their folder"
    )


def _twice(name: str, other: str) -> InputError:
    return InputError(
        f"the upload is refused, because {shown(name)} and {shown(other)} would be the same file on some systems: "
        "rename one"
    )


def empty() -> InputError:
    """The error that nothing is to be kept."""
    return InputError(
        f"the upload has no pictures and no tables: files ending in {', '.join(PICTURES + TABLES)} are kept"
    )


def shown(name: str) -> str:
    """A name as a sentence may repeat it: short, and without characters that change how it looks."""
    return ascii(name if len(name) <= 120 else f"{name[:120]}...")


def size_of(num_bytes: int) -> str:
    """Bytes in words."""
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.1f} {unit}"
    return f"{num_bytes} bytes"
