"""The process behind one job: wait for its turn, compute its stages, note progress, end with one clear sentence.

Nothing imports torch before the job's turn has come, so that waiting costs next to nothing.
"""

import os
import signal
import time
import traceback
from pathlib import Path

from bir_core import job_rows, jobs, run_folder
from bir_core.data.import_request import ImportRequest
from bir_core.errors import InputError, StageFailed
from bir_core.flow import StageEvent
from bir_core.job_rows import IMPORT, SET, StageProgress, StageState

NICENESS = 10
WAIT_SECONDS = 0.5
PROGRESS_SECONDS = 0.2
"""Progress is written at most this often, and whenever a stage starts or ends."""

_STATES: dict[str, StageState] = {
    "skipped": "skipped",
    "started": "running",
    "working": "running",
    "finished": "finished",
}


class Cancelled(Exception):
    """Somebody has ended the job while it ran."""


def work(root: Path, job: int) -> int:
    """Compute a job that ``jobs.submit`` has queued; called in a process of its own.

    Returns:
        the process's exit code: 0 when the job is finished, 1 when it failed or was cancelled.

    Raises:
        InputError: there is no such job.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICENESS)
    job_rows.find(root, job)
    if not _wait_for_turn(root, job):
        _log(f"job {job} does not wait any more: nothing to do")
        return 1
    try:
        _compute(root, job)
    except Cancelled:
        return 1
    except (InputError, StageFailed) as error:
        return _fail(root, job, str(error))
    except Exception as error:
        print(_without_home(traceback.format_exc()), end="", flush=True)
        return _fail(root, job, f"unexpected {type(error).__name__} ({_one_line(error)}): see the log of job {job}")
    job_rows.end(root, job, "finished", only=("running",))
    _log("finished")
    return 0


def _wait_for_turn(root: Path, job: int) -> bool:
    """True when the job is this process's to compute; False when it was ended while it waited."""
    pid = os.getpid()
    created = jobs.process_created(pid) or 0.0
    while not job_rows.claim(root, job, pid, created):
        if job_rows.find(root, job).state != "queued":
            return False
        time.sleep(WAIT_SECONDS)
        jobs.bury_the_dead(root)
    return True


def _compute(root: Path, job: int) -> None:
    row = job_rows.find(root, job)
    waiting = [line.stage for line in row.progress if line.state == "waiting"]
    _log(f"job {job}: run {row.run}, stages {', '.join(waiting)}{', forced' if row.force else ''}")
    reporter = _Reporter(root, job)
    if row.run.startswith(SET):
        _import(jobs.import_request(root, job), reporter)
        return
    run = run_folder.open_run(root, row.run)
    from bir_core import pipeline  # torch, for which a waiting worker has no use

    pipeline.compute(run, waiting, force=row.force, watch=reporter)


def _import(request: ImportRequest, reporter: "_Reporter") -> None:
    from bir_core.data import importing  # readers and decoders, for which a run has no use

    began = time.monotonic()
    reporter(StageEvent(stage=IMPORT, state="started"))
    importing.import_images(
        request,
        progress=lambda now: reporter(StageEvent(stage=IMPORT, state="working", done=now.done, total=now.total)),
    )
    reporter(StageEvent(stage=IMPORT, state="finished", seconds=time.monotonic() - began))


class _Reporter:
    """Writes what it is told into the database and the log."""

    def __init__(self, root: Path, job: int) -> None:
        self._root = root
        self._job = job
        self._stage_started = 0.0
        self._written = 0.0
        self._total = 0

    def __call__(self, event: StageEvent) -> None:
        now = time.monotonic()
        if event.state == "started":
            self._stage_started = now
            self._total = 0
        self._total = event.total or self._total
        if event.state == "working" and now - self._written < PROGRESS_SECONDS:
            return
        self._written = now
        elapsed = event.seconds or (0.0 if event.state == "skipped" else now - self._stage_started)
        progress = StageProgress(
            stage=event.stage,
            state=_STATES[event.state],
            done=self._total if event.state == "finished" else event.done,
            total=self._total,
            seconds=elapsed,
        )
        if not job_rows.write_progress(self._root, self._job, progress):
            raise Cancelled
        if event.state != "working":
            _log(_line(event, elapsed))


def _line(event: StageEvent, seconds: float) -> str:
    if event.state == "started":
        return f"{event.stage}: {job_rows.title(event.stage)}"
    if event.state == "skipped":
        return f"{event.stage}: unchanged, kept"
    return f"{event.stage}: finished in {seconds:.1f} s"


def _fail(root: Path, job: int, sentence: str) -> int:
    said = _without_home(sentence)
    job_rows.end(root, job, "failed", error=said, only=("running",))
    _log(f"failed: {said}")
    return 1


def _without_home(text: str) -> str:
    """Logs are read in the browser, where the account that the server runs under is nobody's business."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def _log(line: str) -> None:
    print(f"{job_rows.now()} {line}", flush=True)
