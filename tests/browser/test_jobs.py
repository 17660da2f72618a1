"""The progress of a job in a real browser: it moves by itself, is stopped, dies, outlives its server, and gets done."""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from bir_core import job_rows, jobs, run_folder
from bir_core.config import RunConfig
from bir_core.jobs import Job
from bir_core.run_folder import Run
from tests.browser.server import Server, serve
from tests.browser.test_accessibility import grave
from tests.dashboard.conftest import wait_for_work, wait_until

SOON = 15_000
HIDE = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
HIDE += " document.dispatchEvent(new Event('visibilitychange')); }"


@pytest.fixture
def server(standing: tuple[Path, Server]) -> Server:
    return standing[1]


@pytest.fixture
def endless(root: Path, tiny_config: RunConfig) -> Job:
    """A job that works on its base model and would not end by itself."""
    base = tiny_config.base.model_copy(update={"memorised_epochs": 1_000_000})
    run_folder.create(root, tiny_config.model_copy(update={"name": "endless", "base": base}))
    return wait_for_work(root, jobs.submit(root, "endless").id)


def open_job(page: Page, server: Server, view: str = "") -> Locator:
    page.goto(f"{server.url}/{view}")
    job = page.locator(".job")
    expect(job.get_by_role("heading", name="Train the base model ...")).to_be_visible(timeout=SOON)
    return job


def kill(job: Job) -> None:
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)


def base_bar(job: Locator) -> Locator:
    return job.get_by_role("progressbar", name="Train the base model", exact=True)


def text_changes(place: Locator) -> None:
    expect(place).not_to_have_text(place.inner_text(), timeout=SOON)


def watch_reruns(page: Page) -> list[int]:
    """Fills with the sizes of the messages that the page sends to Streamlit from now on."""
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame))))
    return sent


def watch_asks(page: Page) -> list[str]:
    asks: list[str] = []
    page.on("request", lambda request: asks.append(request.url) if request.url.endswith("/api/jobs") else None)
    return asks


def milliseconds_until_shown(page: Page, text: str, act: Callable[[], None]) -> float:
    began = time.monotonic()
    act()
    expect(page.get_by_text(text).first).to_be_visible(timeout=SOON)
    return 1000 * (time.monotonic() - began)


@pytest.mark.parametrize("view", ["", "scores", "jobs"])
def test_progress_moves_and_streamlit_is_left_alone(
    page: Page, server: Server, endless: Job, faults: list[str], view: str
) -> None:
    assert endless.state == "running"
    sent = watch_reruns(page)
    job = open_job(page, server, view)
    expect(base_bar(job)).to_have_attribute("aria-valuetext", re.compile("^running, "))
    expect(job.get_by_role("progressbar")).to_have_count(11)
    text_changes(job.locator(".text"))
    before = len(sent)
    for _ in range(2):
        text_changes(job.locator("li.running .amount"))
        text_changes(job.locator(".text"))
    assert len(sent) == before
    assert grave(page) == []
    assert faults == []


def test_only_the_stage_is_announced(page: Page, server: Server, endless: Job) -> None:
    assert endless.state == "running"
    job = open_job(page, server)
    status = job.get_by_role("status")
    status.evaluate(
        """node => new MutationObserver(() => { node.dataset.changes = Number(node.dataset.changes ?? 0) + 1; })
            .observe(node, { childList: true, characterData: true, subtree: true })"""
    )
    for _ in range(2):
        text_changes(job.locator(".text"))
    expect(status).to_have_text("Train the base model ...")
    assert status.get_attribute("data-changes") is None


def test_a_hidden_tab_does_not_ask(page: Page, server: Server, endless: Job) -> None:
    assert endless.state == "running"
    asks = watch_asks(page)
    job = open_job(page, server)
    text_changes(job.locator(".text"))
    page.evaluate(HIDE, True)
    page.wait_for_timeout(1500)
    before = len(asks)
    page.wait_for_timeout(2500)
    assert len(asks) == before
    page.evaluate(HIDE, False)
    text_changes(job.locator(".text"))


@pytest.mark.parametrize("view", ["", "jobs"])
def test_cancel_is_shown_and_resume_goes_on(
    page: Page, server: Server, root: Path, endless: Job, *, faults: list[str], view: str
) -> None:
    job = open_job(page, server, view)
    cancel = job.get_by_role("button", name="Cancel")
    shown = milliseconds_until_shown(page, "The job was cancelled", cancel.click)
    assert shown < 5000, "1,500 on a quiet machine"
    assert jobs.find(root, endless.id).state == "cancelled"
    expect(cancel).to_be_hidden()
    if view == "":
        expect(page.locator(".job li.cancelled .amount")).to_have_text("cancelled")
    page.get_by_role("button", name="Resume").click()
    expect(cancel).to_be_enabled(timeout=SOON)
    expect(page.locator(".job li.running")).to_be_visible(timeout=SOON)
    assert jobs.find(root, endless.id).state == "running"
    assert faults == []


