"""Jobs as rows: every query on the database of jobs. ``jobs`` and ``worker`` are the processes behind the rows."""

import datetime
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from bir_core import database, flow
from bir_core.database import JOBS, PROGRESS
from bir_core.errors import JobNotFound, RunBusy

JobState = Literal["queued", "running", "finished", "failed", "cancelled"]
StageState = Literal["waiting", "running", "skipped", "finished", "failed", "cancelled"]

IMPORT = "import"
"""The one stage of a job that imports an image set; the job's run is then ``SET`` and the set's name."""
SET = "set:"

ACTIVE: tuple[JobState, ...] = ("queued", "running")
ENDED: tuple[JobState, ...] = ("finished", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class StageProgress:
    """How far one stage of a job is: ``done`` of ``total`` in units of the stage's own choosing, and for how long."""

    stage: str
    state: StageState
    done: int
    total: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Job:
    """One computation of a run, or one import, in a process of its own.

    Times are ISO 8601 in UTC, ``error`` is one sentence.
    ``process_created`` (seconds since the epoch) tells its process from a later one of the same number.
    """

    id: int
    run: str
    stages: tuple[str, ...]
    force: bool
    state: JobState
    created: str
    started: str | None
    finished: str | None
    pid: int | None
    process_created: float | None
    error: str | None
    progress: tuple[StageProgress, ...]


# ---------------------------------------------------------------- the life of a job


def insert(root: Path, run: str, stages: Sequence[str], *, force: bool) -> int:
    """A new queued job; its number.

    Raises:
        RunBusy: the run has a queued or running job.
    """
    values = {
        "root": str(root),
        "run": run,
        "stages": json.dumps(list(stages)),
        "force": force,
        "state": "queued",
        "created": now(),
    }
    with _refusing(run), database.begin(root) as connection:
        job = connection.execute(sa.insert(JOBS).values(values)).inserted_primary_key
        assert job is not None  # noqa: S101 - for mypy: an insert of one row always has a key
        connection.execute(sa.insert(PROGRESS), [_waiting(job[0], stage) for stage in stages])
    return int(job[0])


def requeue(root: Path, job: int, run: str, keep: Sequence[str]) -> bool:
    """Put a failed or cancelled job back into the queue, all its stages waiting but those to ``keep``.

    Raises:
        RunBusy: the run has another queued or running job.
    """
    fresh = {"state": "queued", "started": None, "finished": None, "pid": None, "process_created": None, "error": None}
    waiting = {"state": "waiting", "done": 0, "total": 0, "seconds": 0.0, "started": None}
    with _refusing(run), database.begin(root) as connection:
        ended = (JOBS.c.id == job) & JOBS.c.state.in_(("failed", "cancelled"))
        if not connection.execute(sa.update(JOBS).where(ended).values({**fresh, "created": now()})).rowcount:
            return False
        others = (PROGRESS.c.job == job) & PROGRESS.c.stage.not_in(keep)
        connection.execute(sa.update(PROGRESS).where(others).values(waiting))
    return True


def set_process(root: Path, job: int, pid: int, process_created: float) -> None:
    """Note which process waits for the turn of a queued job."""
    with database.begin(root) as connection:
        queued = (JOBS.c.id == job) & (JOBS.c.state == "queued")
        connection.execute(sa.update(JOBS).where(queued).values(pid=pid, process_created=process_created))


def claim(root: Path, job: int, pid: int, process_created: float) -> bool:
    """Turn a queued job into the running one, if none runs and none has waited longer."""
    other = JOBS.alias()
    ahead = sa.exists().where(
        other.c.root == str(root),
        (other.c.state == "running") | ((other.c.state == "queued") & (other.c.id < job)),
    )
    mine = (JOBS.c.id == job) & (JOBS.c.state == "queued") & ~ahead
    values = {"state": "running", "started": now(), "pid": pid, "process_created": process_created}
    try:
        with database.begin(root) as connection:
            return connection.execute(sa.update(JOBS).where(mine).values(values)).rowcount == 1
    except sa.exc.IntegrityError:
        return False


def end(
    root: Path,
    job: int,
    state: JobState,
    *,
    error: str | None = None,
    only: Sequence[JobState] = ACTIVE,
    pid: int | None = None,
) -> bool:
    """Give an active job its last state; False when somebody else has ended it before.

    Args:
        root: the folder of runs.
        job: its number.
        state: "finished", "failed" or "cancelled".
        error: why it failed, one sentence.
        only: the states from which it may come.
        pid: only when this process is behind it.
    """
    condition = (JOBS.c.id == job) & JOBS.c.state.in_(only)
    if pid is not None:
        condition &= JOBS.c.pid == pid
    with database.begin(root) as connection:
        ended = connection.execute(
            sa.update(JOBS).where(condition).values(state=state, finished=now(), error=error)
        ).rowcount
        if ended and state != "finished":
            running = (PROGRESS.c.job == job) & (PROGRESS.c.state == "running")
            seconds = sa.func.coalesce(time.time() - PROGRESS.c.started, 0.0)
            connection.execute(sa.update(PROGRESS).where(running).values(state=state, seconds=seconds))
    return bool(ended)


def write_progress(root: Path, job: int, progress: StageProgress) -> bool:
    """Note how far a stage is; False, and nothing noted, when the job does not run any more: somebody cancelled it."""
    values: dict[str, Any] = {"state": progress.state, "done": progress.done, "total": progress.total}
    values |= {"seconds": progress.seconds}
    if progress.state == "running":
        values["started"] = time.time() - progress.seconds
    here = (PROGRESS.c.job == job) & (PROGRESS.c.stage == progress.stage)
    runs = (JOBS.c.id == job) & (JOBS.c.state == "running")
    with database.begin(root) as connection:
        # The write comes first, and asks for itself: what SQLite reads before it could have changed by then.
        written = connection.execute(sa.update(PROGRESS).where(here, sa.exists().where(runs)).values(values)).rowcount
        if connection.execute(sa.select(JOBS.c.id).where(runs)).first() is None:
            return False
        if not written:
            connection.execute(sa.insert(PROGRESS).values(job=job, stage=progress.stage, **values))
    return True


# ---------------------------------------------------------------- questions


def find(root: Path, job: int) -> Job:
    """The job of that number.

    Raises:
        JobNotFound: there is none in this folder of runs.
    """
    found = _select(root, JOBS.c.id == job)
    if not found:
        raise JobNotFound(f"no job {job} in {root}: 'jobs' lists those that there are")
    return found[0]


def latest(root: Path, run: str) -> Job | None:
    """The newest job of a run."""
    found = _select(root, JOBS.c.run == run, limit=1)
    return found[0] if found else None


def every(root: Path) -> list[Job]:
    """All jobs of a folder of runs, newest first."""
    return _select(root, sa.true())


def active(root: Path) -> list[Job]:
    """The jobs that wait or run, newest first."""
    return _select(root, JOBS.c.state.in_(ACTIVE))


def _select(root: Path, condition: sa.ColumnElement[bool], limit: int | None = None) -> list[Job]:
    if not database.exists(root):
        return []
    query = sa.select(JOBS).where(JOBS.c.root == str(root), condition).order_by(JOBS.c.id.desc()).limit(limit)
    with database.begin(root) as connection:
        rows = connection.execute(query).mappings().all()
        ids = [row["id"] for row in rows]
        lines = connection.execute(sa.select(PROGRESS).where(PROGRESS.c.job.in_(ids))).mappings().all()
    return [_job(row, [line for line in lines if line["job"] == row["id"]]) for row in rows]


def _job(row: sa.RowMapping, lines: Sequence[sa.RowMapping]) -> Job:
    ordered = sorted(lines, key=lambda line: (*flow.EVERY_NAME, IMPORT).index(line["stage"]))
    return Job(
        **{name: row[name] for name in _AS_THEY_ARE},
        force=bool(row["force"]),
        stages=tuple(json.loads(row["stages"])),
        progress=tuple(_stage_progress(line) for line in ordered),
    )


_AS_THEY_ARE = ("id", "run", "state", "created", "started", "finished", "pid", "process_created", "error")


def _stage_progress(line: sa.RowMapping) -> StageProgress:
    """A running stage's seconds go on between two of its reports."""
    running = line["state"] == "running" and line["started"] is not None
    return StageProgress(
        stage=line["stage"],
        state=line["state"],
        done=line["done"],
        total=line["total"],
        seconds=max(0.0, time.time() - line["started"]) if running else line["seconds"],
    )


def _waiting(job: int, stage: str) -> dict[str, Any]:
    return {"job": job, "stage": stage, "state": "waiting", "done": 0, "total": 0, "seconds": 0.0}


def title(stage: str) -> str:
    """What a person reads while a stage works."""
    return "Import the images" if stage == IMPORT else flow.find(stage).title


def now() -> str:
    """This moment, ISO 8601 in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextmanager
def _refusing(run: str) -> Iterator[None]:
    try:
        yield
    except sa.exc.IntegrityError:
        subject = f"image set {run.removeprefix(SET)!r}" if run.startswith(SET) else f"run {run!r}"
        raise RunBusy(f"{subject} has a job that waits or runs: wait for it, or cancel it") from None
