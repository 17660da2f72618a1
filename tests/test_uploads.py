"""Uploads that are harmless become a folder; each that is not is refused by a sentence and leaves nothing behind."""

import io
import itertools
import os
import stat
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bir_core import durable, upload_checks, uploads
from bir_core.errors import InputError
from bir_core.upload_checks import Limits

PNG = b"\x89PNG\r\n\x1a\n and then some"


def packed(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", method) as archive:
        warnings.simplefilter("ignore")  # zipfile warns of the duplicate names that we want
        for member, body in members:
            archive.writestr(member, body, compress_type=method)
    return content


def left() -> list[str]:
    """Everything in the folder of uploads."""
    return sorted(str(path.relative_to(uploads.root())) for path in uploads.root().rglob("*"))


def patched(archive: io.BytesIO, **fields: int) -> io.BytesIO:
    """The archive with other numbers in the headers of its only member, local and central."""
    content = bytearray(archive.getvalue())
    central = content.rindex(b"PK\x01\x02")
    places = {"flags": (6, 8, "<H"), "method": (8, 10, "<H"), "size": (22, 24, "<I"), "packed": (18, 20, "<I")}
    for name, value in fields.items():
        local, offset, form = places[name]
        struct.pack_into(form, content, local, value)
        struct.pack_into(form, content, central + offset, value)
    return io.BytesIO(bytes(content))


def info(name: str, mode: int) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system = 3
    made.external_attr = mode << 16
    return made


def test_an_archive_becomes_a_folder(tmp_path: Path) -> None:
    made = packed(
        ("train/cat/1.png", PNG),
        ("train/cat/2.JPG", PNG * 2),
        ("labels.csv", b"path,label\n"),
        ("empty/", b""),
        ("README.md", b"hello"),
        ("run.sh", b"rm -rf /"),
        ("__MACOSX/train/cat/._1.png", b"rubbish"),
        ("train/cat/.DS_Store", b"rubbish"),
        (info("train/cat/3.png", stat.S_IFREG | 0o4777), PNG),
    )
    found = uploads.receive_archive("cats", made)
    assert found.path == tmp_path / "data" / "uploads" / "cats"
    assert (found.num_files, found.num_bytes, found.num_skipped) == (4, 4 * len(PNG) + 11, 2)
    assert found.skipped == ("README.md", "run.sh")
    names = ["labels.csv", "train/cat/1.png", "train/cat/2.JPG", "train/cat/3.png"]
    assert [name for name in left() if (uploads.root() / name).is_file()] == [f"cats/{name}" for name in names]
    assert (found.path / "train" / "cat" / "2.JPG").read_bytes() == PNG * 2
    assert all(path.stat().st_mode & 0o7111 == 0 for path in found.path.rglob("*") if path.is_file())


def test_an_upload_is_deleted_for_good() -> None:
    assert uploads.names() == []
    for name in ("b", "a"):
        uploads.receive_archive(name, packed(("cats/1.png", PNG), ("dogs/2.png", PNG)))
    assert uploads.names() == ["a", "b"]
    assert uploads.extent("a") == (2, 2 * len(PNG))
    uploads.delete("a")
    assert left() == ["b", "b/cats", "b/cats/1.png", "b/dogs", "b/dogs/2.png"]
    for name in ("a", "../uploads/b", "b/cats", ""):
        with pytest.raises(InputError, match="there is no upload named"):
            uploads.delete(name)
    assert uploads.names() == ["b"]


def test_files_become_a_folder() -> None:
    found = uploads.receive_files("few", [("a.png", io.BytesIO(PNG)), ("notes.txt", io.BytesIO(b"x"))])
    assert (found.num_files, found.num_bytes, found.skipped) == (1, len(PNG), ("notes.txt",))
    assert left() == ["few", "few/a.png"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/passwd.png", "no plain relative path"),
        ("../up.png", "no plain relative path"),
        ("a/../../up.png", "no plain relative path"),
        ("a//b.png", "no plain relative path"),
        ("./a.png", "no plain relative path"),
        ("a\\..\\..\\up.png", "character"),
        ("C:up.png", "character"),
        ("a.png:stream", "character"),
        ("a\nb.png", "character"),
        ("a\u202egnp.exe.png", "character"),
        ("CON", "Windows"),
        ("a/nul.png", "Windows"),
        ("COM1.txt.png", "Windows"),
        ("a /b.png", "Windows"),
        ("a./b.png", "Windows"),
        ("a/" * 9 + "b.png", "folders deep"),
        ("x" * 252 + ".png", "too long"),
        ("ü" * 126 + ".png", "too long"),
    ],
)
def test_dangerous_names_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    for receive in (
        lambda: uploads.receive_archive("bad", packed(("good.png", PNG), (name, PNG))),
        lambda: uploads.receive_files("bad", [("good.png", io.BytesIO(PNG)), (name, io.BytesIO(PNG))]),
    ):
        with pytest.raises(InputError, match=reason):
            receive()
    assert left() == []
    assert not (tmp_path / "data" / "up.png").exists()


