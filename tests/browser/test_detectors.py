"""Two detectors in a real browser: picked by the mouse, kept in the address, and what only one finds in the gallery."""

import re
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from bir_core import pipeline, run_folder, storage
from bir_core.run_folder import Run
from tests.browser.screenshots import settle
from tests.browser.server import Server, serve
from tests.browser.test_accessibility import grave

TOP = 30


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Run) -> Run:
    root = tmp_path_factory.mktemp("detectors") / "runs"
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    found = run_folder.open_run(root, tiny_run.name)
    pipeline.compute(found, ["detect-margin"])
    return found


@pytest.fixture(scope="module")
def server(run: Run) -> Iterator[Server]:
    with serve(run.path.parent, run.path.parent.parent / "server.log") as started:
        yield started


def pick(page: Page, label: str, title: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=title, exact=True).click()


def only_margin(run: Run) -> list[str]:
    """What the margin has in its top K and the base model's loss has not, the most suspect first."""
    first = np.argsort(-storage.load_detector_scores(run.path / "detect-margin"), kind="stable")[:TOP]
    second = np.argsort(-storage.load_scores(run.path / "score").loss_before, kind="stable")[:TOP]
    return [str(sample) for sample in first.tolist() if sample not in second]


def test_two_detectors_are_picked_and_what_only_one_finds_is_opened(
    page: Page, server: Server, run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/scores?k={TOP}")
    page.get_by_role("radio", name="Two detectors").click()
    pick(page, "First", "Training margin (AUM)")
    pick(page, "Second", "Loss under the base model")
    expected = only_margin(run)
    link = page.get_by_role("link", name=f"Open the {len(expected)} that only Training margin (AUM) finds")
    expect(link).to_be_visible()
    expect(page).to_have_url(re.compile(r"first=Training"))
    expect(page).to_have_url(re.compile(r"second=Loss"))
    assert grave(page) == []
    link.click()
    expect(page.locator(".summary")).to_contain_text(f"{len(expected)} suspects")
    expect(page.locator(".tile[data-sample]")).to_have_count(len(expected))
    shown = page.locator(".tile").evaluate_all("tiles => tiles.map((tile) => tile.dataset.sample)")
    assert shown == expected
    page.get_by_role("link", name="Scores").click()
    page.get_by_role("radio", name="Two detectors").click()
    expect(link).to_be_visible()
    assert faults == []


def test_another_detectors_line_is_dragged_and_the_runs_own_stays(
    page: Page, server: Server, run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/scores")
    own = page.get_by_role("slider").get_attribute("aria-valuenow")
    pick(page, "Detector", "Training margin (AUM)")
    expect(page.get_by_text("For comparison only")).to_be_visible()
    line = page.get_by_role("slider")
    expect(line).to_have_attribute("aria-valuenow", "0")
    scores = storage.load_detector_scores(run.path / "detect-margin")
    expect(page.locator(".histogram .label")).to_contain_text(f"{int((scores > 0).sum())} samples above")
    line.focus()
    page.keyboard.press("Home")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(len(scores)))
    expect(page).to_have_url(re.compile(r"t_margin="))
    assert grave(page) == []
    pick(page, "Detector", "BIR")
    expect(page.locator(".histogram .label")).to_contain_text("suspects")
    expect(line).to_have_attribute("aria-valuenow", own or "")
    settle(page)
    assert faults == []


def test_a_stretch_of_another_detectors_scores_is_counted_and_not_linked(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/scores?detector=Training+margin+(AUM)")
    expect(page.get_by_text("For comparison only")).to_be_visible()
    frame = page.locator(".histogram svg").bounding_box()
    assert frame is not None
    y = frame["y"] + frame["height"] / 2
    page.mouse.move(frame["x"] + frame["width"] * 0.15, y)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.6, y, steps=5)
    page.mouse.up()
    said = page.locator(".histogram .said")
    expect(said).to_contain_text("samples with scores above")
    assert int(said.inner_text().split()[0]) > 0
    expect(said.get_by_role("link")).to_have_count(0)


def test_the_offer_says_what_it_costs(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(f"{server.url}/scores")
    page.get_by_role("button", name="More").click()
    pick(page, "Compute the scores of", "Deep k-NN")
    expect(page.get_by_text("Cost: features of the base model.")).to_be_visible()
    assert grave(page) == []
    assert faults == []
