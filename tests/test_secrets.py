"""What a run, its log and its reports must not tell: environment variables, the account, where its home is, tokens."""

import platform
import shutil
import time
from pathlib import Path

import pytest

from bir_core import config, database, jobs, run_folder, run_provenance
from bir_core.errors import InputError
from bir_core.exports import catalogue
from bir_core.jobs import Job
from bir_core.run_folder import Run

SECRETS = {
    "BIR_PASSWORD_HASH": "scrypt:15:8:3:c2FsdHNhbHRzYWx0c2FsdA==:a2V5",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-never-tell",
    "HF_TOKEN": "hf_never_tell_this_one",
    "USER": "ann-the-curator",
    "LOGNAME": "ann-the-curator",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of somebody who has secrets in the environment."""
    found = tmp_path / "home-of-ann"
    found.mkdir()
    monkeypatch.setenv("HOME", str(found))
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return found


def finished(root: Path, job: Job) -> Job:
    deadline = time.monotonic() + 120
    while (found := jobs.find(root, job.id)).state in jobs.ACTIVE:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def told(folder: Path, *words: str) -> list[str]:
    """Which of the words stand in which files."""
    return [
        f"{path.relative_to(folder)}: {word}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for word in words
        if word.encode() in path.read_bytes()
    ]


def test_a_run_its_log_and_its_report_tell_no_secret(home: Path, tmp_path: Path, tiny_run: Run) -> None:
    """Its base model starts from a file in somebody's home, which only the run's own config names."""
    weights = home / "models" / "mine.safetensors"
    weights.parent.mkdir()
    shutil.copy(tiny_run.path / "base" / "base.safetensors", weights)
    root = tmp_path / "shared"
    values = tiny_run.config.model_dump()
    values["base"] |= {"start": "~/models/mine.safetensors"}
    run = run_folder.create(root, config.parse(values, origin="test"))
    report = catalogue.find("report")
    done = finished(root, jobs.submit(root, run.name, ("evaluate", report.stage)))
    assert done.state == "finished", jobs.log_tail(root, done.id)
    words = (*SECRETS.values(), home.name)
    assert told(run.path, *words) == []
    assert told(root, *words) == [], "nor do the logs and the database of jobs"
    assert run.name in jobs.log_tail(root, done.id)
    assert "mine.safetensors" in (run.path / report.stage / report.files[0]).read_text()


def test_planted_secrets_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff hf_never_tell_this_one")
    assert told(tmp_path, *SECRETS.values()) == ["log: hf_never_tell_this_one"]


def test_a_failure_is_told_without_the_home(home: Path, tmp_path: Path, tiny_run: Run) -> None:
    root = tmp_path / "shared"
    values = tiny_run.config.model_dump()
    values["base"] |= {"start": str(home / "nowhere.safetensors")}
    run = run_folder.create(root, config.parse(values, origin="test"))
    done = finished(root, jobs.submit(root, run.name, ("base",)))
    assert done.state == "failed"
    assert done.error is not None
    assert "~/nowhere.safetensors" in done.error
    assert home.name not in done.error + jobs.log_tail(root, done.id)


def test_provenance_names_versions_only(home: Path) -> None:
    said = run_provenance.provenance()
    assert set(said) == {"python", "system", "versions"}
    assert said["system"] == platform.platform()
    assert not any(word in str(said) for word in (*SECRETS.values(), home.name))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2-hunter2@127.0.0.1:1/bir",
        "postgresql://ann:hunter2-hunter2@127.0.0.1:port/bir",
        "nonsense://ann:hunter2-hunter2@host/bir",
        "ann:hunter2-hunter2@host",
    ],
)
def test_a_wrong_database_url_is_not_repeated(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIR_DATABASE_URL", url)
    with pytest.raises(InputError, match="BIR_DATABASE_URL") as caught, database.begin(tmp_path):
        pass
    assert "hunter2" not in str(caught.value)