def test_a_name_that_goes_on_after_a_zero_is_refused() -> None:
    made = packed(("safe.png_evil", PNG))
    content = made.getvalue().replace(b"safe.png_evil", b"safe.png\0evil")
    with pytest.raises(InputError):
        uploads.receive_archive("bad", io.BytesIO(content))


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "a.png"),
        ("a.png", "A.PNG"),
        ("é.png", "e\u0301.png"),
        ("a.png", "a.png/b.png"),
        ("a.png/b.png", "A.png"),
        ("x/a.png", "X/a.png"),
    ],
)
def test_names_that_would_be_one_file_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="the same file on some systems"):
        uploads.receive_archive("bad", packed(*((name, PNG) for name in names)))
    assert left() == []


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (packed((info("link.png", stat.S_IFLNK | 0o777), b"/etc/passwd")), "is a link or a device"),
        (packed((info("pipe.png", stat.S_IFIFO | 0o777), b"")), "is a link or a device"),
        (packed((info("disk.png", stat.S_IFBLK | 0o777), b"")), "is a link or a device"),
        (patched(packed(("a.png", PNG)), flags=1), "is encrypted"),
        (packed(("a.png", PNG), method=zipfile.ZIP_LZMA), "unusual way"),
        (patched(packed(("a.png", PNG)), method=97), "unusual way"),
        (packed(("a.png", PNG), ("more.zip", packed(("b.png", PNG)).getvalue())), "an archive in the archive"),
        (packed(("a.png", PNG), ("arrays.npz", b"PK")), "an archive in the archive"),
        (packed(("README", b"hello")), "no pictures and no tables"),
        (packed(), "no pictures and no tables"),
        (io.BytesIO(b""), "not a whole zip archive"),
        (io.BytesIO(PNG * 100), "not a whole zip archive"),
        (io.BytesIO(packed(("a.png", os.urandom(5000))).getvalue()[:-40]), "not a whole zip archive"),
        (io.BytesIO(packed(("a.png", os.urandom(5000))).getvalue()[2000:]), "not a whole zip archive"),
        (patched(packed(("a.png", PNG * 100)), size=100), "not a whole zip archive"),
        (patched(packed(("a.png", PNG * 100)), size=10**6), "has not the 1,000,000 bytes"),
    ],
)
def test_archives_that_are_refused(archive: io.BytesIO, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        uploads.receive_archive("bad", archive)
    assert "\n" not in str(caught.value)
    assert left() == []


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = packed(("bomb.png", bytes(200 << 20)))
    assert len(bomb.getvalue()) < 1 << 20
    with pytest.raises(InputError, match=r"would become 200\.0 MB, more than 50 times as much"):
        uploads.receive_archive("bomb", bomb)
    assert left() == []


def test_a_bomb_that_lies_about_its_size_is_cut_off() -> None:
    """The sizes in the headers pass every check; what comes out of the archive would be 2,000 times as much."""
    written: list[int] = []
    bomb = patched(packed(("bomb.png", bytes(20 << 20))), size=10_000)
    with pytest.raises(InputError, match="not a whole zip archive"):
        uploads.receive_archive("bomb", _Counted(bomb, written))
    assert sum(written) < 1 << 20, "nor was more than a little read"
    assert left() == []


class _Counted(io.BytesIO):
    def __init__(self, content: io.BytesIO, counts: list[int]) -> None:
        super().__init__(content.getvalue())
        self.counts = counts

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        self.counts.append(len(piece))
        return piece


def test_members_that_share_their_bytes_are_refused() -> None:
    """David Fifield's bomb: many entries of the table of contents point at one piece of compressed data."""
    made = packed(("aaaa.png", PNG), method=zipfile.ZIP_STORED).getvalue()
    central, end = made.rindex(b"PK\x01\x02"), made.rindex(b"PK\x05\x06")
    entries = b"".join(made[central:end].replace(b"aaaa", f"{number:04d}".encode()) for number in range(50))
    tail = bytearray(made[end:])
    struct.pack_into("<HHII", tail, 8, 50, 50, len(entries), central)
    with pytest.raises(InputError, match="not a whole zip archive"):
        uploads.receive_archive("bomb", io.BytesIO(made[:central] + entries + bytes(tail)))
    assert left() == []


def test_a_table_of_contents_without_end_is_not_read() -> None:
    made = packed(("a.png", PNG)).getvalue()
    central, end = made.rindex(b"PK\x01\x02"), made.rindex(b"PK\x05\x06")
    entries = made[central:end] * 350_000
    tail = bytearray(made[end:])
    struct.pack_into("<HHII", tail, 8, 65535, 65535, len(entries), central)
    with pytest.raises(InputError, match=r"table of contents has more than 16\.0 MB"):
        uploads.receive_archive("bomb", io.BytesIO(made[:central] + entries + bytes(tail)))
    assert left() == []


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(archive_bytes=100), "the archive has"),
        (Limits(members=2), "has 3 entries, at most 2"),
        (Limits(one_bytes=1000), "'b.png' has 3.9 kB"),
        (Limits(unpacked_bytes=6000), "the files have 7.9 kB"),
        (Limits(depth=0), "folders deep"),
    ],
)
def test_limits(limits: Limits, reason: str) -> None:
    members = (("a.png", os.urandom(10)), ("b.png", os.urandom(4040)), ("c/c.png", os.urandom(4040)))
    with pytest.raises(InputError, match=reason):
        uploads.receive_archive("much", packed(*members), limits)
    assert left() == []


