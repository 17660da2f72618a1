"""The whole story in a real browser: from the empty start page to the repaired accuracies, without a console error."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from bir_core import run_folder, storage
from tests.browser.server import Server, serve

DEMO = "demo-label-lenet-memorised-seed0"
LONG = 600_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path / "runs", tmp_path / "server.log") as started:
        yield started


def visit(page: Page, view: str) -> None:
    """Follow the navigation at the top."""
    page.get_by_test_id("stTopNavLink").filter(has_text=view).click()
    expect(page.get_by_role("heading", name=view, exact=True)).to_be_visible()


def metric(page: Page, label: str) -> str:
    labelled = page.get_by_test_id("stMetricLabel").filter(has_text=label)
    return page.get_by_test_id("stMetric").filter(has=labelled).get_by_test_id("stMetricValue").inner_text()


def badges(page: Page, state: str) -> Locator:
    return page.locator(".stMarkdownBadge").filter(has_text=state)


def spinbox(page: Page, label: str) -> str:
    return page.get_by_role("spinbutton", name=label).input_value()


@pytest.mark.timeout(1500)
def test_from_the_empty_page_to_the_repaired_model(
    page: Page, server: Server, faults: list[str], tmp_path: Path
) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Run the demo").click()
    expect(page.get_by_text("Train the base model ...")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    assert f"run={DEMO}" in page.url
    visit(page, "Jobs")
    expect(badges(page, "running")).to_have_count(1)
    visit(page, "Overview")

    # The view of the finished run comes by itself.
    expect(page.get_by_text("Where to go next")).to_be_visible(timeout=LONG)
    report = storage.load_report(run_folder.open_run(tmp_path / "runs", DEMO).path / "evaluate")
    look_at_overview(page, report)
    look_at_scores(page, report)
    look_at_suspects(page)
    repair_at_another_threshold(page, tmp_path / "runs")
    visit(page, "Jobs")
    expect(badges(page, "finished")).to_have_count(2)
    assert faults == []


def look_at_overview(page: Page, report: dict) -> None:
    base, repaired = report["models"]["base"], report["models"]["bir"]
    assert metric(page, "All test images") == f"{base['all']:.1f} → {repaired['all']:.1f} %"
    assert metric(page, "Noisy classes") == f"{base['noisy']:.1f} → {repaired['noisy']:.1f} %"
    assert repaired["noisy"] > base["noisy"] + 10
    expect(page.get_by_text(report["conclusion"])).to_be_visible()
    expect(page.locator(".js-plotly-plot .points path")).to_have_count(3 * len(report["models"]))


def look_at_scores(page: Page, report: dict) -> None:
    visit(page, "Scores")
    expect(page.locator(".histogram path")).to_have_count(2)
    assert metric(page, "Suspects") == str(report["identification"]["num_suspects"])
    assert metric(page, "AUC") == f"{report['identification']['auc']:.4f}"
    for landmark in report["identification"]["landmarks"]:
        name = f"{landmark['name']} (paper)" if landmark["name"] == "log 1.05" else landmark["name"]
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(landmark["num_suspects"]))
    before = spinbox(page, "Threshold (nats)")
    page.get_by_role("slider", name="Threshold (nats)").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("spinbutton", name="Threshold (nats)")).not_to_have_value(before)
    assert float(spinbox(page, "Threshold (nats)")) > float(before)
    top_k = page.get_by_role("spinbutton", name="Top K")
    top_k.fill("432")
    top_k.press("Enter")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("432")
    expect(page).to_have_url(re.compile(r"[?&]t="))


def look_at_suspects(page: Page) -> None:
    visit(page, "Suspects")
    expect(page.locator(".summary")).to_contain_text("432 suspects")
    expect(page.locator(".tile.focus .rank")).to_have_text("#1")
    page.locator(".tile.focus").click()
    page.keyboard.press("End")
    expect(page.locator(".tile.focus .rank")).to_have_text("#432")
    expect(page).to_have_url(re.compile(r"[?&]at=432(&|$)"))
    pictures_are_painted(page)
    link, last = page.url, page.locator(".tile.focus").get_attribute("aria-label")
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator(".tile.focus .rank")).to_have_text("#432")
    assert page.locator(".tile.focus").get_attribute("aria-label") == last, "a link shows the same sample"


def pictures_are_painted(page: Page) -> None:
    """Original, aligned and difference of the focused sample, in the details, are there and not of one colour.

    The first two are parts of a sheet in the background: what is seen of them is what a screenshot shows.
    """
    expect(page.locator(".detail > .figures figcaption").last).to_have_text(re.compile(r"^difference × \d+$"))
    numbers = [
        len(np.unique(np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L"))))
        for picture in page.locator(".detail > .figures .picture").all()
    ]
    assert len(numbers) == 3
    assert min(numbers) > 5, numbers


def repair_at_another_threshold(page: Page, runs: Path) -> None:
    visit(page, "Repair")
    expect(page.get_by_text("432 suspects at this threshold")).to_be_visible()
    page.get_by_role("button", name="Start the repair").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("kept from before").first).to_be_visible(timeout=60_000)
    onwards = page.get_by_role("link", name="Compare the models class by class")
    expect(onwards).to_be_visible(timeout=LONG)
    made = next(name for name in run_folder.names(runs) if name.endswith("-repair"))
    report = storage.load_report(runs / made / "evaluate")
    assert report["identification"]["num_suspects"] == 432
    expect(page.get_by_text(report["conclusion"])).to_be_visible()
    assert f"{report['models']['bir']['noisy']:.1f}" in page.get_by_test_id("stTable").first.inner_text()
    onwards.click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Mistakes").click()
    expect(page.locator(".js-plotly-plot .hm")).to_have_count(3)


def test_cancel_is_seen_and_resume_goes_on(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Run the demo").click()
    expect(page.get_by_text("Train the base model ...")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The job was cancelled")).to_be_visible(timeout=10_000)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("kept from before").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("The job was cancelled")).to_be_visible(timeout=10_000)
    assert faults == []
