"""What goes wrong around a curator at work, in a real browser: killed server, lock, full disk, lost file, odd names."""

import os
import re
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from bir_core import run_folder, storage, verdicts
from bir_core.records import Splits
from bir_core.run_folder import Run
from tests.browser.screenshots import VIEWS, settle
from tests.browser.server import Server, serve
from tests.browser.test_gallery import everything_is_saved, open_gallery

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "w" * 10_000,
    "قطة صغيرة",
    "🐈‍⬛ cat 👩🏽‍🚀",
    "**bold** [link](javascript:window.hacked=1) $x^2$ :material/home:",
    "${'{'}alert`1`{'}'} %(x)s {0}",
    "=1+1",
    "a\u202egnp.exe",
    "../../etc/passwd",
)


def most_suspect(run: Run, count: int) -> list[int]:
    order: list[int] = np.argsort(-storage.load_scores(run.path / "score").score, kind="stable")[:count].tolist()
    return order


def test_server_killed_in_the_middle_of_a_burst(page: Page, run: Run, tmp_path: Path) -> None:
    with serve(run.path.parent, tmp_path / "first.log") as server:
        gallery = open_gallery(page, server)
        for press in range(40):
            page.keyboard.press("d")
            page.keyboard.press("ArrowRight")
            if press == 15:
                server.process.kill()
    expect(gallery).not_to_have_attribute("data-waiting", "0")
    with serve(run.path.parent, tmp_path / "second.log", port=server.port):
        everything_is_saved(gallery)
    entries = verdicts.entries(run)
    assert [entry.sample for entry in entries] == most_suspect(run, 40), "none lost, none twice, in order"
    assert len({entry.key for entry in entries}) == 40


def test_database_locked_for_ten_seconds(page: Page, server: Server, run: Run, faults: list[str]) -> None:
    gallery = open_gallery(page, server)
    page.keyboard.press("k")
    everything_is_saved(gallery)
    with _locked(run.path.parent / ".bir.db"):
        for _ in range(5):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("d")
        expect(page.locator(".tile[data-verdict='remove']")).to_have_count(5)
        page.wait_for_timeout(10_000)
        expect(gallery).to_have_attribute("data-waiting", "5")
    everything_is_saved(gallery)
    assert [entry.verdict for entry in verdicts.entries(run)] == ["keep", *["remove"] * 5]
    assert faults == []


def test_full_disk_keeps_the_verdicts_in_the_browser(page: Page, server: Server, run: Run) -> None:
    gallery = open_gallery(page, server)
    page.keyboard.press("k")
    everything_is_saved(gallery)
    with _no_room(server):
        for _ in range(3):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("d")
        expect(page.locator(".tile:focus .state")).to_have_text("not saved (will be sent again)", timeout=20_000)
        expect(gallery).to_have_attribute("data-waiting", "3")
    everything_is_saved(gallery)
    assert [entry.verdict for entry in verdicts.entries(run)] == ["keep", "remove", "remove", "remove"]


@pytest.mark.parametrize("harm", ["gone", "replaced", "cut"])
def test_image_file_is_not_the_one_of_the_run(page: Page, server: Server, run: Run, harm: str) -> None:
    open_gallery(page, server)
    images = run.path / "data" / "train_images.npy"
    if harm == "gone":
        images.unlink()
    elif harm == "replaced":
        images.write_bytes(b"something else")
    else:
        os.truncate(images, images.stat().st_size // 2)
    page.get_by_label("Reviewer").press("Enter")
    page.keyboard.press("End")
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="A result of this run is damaged")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="train_images.npy")).to_be_visible()
    expect(page.get_by_role("button", name="Compute it again")).to_be_visible()


def test_a_difference_that_does_not_come_is_words_and_no_broken_image(page: Page, server: Server) -> None:
    page.route("**/difference/**", lambda route: route.abort())
    open_gallery(page, server)
    figure = page.get_by_role("figure", name="difference: not reachable")
    expect(figure).to_be_visible()
    expect(figure.locator(".picture")).to_be_visible()
    expect(figure.locator("img")).to_have_count(0)


def test_run_deleted_while_it_is_open(page: Page, server: Server, run: Run) -> None:
    open_gallery(page, server)
    run_folder.delete(run.path.parent, run.name)
    page.keyboard.press("d")
    expect(page.get_by_role("status").filter(has_text="There is no run named 'tiny'")).to_be_visible()
    page.reload()
    expect(page.get_by_text("There is no run named 'tiny' here")).to_be_visible()
    for view in VIEWS:
        page.goto(f"{server.url}/{'' if view == 'overview' else view}?run=tiny")
        settle(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)


def test_page_that_does_not_exist(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/nowhere")
    expect(page.get_by_text("Page not found")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()


def test_back_and_forward(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(f"{server.url}/scores?t=0.5")
    # A page that is left before it has read its link cannot hand on what stands there.
    expect(page.locator(".histogram .knob")).to_be_visible()
    for view in ("Suspects", "Repair"):
        page.get_by_test_id("stTopNavLink").filter(has_text=view).click()
        expect(page.get_by_role("heading", name=view, exact=True)).to_be_visible()
        expect(page).to_have_url(re.compile(r"[?&]t=0\.5(&|$)"))
        settle(page)
    for move, view in ((page.go_back, "Suspects"), (page.go_back, "Scores"), (page.go_forward, "Suspects")):
        move()
        expect(page.get_by_role("heading", name=view, exact=True)).to_be_visible()
        expect(page).to_have_url(re.compile(rf"/{view.lower()}\?.*run=tiny"))
        expect(page).to_have_url(re.compile(r"[?&]t=0\.5(&|$)"))
        # Streamlit's answer to a step still on its way when the next is taken would push its page once more.
        settle(page)
    assert faults == []


@pytest.fixture
def hostile(run: Run) -> Run:
    """The run with class names that nobody would choose in good faith."""

    def write(folder: Path) -> None:
        data = storage.load_splits(run.path / "data")
        parts = {name: getattr(data, name) for name in storage.PARTS}
        storage.save_splits(folder, Splits(**parts, class_names=HOSTILE))
        storage.save_truth(folder, storage.load_truth(run.path / "data"))

    run_folder.save_stage(run, "data", write, seconds=0, peak_memory_mb=0, device="cpu")
    report = storage.load_report(run.path / "evaluate")
    report["data"]["class_names"] = list(HOSTILE)
    evaluated = {path.name: path.read_bytes() for path in (run.path / "evaluate").iterdir()}

    def rewrite(folder: Path) -> None:
        for name in evaluated.keys() - {"stage.json", "report.json"}:
            (folder / name).write_bytes(evaluated[name])
        storage.save_report(folder, report)

    run_folder.save_stage(run, "evaluate", rewrite, seconds=0, peak_memory_mb=0, device="cpu")
    return run


@pytest.mark.parametrize("view", VIEWS)
def test_hostile_class_names_are_text(page: Page, hostile: Run, server: Server, view: str, faults: list[str]) -> None:
    page.goto(f"{server.url}/{'' if view == 'overview' else view}?run={hostile.name}")
    settle(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.evaluate("window.hacked") is None
    overflow = page.evaluate(
        "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('[data-testid=stMain]'))"
    )
    assert overflow <= 0, "the page must not scroll sideways"
    assert faults == []


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Another process's write lock, as sqlite sees it: connections do not share theirs."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def _no_room(server: Server) -> Iterator[None]:
    """No file of the server may grow: what a full disk does to it, without one."""
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
