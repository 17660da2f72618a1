"""Imports of real digits: once, again, interrupted, and of data that is wrong in every usual way."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bir_core.data import decoding, facts, image_set, importing
from bir_core.data.import_request import ImportRequest, Progress
from bir_core.errors import InputError
from tests.own_images import digits, write_folder, write_manifest

HOME = Path(__file__).parents[1]


def imported(path: Path | str, **more: object) -> image_set.ImageSet:
    request = ImportRequest.model_validate({"name": "mine", "path": str(path), **more})
    return importing.import_images(request)


def refused(sentence: str, path: Path | str, **more: object) -> None:
    with pytest.raises(InputError, match=sentence):
        imported(path, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """100 digits for training, 30 reserved, 20 for the test."""
    for split, rows in (("train", range(100)), ("reserved", range(100, 130)), ("test", range(130, 150))):
        write_folder(tmp_path / "digits" / split, rows)
    return tmp_path / "digits"


def test_a_folder_becomes_a_set(folder: Path) -> None:
    seen: list[Progress] = []
    request = ImportRequest(name="mine", path=str(folder))
    found = importing.import_images(request, progress=seen.append)
    images, labels = digits()
    assert (found.name, found.kind, found.roots) == ("mine", "folder", (str(folder),))
    assert found.class_names == tuple("0123456789")
    assert [len(found.rows_of(split)) for split in ("train", "validation", "reserved", "test")] == [100, 0, 30, 20]
    for row in range(len(found)):
        digit = int(found.file(row).stem)
        assert found.labels[row] == labels[digit]
        assert np.array_equal(np.asarray(decoding.open_picture(found.original(row))), images[digit])
    assert found.report["num_images"] == found.report["num_decoded"] == 150
    assert sum(found.report["splits"]["reserved"].values()) == 30
    assert found.report["sizes"] == {"num": 1, "smallest": [28, 28], "largest": [28, 28], "common": [[28, 28, 150]]}
    small = np.asarray(decoding.open_picture(found.thumbnail(7))).astype(int)
    assert np.abs(small - images[int(found.file(7).stem)]).mean() < 6
    assert (seen[0].phase, seen[-1]) == ("list", Progress(phase="write", done=150, total=150))
    assert {one.total for one in seen if one.phase == "read"} == {150}
    assert sorted(path.name for path in found.path.iterdir()) == ["index.parquet", "set.json", "thumbnails.bin"]


def test_processes_and_this_process_measure_the_same(tmp_path: Path) -> None:
    """300 images need a pool; 40 of them do not, and have the same contents."""
    many = imported(write_folder(tmp_path / "many", range(300)), name="many")
    few = imported(write_folder(tmp_path / "few", range(40)), name="few")
    for name in ("sha256", "width", "height", "bytes", "thumbnail_bytes"):
        for row in range(40):
            assert many.value(name, many.row_of(few.value("key", row))) == few.value(name, row)
    row = many.row_of(few.value("key", 9))
    assert many.thumbnail(row) == few.thumbnail(9)


def test_a_second_import_decodes_what_has_changed(folder: Path) -> None:
    first = imported(folder)
    again = imported(folder)
    assert (again.report["num_decoded"], again.fingerprint) == (0, first.fingerprint)
    assert [again.thumbnail(row) for row in (0, 80, 149)] == [first.thumbnail(row) for row in (0, 80, 149)]
    changed = first.file(3)
    Image.fromarray(255 - digits()[0][0]).save(changed)
    first.file(5).unlink()
    after = imported(folder)
    assert (after.report["num_decoded"], len(after)) == (1, 149)
    assert after.fingerprint != first.fingerprint
    row = after.row_of(first.value("key", 3))
    assert (np.asarray(decoding.open_picture(after.thumbnail(row))) > 200).mean() > 0.5


def test_manifest_arrays_and_names_give_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = digits()
    by_manifest = imported(write_manifest(tmp_path / "list.csv", range(60)), name="manifest")
    np.savez(tmp_path / "all.npz", images=images[:60], labels=labels[:60])
    by_arrays = imported(tmp_path / "all.npz", name="arrays")
    assert (by_manifest.kind, by_arrays.kind, by_arrays.roots) == ("manifest", "arrays", (".",))
    assert np.array_equal(by_manifest.labels, by_arrays.labels)
    for row in range(60):
        one, two = (decoding.open_picture(found.original(row)) for found in (by_manifest, by_arrays))
        assert np.array_equal(np.asarray(one), np.asarray(two))
    assert imported(tmp_path / "all.npz", name="arrays").report["num_decoded"] == 0
    monkeypatch.chdir(tmp_path)
    by_name = imported("mnist5k", name="named")
    assert (by_name.kind, len(by_name), by_name.class_names) == ("known", 5000, tuple("0123456789"))


def test_reserved_and_test_images_of_their_own(tmp_path: Path) -> None:
    train = write_folder(tmp_path / "train", range(80))
    reserved = write_manifest(tmp_path / "clean" / "reserved.csv", range(80, 120), id=1)
    text = reserved.read_text().splitlines()
    numbered = [text[0], *(f"{line.rsplit(',', 1)[0]},{number}" for number, line in enumerate(text[1:]))]
    reserved.write_text("\n".join(numbered))
    np.savez(tmp_path / "test.npz", images=digits()[0][120:150], labels=digits()[1][120:150])
    found = imported(train, reserved=str(reserved), test=str(tmp_path / "test.npz"))
    assert [len(found.rows_of(split)) for split in ("train", "reserved", "test")] == [80, 40, 30]
    assert found.roots == (str(train), str(tmp_path / "clean"), ".")
    row = int(found.rows_of("reserved")[5])
    assert (found.value("key", row), found.file(row).name) == ("reserved/5", "85.png")
    for split, first in (("reserved", 80), ("test", 120)):
        row = int(found.rows_of(split)[0])  # type: ignore[arg-type]
        assert np.array_equal(np.asarray(decoding.open_picture(found.original(row))), digits()[0][first])


def test_true_labels_and_groups(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label,true_label,group\n0.png,a,b,x\n1.png,b,,\n")
    for row in range(2):
        Image.fromarray(digits()[0][row]).save(tmp_path / f"{row}.png")
    found = imported(tmp_path / "list.csv")
    assert (found.labels.tolist(), found.true_labels.tolist()) == ([0, 1], [1, -1])
    assert [found.value("group", row) for row in range(2)] == ["x", ""]


# ---------------------------------------------------------------- what is wrong with the data


def test_an_empty_folder_and_one_class(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused("has no folders: expected a folder per class", tmp_path / "empty")
    (tmp_path / "one").mkdir()
    Image.fromarray(digits()[0][0]).save(write_folder(tmp_path / "one", [0]) / str(digits()[1][0]) / "more.png")
    refused("has one class only, '.': a classifier tells at least two apart", tmp_path / "one")
    refused("has no training images, only test", write_folder(tmp_path / "part" / "test", range(9)).parent)
    assert image_set.names() == []


def test_a_class_with_one_image_is_said(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits", range(200))
    (folder / "rare").mkdir()
    Image.fromarray(digits()[0][200]).save(folder / "rare" / "200.png")
    warnings = imported(folder).report["warnings"]
    assert warnings[0] == "one training image of rare: a class needs some to be learnt"
    assert warnings[1].startswith("no reserved images: pick some before a run")


def spoil(folder: Path, share: int = 20) -> list[Path]:
    """Make every twentieth file unreadable."""
    files = sorted(folder.rglob("*.png"))[::share]
    for number, file in enumerate(files):
        file.write_bytes([b"", b"GIF89a and no more", file.read_bytes()[:60]][number % 3])
    return files


def test_unreadable_files_are_skipped_only_if_that_is_allowed(folder: Path) -> None:
    spoilt = spoil(folder)
    assert len(spoilt) == 8
    first = str(spoilt[0])
    refused(rf"^8 of 150 files cannot be read: {first} is .*; and 5 more\. Repair them .*--skip-unreadable", folder)
    assert image_set.names() == []
    found = imported(folder, skip_unreadable=True)
    assert (len(found), found.report["unreadable"]["num"], found.report["num_decoded"]) == (142, 8, 0)
    assert found.report["unreadable"]["examples"][0][0] == spoilt[0].relative_to(folder).as_posix()
    assert "8 files could not be read, left out" in found.report["warnings"]
    assert all(path not in spoilt for path in map(found.file, range(142)))
    assert found.value("id", 141) == 141


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "list.csv", range(30))
    (tmp_path / "images" / "4.png").unlink()
    refused(r"1 of 30 files cannot be read: .*images/4\.png is not there\. Repair", manifest)
    assert len(imported(manifest, skip_unreadable=True)) == 29


def test_nothing_readable_is_no_set(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits", range(20))
    spoil(folder, 1)
    refused("less than two classes once unreadable files are left out", folder, skip_unreadable=True)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "9"], ("9", "10")),
        (["cat", "10", "9"], ("10", "9", "cat")),
        (["1.5", "-1", "0"], ("-1", "0", "1.5")),
        (["größe", "日本", "a b"], ("a b", "größe", "日本")),
    ],
)
def test_labels_are_numbers_or_text(tmp_path: Path, labels: list[str], expected: tuple[str, ...]) -> None:
    manifest = write_manifest(tmp_path / "list.csv", range(3))
    manifest.write_text("path,label\n" + "".join(f"images/{row}.png,{label}\n" for row, label in enumerate(labels)))
    found = imported(manifest)
    assert found.class_names == expected
    assert [found.class_names[label] for label in found.labels] == labels


def test_parts_must_have_the_same_labels(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits" / "train", range(60)).parent
    (folder / "reserved" / "sevn").mkdir(parents=True)
    Image.fromarray(digits()[0][70]).save(folder / "reserved" / "sevn" / "a.png")
    refused(r"reserved/sevn/a\.png: the reserved image has the label 'sevn', which no training image has", folder)
    (tmp_path / "list.csv").write_text("path,label,true_label\n0.png,cat,dgo\n1.png,dog,\n")
    refused("line 2: the true label 'dgo' is none of the classes: did you mean dog", tmp_path / "list.csv")


def test_a_thousand_classes(tmp_path: Path) -> None:
    rows = "".join(f"images/{row % 40}.png,class {row},{row}\n" for row in range(1000))
    manifest = write_manifest(tmp_path / "list.csv", range(40))
    manifest.write_text(f"path,label,id\n{rows}")
    found = imported(manifest)
    assert (len(found.class_names), len(found)) == (1000, 1000)
    assert found.report["duplicates"]["num_other_label"] == 960
    manifest.write_text("path,label,id\n" + "".join(f"images/0.png,{row}.png,{row}\n" for row in range(50_000)))
    refused("more than 10,000 different labels: is its column of labels the right one", manifest)


def test_an_id_that_occurs_twice(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "list.csv", range(4))
    manifest.write_text("path,label,id\nimages/0.png,1,a\nimages/1.png,2,b\nimages/2.png,3,a\nimages/3.png,3,a\n")
    refused(r"has the id 'a' twice, line 2 \(images/0\.png\) and line 4 \(images/2\.png\)", manifest)
    shutil.copy(tmp_path / "images" / "0.png", tmp_path / "images" / "b.png")
    manifest.write_text("path,label\nimages/0.png,1\nimages/1.png,2\nimages/0.png,1\n")
    refused(r"has the id 'images/0\.png' twice, line 2 .* and line 4", manifest)


def test_the_same_picture_twice_is_said_and_in_two_parts_refused(folder: Path) -> None:
    source = sorted((folder / "train" / "3").iterdir())[0]
    shutil.copy(source, folder / "train" / "3" / "again.png")
    shutil.copy(source, folder / "train" / "4" / "other.png")
    double = imported(folder).report["duplicates"]
    assert (double["num"], double["num_across"], double["num_other_label"]) == (2, 0, 1)
    assert len(double["examples"][0]) == 3
    shutil.copy(source, folder / "reserved" / "3" / "leak.png")
    both = rf"reserved/3/leak\.png is a training image too \(train/3/{source.name} has the same content\)"
    refused(f"the reserved image {both}", folder)
    (folder / "reserved" / "3" / "leak.png").rename(folder / "test" / "3" / "leak.png")
    refused(r"the test image test/3/leak\.png is a training image too", folder)
    (folder / "validation" / "3").mkdir(parents=True)
    (folder / "test" / "3" / "leak.png").rename(folder / "validation" / "3" / "leak.png")
    assert imported(folder).report["duplicates"]["num_across"] == 1


def test_what_leads_out_of_the_root(tmp_path: Path) -> None:
    outside = write_folder(tmp_path / "outside", [0])
    folder = write_folder(tmp_path / "digits", range(1, 20))
    secret = next(outside.rglob("*.png"))
    (folder / str(digits()[1][1]) / "link.png").symlink_to(secret)
    refused(r"link\.png is reached by a link that leads out of .*digits: give paths relative", folder)
    assert len(imported(folder, root=str(tmp_path))) == 20
    refused("is not below the root", folder, root=str(outside))
    refused("is no folder: expected the one that image paths start from", folder, root=str(secret))
    refused("a path holds a NUL byte", "a\0b")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits", range(20))
    Path(os.fsdecode(os.fsencode(folder / str(digits()[1][0])) + b"/\xff.png")).touch()
    refused("has a name or a label that is no Unicode text", folder)


# ---------------------------------------------------------------- meanwhile


def while_reading(folder: Path, action: Callable[[], object], **more: object) -> image_set.ImageSet:
    """Import, and do something when the first pictures have been read."""
    done: list[object] = []

    def watch(progress: Progress) -> None:
        if progress.phase == "read" and progress.done and not done:
            done.append(action())

    return importing.import_images(
        ImportRequest.model_validate({"name": "mine", "path": str(folder), **more}), progress=watch
    )


@pytest.mark.parametrize("which", [0, -1])
def test_a_file_that_changes_meanwhile_is_an_error(folder: Path, which: int) -> None:
    """Be it one that was read already, or one that is still to be read."""
    files = [path for path in sorted(folder.rglob("*.png")) if path.is_file()]
    with pytest.raises(InputError, match=r"was changed while it was imported: wait until nobody writes there"):
        while_reading(folder, lambda: os.utime(files[which], (1, 1)))
    assert image_set.names() == []
    assert len(imported(folder)) == 150


def test_two_imports_of_one_set_do_not_meet(folder: Path) -> None:
    def second() -> None:
        refused(rf"'mine' is being imported by process {os.getpid()}: wait for it", folder)

    assert len(while_reading(folder, second)) == 150


class Stop(Exception):
    """Somebody cancels."""


def test_an_interrupted_import_goes_on(folder: Path) -> None:
    before = imported(write_folder(folder.parent / "old", range(12)))

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        while_reading(folder, stop)
    assert image_set.open_set("mine").fingerprint == before.fingerprint
    after = imported(folder)
    assert after.report["num_decoded"] == 150 - 64
    assert all(len(after.thumbnail(row)) > 100 for row in range(150))


KILLED = """
import os, signal, sys
from bir_core.data import facts, importing
from bir_core.data.import_request import ImportRequest
facts.FLUSHED_AFTER = 100
def watch(progress):
    if progress.phase == "read" and progress.done >= 250:
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    importing.import_images(ImportRequest(name="mine", path=sys.argv[1]), progress=watch)
"""


def test_kill_dash_nine_costs_little_and_leaves_no_process(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits", range(600))
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    child = subprocess.Popen([sys.executable, str(script), str(folder)], cwd=HOME, start_new_session=True)
    assert child.wait(100) == -signal.SIGKILL
    part = image_set.home() / ".mine.part"
    with (part / facts.LOG).open("ab") as log:
        log.write(b"half a batch")
    with (part / facts.THUMBNAILS).open("ab") as thumbnails:
        thumbnails.write(b"half a picture")
    deadline = time.monotonic() + 10
    while _alive(child.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child.pid)
    found = imported(folder)
    assert 0 < found.report["num_decoded"] <= 500
    images, _ = digits()
    for row in range(0, 600, 37):
        small = np.asarray(decoding.open_picture(found.thumbnail(row))).astype(int)
        assert np.abs(small - images[int(found.file(row).stem)]).mean() < 6


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


FULL = """
import json, sys
from bir_core.data import importing
from bir_core.data.import_request import ImportRequest
from bir_core.errors import InputError
if __name__ == "__main__":
    try:
        importing.import_images(ImportRequest(name="mine", path=sys.argv[1]))
    except InputError as error:
        print(error)
"""


def test_a_full_disk_is_said_and_leaves_the_set_of_before(folder: Path) -> None:
    """The limit of a file's size stands for the limit of a disk: the system refuses to write."""
    before = imported(write_folder(folder.parent / "old", range(12)))
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder)],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert done.stdout.startswith("cannot write the image set 'mine' in")
    assert "File too large. Make room on the disk, or set BIR_DATA_DIR to another" in done.stdout
    assert done.stderr == ""
    assert image_set.open_set("mine").fingerprint == before.fingerprint
    assert len(imported(folder)) == 150


def test_a_crash_between_two_renames_loses_nothing(folder: Path) -> None:
    first = imported(folder)
    first.path.rename(image_set.home() / ".mine.old")
    assert imported(folder).report["num_decoded"] == 0


def test_importing_loads_no_torch(folder: Path) -> None:
    code = (
        "import sys\nfrom bir_core.data import importing\nfrom bir_core.data.import_request import ImportRequest\n"
        f"importing.import_images(ImportRequest(name='mine', path={str(folder)!r}))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert json.loads((image_set.home() / "mine" / "set.json").read_text())["version"] == image_set.VERSION
