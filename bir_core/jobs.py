"""Long work as a child process of the same command line: start, look, cancel, notice a crash, resume. No torch here.

The state of a job is a row in a database (``job_rows``), so it survives a page refresh and a restart of the server.
The process behind it (``worker``) leads a process group of its own and writes its log to ``RUNS/.jobs/ID.log``.
All processes that share a folder of runs are taken to be on one machine.
"""

import contextlib
import datetime
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

from bir_core import durable, flow, job_rows, run_folder
from bir_core.data.import_request import ImportRequest
from bir_core.errors import InputError
from bir_core.job_rows import ACTIVE, IMPORT, SET, Job, StageProgress

__all__ = [
    "ACTIVE",
    "Job",
    "StageProgress",
    "active",
    "cancel",
    "find",
    "latest",
    "list_jobs",
    "log_tail",
    "resume",
    "submit",
    "submit_import",
]

COMMAND: tuple[str, ...] = (sys.executable, "-m", "bir_core", "work")
START_SECONDS = 30.0
"""A queued job without a process for longer than this was left by a process that died while it started it."""

TERM_SECONDS = 1.0
"""How long a worker may take to go after SIGTERM before it gets SIGKILL."""

_LOG_TAIL_BYTES = 1 << 16
_children: dict[int, subprocess.Popen[bytes]] = {}
_reaping = threading.Lock()


def submit(root: Path, run_name: str, stages: Sequence[str] = flow.NAMES, force: bool = False) -> Job:
    """Start a child process that computes stages of a run; it waits while another job runs in this folder of runs.

    Args:
        root: the folder of runs.
        run_name: the run.
        stages: names of stages; those that they need and that are stale come first.
        force: compute the named stages even if nothing has changed.

    Raises:
        RunNotFound, RunDamaged: there is no such run.
        InputError: unknown stage, or the folder cannot be written.
        RunBusy: the run has a queued or running job, or another process computes it.
    """
    run = run_folder.open_run(root, run_name)
    names = [flow.find(stage).name for stage in stages]
    bury_the_dead(root)
    with run_folder.lock(run.path):
        job = job_rows.insert(root, run_name, [name for name in flow.EVERY_NAME if name in names], force=force)
    _start(root, job)
    return find(root, job)


def submit_import(root: Path, request: ImportRequest) -> Job:
    """Start a child process that imports an image set; it waits while another job runs in this folder of runs.

    Raises:
        InputError: the folder cannot be written.
        RunBusy: the set has a queued or running job.
    """
    bury_the_dead(root)
    job = job_rows.insert(root, f"{SET}{request.name}", [IMPORT], force=False)
    path = request_path(root, job)
    try:
        path.parent.mkdir(exist_ok=True)
        with durable.whole_file(path) as part:
            part.write_text(request.model_dump_json(indent=1), encoding="utf-8")
    except (OSError, InputError) as error:
        job_rows.end(root, job, "failed", error=str(error))
        raise InputError(str(error)) from None
    _start(root, job)
    return find(root, job)


def import_request(root: Path, job: int) -> ImportRequest:
    """What the import of that number is to import.

    Raises:
        InputError: nobody has written it down, or it was damaged.
    """
    path = request_path(root, job)
    try:
        return ImportRequest.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path}, which says what to import, is missing or damaged: import anew") from None


def request_path(root: Path, job: int) -> Path:
    """Where it is written what an import is to import."""
    return root / ".jobs" / f"{job}.json"


def resume(root: Path, job: int) -> Job:
    """Put a failed or cancelled job back into the queue; stages that were finished are kept.

    Raises:
        JobNotFound: there is no such job.
        InputError: it waits, runs or is finished.
        RunNotFound, RunDamaged: its run is gone.
        RunBusy: the run has another queued or running job, or another process computes it.
    """
    found = find(root, job)
    # An import locks its set itself, and keeps what was read of it.
    held: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if not found.run.startswith(SET):
        held = run_folder.lock(run_folder.open_run(root, found.run).path)
    # A forced stage that this job has finished must not be computed a second time; others are skipped when fresh.
    keep = [line.stage for line in found.progress if found.force and line.state == "finished"]
    with held:
        requeued = job_rows.requeue(root, job, found.run, keep)
    if not requeued:
        raise InputError(f"job {job} is {found.state}: only a failed or cancelled job can be resumed")
    _start(root, job)
    return find(root, job)


