"""The page of one sample in a real browser: by its URL, a verdict by key, back and forward, and the gallery's panel."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from bir_core import storage, verdicts
from bir_core.run_folder import Run
from tests.browser.screenshots import settle
from tests.browser.server import Server


@pytest.fixture
def order(run: Run) -> list[int]:
    found: list[int] = np.argsort(-storage.load_scores(run.path / "score").score, kind="stable").tolist()
    return found


def number_is(page: Page, sample: int) -> None:
    expect(page.get_by_label("Sample", exact=True)).to_have_value(str(sample))


def test_open_decide_see_the_history_go_back_and_forward(
    page: Page, server: Server, run: Run, order: list[int], faults: list[str]
) -> None:
    address = f"{server.url}/sample?run={run.name}&t=-100&sample="
    page.goto(f"{address}{order[1]}")
    number_is(page, order[1])
    expect(page.get_by_text("Number 2 of the 180 suspects above -100")).to_be_visible()
    settle(page)
    page.get_by_label("Reviewer").fill("ann")
    page.get_by_label("Reviewer").press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_enabled()
    page.get_by_role("heading", name="Sample").click()
    page.keyboard.press("d")
    expect(page.locator(".bir-log time")).to_have_count(1)
    expect(page.locator(".bir-log").last).to_contain_text("remove")
    assert [(one.sample, one.verdict) for one in verdicts.entries(run)] == [(order[1], "remove")]
    page.keyboard.press("ArrowRight")
    number_is(page, order[2])
    assert f"sample={order[2]}" in page.url
    expect(page.get_by_text("Nobody has said anything about this sample yet.")).to_be_visible()
    page.get_by_role("button", name="Back to the gallery").click()
    expect(page.locator(".tile.focus")).to_have_attribute("data-sample", str(order[2]))
    assert "/suspects?" in page.url
    page.go_back()
    number_is(page, order[2])
    page.go_forward()
    expect(page.locator(".tile.focus")).to_have_attribute("data-sample", str(order[2]))
    assert faults == []


def test_small_images_are_crisp_and_large_enough(page: Page, server: Server, order: list[int]) -> None:
    page.goto(f"{server.url}/sample?sample={order[0]}")
    number_is(page, order[0])
    picture = page.locator("[data-testid=stImage] img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 224
    assert picture.evaluate("image => image.getBoundingClientRect().width") >= 150
    alike = page.locator(".bir-alike img").first
    assert alike.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    assert alike.evaluate("image => image.naturalWidth") == 28


def test_the_panel_of_the_gallery_shows_what_resembles_and_leads_to_the_page(
    page: Page, server: Server, run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/suspects?t=-100&given=7")
    panel = page.locator(".resembling")
    expect(panel).to_contain_text("energy")
    scores, train = storage.load_scores(run.path / "score"), storage.load_part(run.path / "data", "train")
    sample = next(one for one in np.argsort(-scores.score, kind="stable").tolist() if train.labels[one] == 7)
    aligned = storage.load_aligned(run.path / "align")
    row = int(np.searchsorted(aligned.indices, sample))
    expect(panel).to_contain_text(f"{aligned.energy_before[row]:.2f} → {aligned.energy_after[row]:.2f}")
    kinds = 1 if scores.predictions[sample] == 7 else 2
    expect(panel.locator(".picture")).to_have_count(3 * kinds)
    panel.get_by_role("link", name="Open as a page").click()
    number_is(page, sample)
    expect(page.get_by_text("above -100, given 7")).to_be_visible()
    assert faults == []
