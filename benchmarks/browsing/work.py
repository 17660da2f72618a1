"""A job as its reader sees it: how soon its start, its cancelling and its crash are visible."""

import os
import signal
import time
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browsing import stopwatch
from benchmarks.browsing.stopwatch import Times
from bir_core import config, jobs, run_folder
from bir_core.jobs import Job

NAME = "bench-job"
IS_SHOWN = "bench.button('Cancel')"


def measure(page: Page, url: str, root: Path, num: int) -> dict[str, Times]:
    """Milliseconds until the page says that a job works, was cancelled, or has crashed."""
    found: dict[str, list[float]] = {"start": [], "cancel": [], "crash": []}
    for turn in range(num + 1):
        started = _start(page, url, root)
        job = _at_work(root)
        ended = _cancel(page) if turn % 2 else _crash(page, job)
        if turn:
            found["start"].append(started)
            found["cancel" if turn % 2 else "crash"].append(ended)
        run_folder.delete(root, NAME)
    return {name: Times(all=times) for name, times in found.items()}


def _start(page: Page, url: str, root: Path) -> float:
    run_folder.create(root, config.demo("label", "lenet", "memorised", 0).model_copy(update={"name": NAME}))
    page.goto(f"{url}/?run={NAME}")
    button = page.get_by_role("button", name="Compute this run")
    button.wait_for()
    stopwatch.settled(page)
    return stopwatch.after_event(page, "click", IS_SHOWN, button.click)


def _at_work(root: Path) -> Job:
    """The job, once its process is there and works on a stage."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        job = jobs.latest(root, NAME)
        if job is not None and job.pid and any(step.state == "running" for step in job.progress):
            return job
        time.sleep(0.05)
    raise SystemExit("the job did not begin to work within 30 s")


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