def cancel(root: Path, job: int) -> Job:
    """Stop a job and its process; one that has ended is left as it is. Returns within about a second.

    Raises:
        JobNotFound: there is no such job.
    """
    known = find(root, job)
    if job_rows.end(root, job, "cancelled"):
        _stop(known)
        _append(log_path(root, job), f"{job_rows.now()} cancelled; finished stages are kept")
    return find(root, job)


def find(root: Path, job: int) -> Job:
    """The job of that number.

    Raises:
        JobNotFound: there is none.
    """
    return next((found for found in active(root) if found.id == job), None) or job_rows.find(root, job)


def active(root: Path) -> list[Job]:
    """The jobs that wait or run, newest first; one whose process is gone is marked as failed and left out.

    Pages ask this every second, so it is one transaction.
    """
    _reap()
    found = job_rows.active(root)
    lost = [job for job in found if not _lives(job)]
    for job in lost:
        _bury(root, job)
    return [job for job in found if job not in lost]


def latest(root: Path, run_name: str) -> Job | None:
    """The newest job of a run."""
    bury_the_dead(root)
    return job_rows.latest(root, run_name)


def list_jobs(root: Path) -> list[Job]:
    """All jobs of a folder of runs, newest first."""
    bury_the_dead(root)
    return job_rows.every(root)


def log_path(root: Path, job: int) -> Path:
    """Where the worker of a job writes what it did and, after a crash, where."""
    return root / ".jobs" / f"{job}.log"


def log_tail(root: Path, job: int, lines: int = 40) -> str:
    """The last lines of a job's log; empty when there is none yet."""
    try:
        with log_path(root, job).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def bury_the_dead(root: Path) -> None:
    """Mark every job whose process is gone as failed, so that those behind it get their turn."""
    active(root)


def process_created(pid: int) -> float | None:
    """When a living process was created (seconds since the epoch); None when it is gone or a zombie."""
    try:
        process = psutil.Process(pid)
        # While other threads of a killed process are still ending, it holds its run's lock.
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) and process.num_threads() <= 1:
            return None
        return float(process.create_time())
    except psutil.Error:
        return None


# ---------------------------------------------------------------- processes


def _start(root: Path, job: int) -> None:
    """Start the worker of a queued job, or end the job with the reason why it could not be started."""
    log = log_path(root, job)
    try:
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own command line; a job's number and the server's own folder
                [*COMMAND, str(job), "--runs", str(root)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment(),
            )
    except OSError as error:
        sentence = f"the process of job {job} could not be started: {error}"
        job_rows.end(root, job, "failed", error=sentence)
        raise InputError(sentence) from None
    with _reaping:
        _children[child.pid] = child
    created = process_created(child.pid)
    if created is not None:
        job_rows.set_process(root, job, child.pid, created)


def environment() -> dict[str, str]:
    """The child finds this very package, from whatever folder the server was started."""
    home = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (home, os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _bury(root: Path, job: Job) -> None:
    if job_rows.end(root, job.id, "failed", error=_obituary(job), only=(job.state,), pid=job.pid):
        _append(log_path(root, job.id), f"{job_rows.now()} the process is gone")


def _reap() -> None:
    """Take leave of ended children, or they stay in the process table as zombies."""
    with _reaping:
        for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
            del _children[pid]


def _lives(job: Job) -> bool:
    if job.pid is None or job.process_created is None:
        age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(job.created)
        return age.total_seconds() < START_SECONDS
    created = process_created(job.pid)
    return created is not None and abs(created - job.process_created) < 2.0


def _obituary(job: Job) -> str:
    running = [line.stage for line in job.progress if line.state == "running"]
    where = f"in stage {running[0]!r} ({job_rows.title(running[0])})" if running else "before its first stage"
    return (
        f"process {job.pid} was killed or crashed {where}, perhaps for lack of memory: finished stages are kept, "
        "and Resume goes on from there"
    )


def _stop(job: Job) -> None:
    if job.pid is None or not _lives(job):
        return
    with contextlib.suppress(ProcessLookupError, psutil.Error):
        process = psutil.Process(job.pid)
        os.killpg(job.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs([process], timeout=TERM_SECONDS)
        if alive:
            os.killpg(job.pid, signal.SIGKILL)
            psutil.wait_procs([process], timeout=TERM_SECONDS)
    _reap()


def _append(path: Path, line: str) -> None:
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
