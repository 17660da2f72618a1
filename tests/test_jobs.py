"""Jobs are real child processes here: started, killed, cancelled, resumed, refused."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bir_core import config, flow, job_rows, jobs, run_folder
from bir_core.errors import InputError, RunBusy, RunNotFound
from bir_core.jobs import Job
from bir_core.run_folder import Run

PATIENCE = 120.0

KILLED_WHEN_A_STAGE_STARTS = """
import os, signal, sys
from pathlib import Path
from bir_core import pipeline, worker
compute = pipeline.compute
def compute_and_die(run, stages, *, force, watch):
    def watch_and_die(event):
        watch(event)
        if event.state == "started":
            os.kill(os.getpid(), signal.SIGKILL)
    compute(run, stages, force=force, watch=watch_and_die if {deadly} else watch)
pipeline.compute = compute_and_die
sys.exit(worker.work(Path(sys.argv[-1]), int(sys.argv[-3])))
"""
"""The real worker, which dies of kill -9 at a known moment."""


def wait_until(root: Path, job: int, condition: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = jobs.find(root, job)
        if condition(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{found}\n{jobs.log_tail(root, job)}")


def ended(job: Job) -> bool:
    return job.state not in jobs.ACTIVE


def in_stage(stage: str) -> Callable[[Job], bool]:
    return lambda job: any(line.stage == stage and line.state == "running" for line in job.progress)


def states(job: Job) -> dict[str, str]:
    return {line.stage: line.state for line in job.progress}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder of runs; no process is left behind."""
    yield tmp_path / "root"
    for job in jobs.list_jobs(tmp_path / "root"):
        jobs.cancel(tmp_path / "root", job.id)


@pytest.fixture
def run(tiny_run: Run, root: Path) -> Run:
    """A copy of the finished run."""
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    return run_folder.open_run(root, tiny_run.name)


@pytest.fixture
def endless(run: Run) -> Run:
    """A finished run whose enhanced model must be trained anew, and never gets done."""
    return with_enhance(run, {"max_epochs": 10**7, "patience": 10**7})


def with_enhance(run: Run, update: dict[str, object]) -> Run:
    values = run.config.model_dump()
    values["enhance"] |= update
    return run_folder.update_config(run, config.parse(values, origin="test"))


def test_a_folder_without_jobs_stays_as_it_is(tmp_path: Path) -> None:
    assert jobs.list_jobs(tmp_path / "none") == []
    assert jobs.latest(tmp_path / "none", "tiny") is None
    assert jobs.log_tail(tmp_path / "none", 1) == ""
    with pytest.raises(InputError, match="no job 3 in "):
        jobs.find(tmp_path / "none", 3)
    assert list(tmp_path.iterdir()) == []


def test_a_job_computes_what_is_missing(root: Path, run: Run) -> None:
    shutil.rmtree(run.path / "identify")
    job = jobs.submit(root, "tiny")
    assert job.state in jobs.ACTIVE
    done = wait_until(root, job.id, ended)
    assert (done.state, done.error, done.run, done.stages) == ("finished", None, "tiny", flow.NAMES)
    assert states(done)["score"] == "skipped"
    assert states(done)["identify"] == "finished"
    assert tuple(states(done)) == flow.NAMES
    assert run_folder.fresh_stages(run) == flow.NAMES
    assert "identify: finished in" in jobs.log_tail(root, job.id)
    assert jobs.latest(root, "tiny") == done
    assert done.pid is not None
    wait_until(root, job.id, lambda ended: not psutil.pid_exists(ended.pid or 0))  # a zombie would stay for ever
    with pytest.raises(InputError, match=f"job {job.id} is finished: only a failed or cancelled"):
        jobs.resume(root, job.id)
    assert jobs.cancel(root, job.id).state == "finished"


