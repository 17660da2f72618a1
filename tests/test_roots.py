"""What may be named in the browser: nothing outside of the roots by any trick, and what lies inside by its name."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bir_core import roots
from bir_core.errors import InputError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a folder, a manifest and links, beside a secret that is outside."""
    inside, outside = tmp_path / "root", tmp_path / "outside"
    (inside / "digits" / "train").mkdir(parents=True)
    (inside / "digits" / "labels.csv").write_text("path,label\n")
    outside.mkdir()
    (outside / "secret.csv").write_text("secret\n")
    (inside / "out").symlink_to(outside)
    (inside / "out.csv").symlink_to(outside / "secret.csv")
    (inside / "again").symlink_to(inside / "digits")
    (inside / "loop").symlink_to(inside / "loop")
    (inside / "chain").symlink_to("out")
    monkeypatch.setenv("BIR_DATA_ROOTS", str(inside))
    return inside


def test_without_roots_only_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIR_DATA_ROOTS", raising=False)
    assert roots.allowed() == (tmp_path / "data",)
    (tmp_path / "data").mkdir()
    assert roots.resolve(".") == tmp_path / "data"


def test_roots_are_listed_once_and_may_be_links(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(root)
    monkeypatch.setenv("BIR_DATA_ROOTS", os.pathsep.join([str(root), "", str(tmp_path / "link")]))
    assert roots.allowed() == (root, tmp_path / "data")
    assert roots.resolve(str(tmp_path / "link" / "digits")) == root / "digits"


@pytest.mark.parametrize("name", ["digits", "digits/", "./digits", "again", "digits/labels.csv", "."])
def test_what_lies_inside_is_found(root: Path, name: str) -> None:
    for text in (name, str(root / name)):
        assert roots.resolve(text) == (root / name).resolve()


@pytest.mark.parametrize(
    "text",
    [
        "..",
        "../outside",
        "digits/../../outside/secret.csv",
        "digits\\..\\..\\outside",
        "{root}/../outside/secret.csv",
        "{root}-and-more",
        "{outside}",
        "{outside}/secret.csv",
        "/",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        "out",
        "out/secret.csv",
        "out.csv",
        "chain/secret.csv",
        "{root}/out/secret.csv",
        "//server/share",
        "\\\\server\\share",
        "\\\\?\\C:\\Windows",
        "\\\\.\\PhysicalDrive0",
        "C:\\Windows",
        "C:secret",
        "~",
        "~root/.ssh",
    ],
)
def test_what_lies_outside_is_refused_and_the_roots_are_named(root: Path, text: str) -> None:
    asked = text.format(root=root, outside=root.parent / "outside")
    with pytest.raises(InputError, match="may not be named here") as caught:
        roots.resolve(asked)
    assert str(root) in str(caught.value)
    assert "BIR_DATA_ROOTS" in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "a\0b", "digits\n", "\u202edigits", "x" * 5000, "\ud800"])
def test_what_is_no_path_is_refused(root: Path, text: str) -> None:
    with pytest.raises(InputError, match="is no path"):
        roots.resolve(text)
    assert root.is_dir()


@pytest.mark.parametrize("text", ["nowhere", "digits/nowhere", "loop", "x" * 300, "digits/labels.csv/x"])
def test_what_is_not_there_is_said(root: Path, text: str) -> None:
    with pytest.raises(InputError, match="there is no file or folder") as caught:
        roots.resolve(text)
    assert str(root) in str(caught.value)


def test_nothing_tells_whether_a_file_outside_exists(root: Path) -> None:
    said = []
    for place in (str(root.parent / "outside"), "out"):
        for name in ("secret.csv", "nowhere"):
            with pytest.raises(InputError) as caught:
                roots.resolve(f"{place}/{name}")
            said.append(str(caught.value).replace(f"{place}/{name}", "IT"))
    assert len(set(said)) == 1


def test_neither_pipes_nor_sockets(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading one would wait for ever."""
    os.mkfifo(root / "pipe.csv")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.csv")
        for name in ("pipe.csv", "socket.csv"):
            with pytest.raises(InputError, match="there is no file or folder"):
                roots.resolve(name)
            assert name not in roots.browse(".").files


PART = st.one_of(
    st.sampled_from(["..", ".", "out", "out.csv", "chain", "again", "digits", "loop", "secret.csv", "outside", "root"]),
    st.sampled_from(
        ["", "etc", "tmp", "proc", "self", "cwd", "C:", "~", "%2e%2e", "..%2f", "\uff0e\uff0e", "\0", "..\\"]
    ),
    st.text(max_size=4),
)
PATH = st.builds(
    lambda start, parts, end: start + "/".join(parts) + end,
    st.sampled_from(["", "/", "//", "\\\\", "./", "{root}/", "{root}", "{root}/../outside/", "{root}/out/../"]),
    st.lists(PART, max_size=6),
    st.sampled_from(["", "/", "/.", " ", "\\"]),
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PATH)
@example("again/../out/secret.csv")
def test_nothing_resolves_outside(root: Path, path: str) -> None:
    try:
        found = roots.resolve(path.replace("{root}", str(root)))
    except InputError:
        return
    assert os.path.realpath(found) == str(found)
    assert found == root or root in found.parents or found == root.parent / "data"


def test_a_picker_sees_folders_and_manifests(root: Path) -> None:
    (root / "b.PARQUET").touch()
    (root / "a.npz").touch()
    (root / "picture.png").touch()
    (root / ".hidden").mkdir()
    found = roots.browse(str(root))
    assert (found.path, found.parent) == (root, None)
    assert (found.folders, found.files, found.is_whole) == (("again", "digits"), ("a.npz", "b.PARQUET"), True)
    below = roots.browse("digits")
    assert (below.parent, below.folders, below.files) == (root, ("train",), ("labels.csv",))
    with pytest.raises(InputError, match="is a file"):
        roots.browse("digits/labels.csv")


def test_a_picker_lists_a_bounded_number(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        (root / "digits" / "train" / f"{number:02d}").mkdir()
    monkeypatch.setattr(roots, "MOST_LISTED", 10)
    found = roots.browse("digits/train")
    assert (found.folders, found.is_whole) == (tuple(f"{number:02d}" for number in range(10)), False)
    monkeypatch.setattr(roots, "MOST_LOOKED_AT", 5)
    assert (len(roots.browse("digits/train").folders), roots.browse("digits/train").is_whole) == (5, False)