def test_a_killed_worker_is_shown_by_one_redraw(page: Page, server: Server, endless: Job, faults: list[str]) -> None:
    sent, asks = watch_reruns(page), watch_asks(page)
    job = open_job(page, server)
    text_changes(job.locator(".text"))
    before = len(sent)
    assert milliseconds_until_shown(page, "was killed or crashed", lambda: kill(endless)) < 6000, "2,500 when quiet"
    expect(page.locator(".job li.failed .amount")).to_have_text("failed")
    last = len(asks)
    page.wait_for_timeout(4000)
    assert len(sent) == before + 1
    assert len(asks) == last, "an ended job is not asked about"
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert grave(page) == []
    assert faults == []


def test_a_stage_that_never_comes_does_not_redraw_the_page_over_and_over(
    page: Page, server: Server, root: Path, endless: Job
) -> None:
    """The page waits for the scores; the row says that they are there, the folder that they are not."""
    sent = watch_reruns(page)
    job = open_job(page, server, "scores")
    text_changes(job.locator(".text"))
    before = len(sent)
    lie = job_rows.StageProgress(stage="score", state="finished", done=1, total=1, seconds=1.0)
    job_rows.write_progress(root, endless.id, lie)
    expect(job.locator("li.finished")).to_have_count(2, timeout=SOON)
    page.wait_for_timeout(10_000)
    assert 1 <= len(sent) - before <= 2
    expect(job.get_by_role("button", name="Cancel")).to_be_enabled()


def test_a_restart_of_the_server_is_survived(page: Page, root: Path, tmp_path: Path, endless: Job) -> None:
    with serve(root, tmp_path / "first.log") as server:
        job = open_job(page, server)
        server.process.kill()
        server.process.wait()
        expect(job.locator(".note")).to_have_text("The server cannot be reached now.", timeout=SOON)
    assert jobs.find(root, endless.id).state == "running"
    with serve(root, tmp_path / "second.log", port=server.port):
        expect(job.locator(".note")).to_be_hidden(timeout=30_000)
        text_changes(job.locator(".text"))
        text_changes(job.locator("li.running .amount"))
        job.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("The job was cancelled")).to_be_visible(timeout=SOON)


def test_the_page_moves_on_when_the_job_is_finished(
    page: Page, server: Server, root: Path, tiny_config: RunConfig, faults: list[str]
) -> None:
    run_folder.create(root, tiny_config)
    jobs.submit(root, tiny_config.name)
    page.goto(server.url)
    expect(page.locator(".job .steps li")).to_have_count(11, timeout=SOON)
    expect(page.get_by_text("Where to go next")).to_be_visible(timeout=120_000)
    expect(page.locator(".job")).to_have_count(0)
    assert faults == []


def test_the_page_moves_on_when_the_stage_that_it_needs_is_there(
    page: Page, server: Server, root: Path, tiny_config: RunConfig, faults: list[str]
) -> None:
    repair = tiny_config.repair.model_copy(update={"max_epochs": 10**7, "patience": 10**7})
    run_folder.create(root, tiny_config.model_copy(update={"repair": repair}))
    job = jobs.submit(root, tiny_config.name)
    page.goto(f"{server.url}/scores")
    expect(page.locator(".job .steps li")).to_have_count(11, timeout=SOON)
    expect(page.locator(".histogram path").first).to_be_visible(timeout=120_000)
    assert jobs.find(root, job.id).state == "running"
    expect(page.locator(".job")).to_have_count(0)
    assert faults == []


def test_a_job_that_somebody_else_starts_comes_into_the_list(
    page: Page, server: Server, root: Path, endless: Job, tiny_run: Run
) -> None:
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    open_job(page, server, "jobs")
    other = jobs.submit(root, tiny_run.name)
    expect(page.locator(".job")).to_have_count(2, timeout=SOON)
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    kill(endless)
    expect(page.locator(".stMarkdownBadge").filter(has_text="failed")).to_have_count(1, timeout=SOON)
    expect(page.locator(".stMarkdownBadge").filter(has_text="finished")).to_have_count(1, timeout=60_000)
    expect(page.get_by_role("heading", name="Now")).to_be_hidden()
    wait_until(lambda: jobs.find(root, other.id), lambda job: job.state == "finished")