def test_a_killed_job_has_failed_and_goes_on_where_it_was(root: Path, endless: Run) -> None:
    job = wait_until(root, jobs.submit(root, "tiny").id, in_stage("enhance"))
    assert job.pid is not None
    assert os.getpgid(job.pid) == job.pid
    assert psutil.Process(job.pid).nice() == 10
    os.kill(job.pid, signal.SIGKILL)
    failed = wait_until(root, job.id, ended)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "killed or crashed in stage 'enhance'" in failed.error
    assert "finished stages are kept" in failed.error
    assert states(failed)["enhance"] == "failed"
    assert run_folder.fresh_stages(endless) == ("data", "base", "select")[: len(run_folder.fresh_stages(endless))]
    assert "select" in states(failed)

    with_enhance(endless, {"max_epochs": 2, "patience": 1})
    done = wait_until(root, jobs.resume(root, job.id).id, ended)
    assert (done.id, done.state, done.error) == (job.id, "finished", None)
    assert states(done)["base"] == "skipped"


@pytest.mark.slow
def test_kill_9_in_any_stage_keeps_the_finished_ones(
    root: Path, tiny_config: config.RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run_folder.create(root, tiny_config)
    script = tmp_path / "deadly.py"
    monkeypatch.setattr(jobs, "COMMAND", (jobs.COMMAND[0], str(script)))
    job = 0
    for number, stage in enumerate(flow.NAMES):
        script.write_text(KILLED_WHEN_A_STAGE_STARTS.format(deadly=f"'{stage}' not in ()"))
        job = (jobs.resume(root, job) if job else jobs.submit(root, made.name)).id
        failed = wait_until(root, job, ended)
        assert failed.error is not None
        assert f"crashed in stage '{stage}'" in failed.error
        assert run_folder.fresh_stages(made) == flow.NAMES[:number]
        script.write_text(KILLED_WHEN_A_STAGE_STARTS.format(deadly="False"))
        from bir_core import pipeline

        pipeline.compute(made, [stage])
    assert wait_until(root, jobs.resume(root, job).id, ended).state == "finished"


def test_a_cancelled_job_and_its_process_are_gone(root: Path, endless: Run) -> None:
    job = wait_until(root, jobs.submit(root, "tiny").id, in_stage("enhance"))
    assert job.pid is not None
    cancelled = jobs.cancel(root, job.id)
    assert cancelled.state == "cancelled"
    assert states(cancelled)["enhance"] == "cancelled"
    assert not psutil.pid_exists(job.pid)
    assert "data" in run_folder.fresh_stages(endless)
    assert "cancelled; finished stages are kept" in jobs.log_tail(root, job.id)


def test_a_process_that_does_not_listen_is_killed(root: Path, endless: Run) -> None:
    assert endless.path.is_dir()
    job = wait_until(root, jobs.submit(root, "tiny").id, in_stage("enhance"))
    assert job.pid is not None
    os.kill(job.pid, signal.SIGSTOP)
    started = time.monotonic()
    jobs.cancel(root, job.id)
    assert time.monotonic() - started < 10
    assert not psutil.pid_exists(job.pid)


def test_one_job_a_run_and_one_at_a_time(root: Path, endless: Run) -> None:
    second = run_folder.fork(endless, config.parse({**endless.config.model_dump(), "name": "second"}, origin="test"))
    first = wait_until(root, jobs.submit(root, "tiny").id, in_stage("enhance"))
    with pytest.raises(RunBusy, match="'tiny' "):
        jobs.submit(root, "tiny")
    waiting = jobs.submit(root, second.name, ["data"])
    with pytest.raises(RunBusy, match="'second' has a job that waits or runs"):
        jobs.submit(root, second.name)
    time.sleep(2)
    assert jobs.find(root, waiting.id).state == "queued"
    assert waiting.pid is not None
    assert "torch" not in "".join(mapped.path for mapped in psutil.Process(waiting.pid).memory_maps())
    assert [job.id for job in jobs.list_jobs(root)] == [waiting.id, first.id]
    jobs.cancel(root, first.id)
    assert wait_until(root, waiting.id, ended).state == "finished"


def test_a_queued_job_that_dies_does_not_block_the_queue(root: Path, endless: Run) -> None:
    second = run_folder.fork(endless, config.parse({**endless.config.model_dump(), "name": "second"}, origin="test"))
    first = wait_until(root, jobs.submit(root, "tiny").id, in_stage("enhance"))
    waiting = jobs.submit(root, second.name)
    assert waiting.pid is not None
    os.kill(waiting.pid, signal.SIGKILL)
    dead = wait_until(root, waiting.id, ended)
    assert dead.error is not None
    assert "before its first stage" in dead.error
    assert jobs.find(root, first.id).state == "running"


def test_a_stage_that_fails_says_why(root: Path, run: Run) -> None:
    (run.path / "data" / "train_ids.npy").write_bytes(b"PAR1")
    values = run.config.model_dump()
    values["data"]["source"] = "mnist"
    run_folder.update_config(run, config.parse(values, origin="test"))
    failed = wait_until(root, jobs.submit(root, "tiny").id, ended)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "BIR_DATA_DIR" in failed.error
    assert states(failed)["data"] == "failed"
    assert states(failed)["base"] == "waiting"
    assert "Traceback" not in jobs.log_tail(root, failed.id)


def test_what_cannot_be_started_is_refused(root: Path, run: Run) -> None:
    with pytest.raises(RunNotFound):
        jobs.submit(root, "absent")
    with pytest.raises(InputError, match="unknown stage 'dance'"):
        jobs.submit(root, "tiny", ["dance"])
    with run_folder.lock(run.path), pytest.raises(RunBusy, match="'tiny' is being computed"):
        jobs.submit(root, "tiny")
    assert jobs.list_jobs(root) == []


def test_a_later_process_of_the_same_number_is_not_the_worker(root: Path, run: Run) -> None:
    job = job_rows.insert(root, run.name, ["data"], force=False)
    job_rows.set_process(root, job, os.getpid(), psutil.Process().create_time() - 1000)
    assert jobs.find(root, job).state == "failed"
    jobs.cancel(root, job)  # must not send a signal to the tests' own process


def claim(root: Path, job: int) -> None:
    """Let the tests' own process be the one behind a job."""
    assert job_rows.claim(root, job, os.getpid(), psutil.Process().create_time())


def test_what_a_worker_says_of_a_cancelled_job_is_not_noted(root: Path, run: Run) -> None:
    job = job_rows.insert(root, run.name, ["data", "base"], force=False)
    now = job_rows.StageProgress(stage="base", state="running", done=3, total=9, seconds=1.0)
    assert not job_rows.write_progress(root, job, now), "it still waits"
    claim(root, job)
    assert job_rows.write_progress(root, job, now)
    job_rows.end(root, job, "cancelled")
    before = job_rows.find(root, job).progress
    assert [line.state for line in before] == ["waiting", "cancelled"]
    later = job_rows.StageProgress(stage="base", state="running", done=4, total=9, seconds=2.0)
    assert not job_rows.write_progress(root, job, later)
    assert job_rows.find(root, job).progress == before


def test_a_forced_job_does_not_repeat_what_it_has_finished(root: Path, run: Run) -> None:
    job = job_rows.insert(root, run.name, ["score", "identify"], force=True)
    done = job_rows.StageProgress(stage="score", state="finished", done=1, total=1, seconds=1.0)
    claim(root, job)
    assert job_rows.write_progress(root, job, done)
    job_rows.end(root, job, "failed", error="test")
    assert states(wait_until(root, jobs.resume(root, job).id, ended)) == {
        "data": "skipped",
        "base": "skipped",
        "select": "skipped",
        "enhance": "skipped",
        "score": "skipped",
        "identify": "finished",
    }


def test_a_damaged_database_is_named(root: Path, run: Run) -> None:
    (root / ".bir.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(InputError, match=r"\.bir\.db cannot be read or written .*move it away"):
        jobs.submit(root, run.name)
    (root / ".bir.db").unlink()
    assert jobs.list_jobs(root) == []


def test_a_database_by_url_keeps_folders_apart(
    root: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIR_DATABASE_URL", f"sqlite:///{tmp_path / 'team.db'}")
    job = job_rows.insert(root, run.name, ["data"], force=False)
    assert jobs.find(root, job).state == "queued"
    assert jobs.list_jobs(tmp_path / "elsewhere") == []
    assert not (root / ".bir.db").exists()
    with sqlite3.connect(tmp_path / "team.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
