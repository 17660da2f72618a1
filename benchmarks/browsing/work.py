"""A job as its reader sees it: how soon its start, its cancelling and its crash are visible."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browsing import stopwatch
from benchmarks.browsing.stopwatch import Times
from bir_core import config as run_config
from bir_core import jobs, run_folder
from bir_core.jobs import Job
from bir_core.run_folder import Run

IS_SHOWN = "bench.button('Cancel')"


def measure(page: Page, url: str, root: Path, num: int) -> dict[str, Times]:
    """Milliseconds until the page says that a job works, was cancelled, or has crashed."""
    found: dict[str, list[float]] = {"start": [], "cancel": [], "crash": []}
    for turn in range(num + 1):
        with fresh_run(root) as run:
            started = _start(page, url, run)
            job = at_work(run)
            ended = _cancel(page) if turn % 2 else _crash(page, job)
        if turn:
            found["start"].append(started)
            found["cancel" if turn % 2 else "crash"].append(ended)
    return {name: Times(all=times) for name, times in found.items()}


@contextmanager
def fresh_run(root: Path) -> Iterator[Run]:
    """A run that takes a minute to compute; in the end it is gone, and its job with it."""
    config = run_config.demo("label", "lenet", "memorised", 0)
    run = run_folder.create(root, config.model_copy(update={"name": f"bench-{time.time_ns()}"}))
    try:
        yield run
    finally:
        job = jobs.latest(root, run.name)
        if job is not None and job.state in jobs.ACTIVE:
            jobs.cancel(root, job.id)
        run_folder.delete(root, run.name)


def at_work(run: Run) -> Job:
    """The job of a run, once its process is there and works on a stage."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        job = jobs.latest(run.path.parent, run.name)
        if job is not None and job.pid and any(step.state == "running" for step in job.progress):
            return job
        time.sleep(0.05)
    raise SystemExit("the job did not begin to work within 30 s")


def _start(page: Page, url: str, run: Run) -> float:
    page.goto(f"{url}/?run={run.name}")
    button = page.get_by_role("button", name="Compute this run")
    button.wait_for()
    stopwatch.settled(page)
    return stopwatch.after_event(page, "click", IS_SHOWN, button.click)


def _cancel(page: Page) -> float:
    button = page.get_by_role("button", name="Cancel")
    button.wait_for()
    start = time.monotonic()
    button.click()
    page.get_by_text("The job was cancelled").wait_for(timeout=20_000)
    return 1000 * (time.monotonic() - start)


def _crash(page: Page, job: Job) -> float:
    page.get_by_role("button", name="Cancel").wait_for()
    assert job.pid is not None
    start = time.monotonic()
    os.kill(job.pid, signal.SIGKILL)
    page.get_by_text("The job failed").wait_for(timeout=20_000)
    return 1000 * (time.monotonic() - start)
