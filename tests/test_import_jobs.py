"""An import as a job: a real child process, cancelled, resumed, refused; and as a command."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bir_core import jobs
from bir_core.data import image_set
from bir_core.data.import_request import ImportRequest
from bir_core.errors import InputError, RunBusy
from bir_core.jobs import Job
from tests.own_images import write_folder, write_manifest

HOME = Path(__file__).parents[1]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder of runs; no process is left behind."""
    yield tmp_path / "root"
    for job in jobs.list_jobs(tmp_path / "root"):
        jobs.cancel(tmp_path / "root", job.id)


def wait_until(root: Path, job: int, condition: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        found = jobs.find(root, job)
        if condition(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{found}\n{jobs.log_tail(root, job)}")


def ended(job: Job) -> bool:
    return job.state not in jobs.ACTIVE


def reading(job: Job) -> bool:
    return job.state == "running" and job.progress[0].done > 0 and job.progress[0].total > 0


def test_an_import_is_a_job(root: Path, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "digits", range(200))
    job = jobs.submit_import(root, ImportRequest(name="mine", path=str(folder)))
    assert (job.run, job.stages) == ("set:mine", ("import",))
    done = wait_until(root, job.id, ended)
    assert (done.state, done.error) == ("finished", None)
    step = done.progress[0]
    assert (step.stage, step.state, step.done, step.total) == ("import", "finished", 200, 200)
    assert len(image_set.open_set("mine")) == 200
    assert "import: finished in" in jobs.log_tail(root, job.id)
    assert "torch" not in jobs.log_tail(root, job.id)
    assert jobs.latest(root, "set:mine") == done


def test_an_import_is_cancelled_and_resumed(root: Path, tmp_path: Path) -> None:
    """Many files, so that there is time to cancel; the same pictures again and again."""
    folder = write_folder(tmp_path / "digits", range(40))
    files = sorted(folder.rglob("*.png"))
    for copy in range(80):
        for file in files:
            os.link(file, file.with_name(f"{copy}-{file.name}"))
    request = ImportRequest(name="mine", path=str(folder))
    job = wait_until(root, jobs.submit_import(root, request).id, reading)
    with pytest.raises(RunBusy, match="image set 'mine' has a job that waits or runs"):
        jobs.submit_import(root, request)
    assert job.pid is not None
    family = [psutil.Process(job.pid), *psutil.Process(job.pid).children(recursive=True)]
    assert jobs.cancel(root, job.id).state == "cancelled"
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert image_set.names() == []
    assert jobs.resume(root, job.id).state in jobs.ACTIVE
    done = wait_until(root, job.id, ended)
    assert (done.state, len(image_set.open_set("mine"))) == ("finished", 81 * 40)


def test_an_import_that_fails_says_why(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    job = jobs.submit_import(root, ImportRequest(name="mine", path=str(tmp_path / "empty")))
    failed = wait_until(root, job.id, ended)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "has no folders: expected a folder per class" in failed.error
    assert failed.progress[0].state == "failed"
    (root / ".jobs" / f"{job.id}.json").write_text("{}")
    jobs.resume(root, job.id)
    damaged = wait_until(root, job.id, ended)
    assert damaged.error is not None
    assert "which says what to import, is missing or damaged: import anew" in damaged.error


def test_a_request_is_read_back(root: Path) -> None:
    request = ImportRequest(name="mine", path="a", kind="manifest", reserved="b", skip_unreadable=True)
    job = jobs.submit_import(root, request)
    assert jobs.import_request(root, job.id) == request
    with pytest.raises(InputError, match="import anew"):
        jobs.import_request(root, job.id + 1)


# ---------------------------------------------------------------- the command


def test_the_command_imports_and_lists(tmp_path: Path) -> None:
    train = write_folder(tmp_path / "train", range(150))
    reserved = write_manifest(tmp_path / "reserved" / "list.csv", range(150, 200))
    next(train.rglob("*.png")).write_bytes(b"no picture")
    words = ("images", "mine", "--from", str(train), "--reserved", str(reserved))
    refused = bir(*words)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "1 of 200 files cannot be read" in refused.stderr
    assert "--skip-unreadable" in refused.stderr
    done = bir(*words, "--skip-unreadable")
    assert done.returncode == 0, done.stderr
    assert "│ together │   149 │       50 │" in done.stdout
    assert "199 images, all 28 x 28 pixels" in done.stdout
    assert "1 file could not be read, left out" in done.stdout
    assert "Read the images ..." in done.stderr
    listed = bir("images", "--list")
    assert "mine" in listed.stdout
    (image_set.home() / "mine" / "set.json").write_text(json.dumps({"version": 1}))
    assert "damaged" in bir("images", "--list").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("images",), "expected 'images NAME --from PATH', or 'images --list'"),
        (
            ("images", "a b", "--from", "x"),
            "this cannot be imported: name='a b' cannot be a name: give 1 to 80 letters",
        ),
        (("images", "../x", "--from", "x"), "this cannot be imported: name='../x'"),
        (("images", "mine", "--from", "/absent"), "there is no /absent: expected a folder, a manifest or arrays"),
        (("images", "--list"), "no image sets in"),
    ],
)
def test_a_wrong_command_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = bir(*words)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if "--list" in words else 1)


def bir(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bir_core", *words], cwd=HOME, capture_output=True, text=True, timeout=200, check=False
    )