@pytest.mark.parametrize("limits", [Limits(archive_bytes=30), Limits(members=1), Limits(one_bytes=10)])
def test_limits_of_single_files(limits: Limits) -> None:
    with pytest.raises(InputError, match="too large"):
        uploads.receive_files("much", [("a.png", io.BytesIO(PNG)), ("b.png", io.BytesIO(PNG))], limits)
    assert not uploads.root().exists() or left() == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", ".hidden", "a\n", "x" * 81, "ü"])
def test_names_of_uploads(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of an upload"):
        uploads.receive_archive(name, packed(("a.png", PNG)))
    assert not uploads.root().exists() or left() == []


def test_a_name_is_taken_once() -> None:
    first = uploads.receive_archive("cats", packed(("a.png", PNG)))
    with pytest.raises(InputError, match="there is an upload named 'cats' already"):
        uploads.receive_archive("cats", packed(("b.png", PNG)))
    assert left() == ["cats", "cats/a.png"]
    assert first.path.is_dir()


def free(name: str) -> str:
    return durable.free_name(uploads.root(), name)


def test_a_free_name_is_the_next_that_no_upload_has() -> None:
    long = "c" * 80
    for name, then in (("cats", "cats-2"), ("cats-2", "cats-2-2"), (long[:74], f"{long[:74]}-2")):
        assert free(name) == name
        uploads.receive_archive(name, packed(("a.png", PNG)))
        assert free(name) == then
    assert free("cats") == "cats-3"
    assert free(long) == f"{long[:74]}-2"
    uploads.receive_archive(free(long), packed(("b.png", PNG)))
    assert free(long) == f"{long[:74]}-3"


class _Breaking(io.BytesIO):
    """A connection that breaks while the archive's data is read."""

    def __init__(self, content: bytes, error: BaseException) -> None:
        super().__init__(content)
        self.error, self.left = error, 12

    def read(self, size: int | None = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), OSError(28, "No space left on device")])
def test_an_aborted_upload_leaves_nothing(error: BaseException) -> None:
    content = packed(*((f"{number}.png", os.urandom(3000)) for number in range(50))).getvalue()
    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        uploads.receive_archive("cats", _Breaking(content, error))
    assert left() == []


def test_a_killed_upload_is_swept_away_by_the_next() -> None:
    code = (
        "import io, os, signal\n"
        "from bir_core import uploads\n"
        "class Killer(io.BytesIO):\n"
        "    def read(self, size=-1):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "uploads.receive_files('cats', [('a.png', io.BytesIO(b'x')), ('b.png', Killer(b'y'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))
    assert done.returncode == -9
    assert [name.rpartition("/")[2] for name in left()][1:] == ["a.png", "b.png"]
    uploads.receive_archive("cats", packed(("a.png", PNG)))
    assert left() == ["cats", "cats/a.png"]


def test_two_uploads_at_once_do_not_sweep_each_other() -> None:
    class Nested(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if not (uploads.root() / "second").exists():
                uploads.receive_archive("second", packed(("b.png", PNG)))
            return super().read(size)

    uploads.receive_files("first", [("a.png", Nested(PNG))])
    assert left() == ["first", "first/a.png", "second", "second/b.png"]


NUMBERS = itertools.count()
CORPUS: tuple[Callable[[], io.BytesIO], ...] = (
    lambda: packed(("a/b.png", PNG), ("c.csv", b"path,label\n")),
    lambda: packed(("a/b.png", PNG * 50), ("é.png", b""), method=zipfile.ZIP_STORED),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.sampled_from(CORPUS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
def test_a_mutated_archive_is_unpacked_inside_or_refused(
    tmp_path: Path, which: Callable[[], io.BytesIO], changes: list[tuple[float, int]]
) -> None:
    content = bytearray(which().getvalue())
    for place, value in changes:
        content[int(place * len(content))] = value
    name = f"mutant-{next(NUMBERS)}"
    try:
        found = uploads.receive_archive(name, io.BytesIO(bytes(content)))
    except InputError:
        assert not (uploads.root() / name).exists()
    else:
        assert found.num_files == sum(path.is_file() for path in found.path.rglob("*"))
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "runs"}
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {"uploads"}
    assert not list(uploads.root().glob(".*"))


def test_the_usual_limits_let_a_large_set_of_pictures_pass() -> None:
    assert upload_checks.USUAL.members >= 50_000
