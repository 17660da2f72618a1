"""The histogram in a real browser: the line is dragged without the server, which hears where it rests."""

import re

import pytest
from playwright.sync_api import Page, expect

from bir_core import storage
from bir_core.run_folder import Run
from tests.browser.screenshots import settle
from tests.browser.server import Server


def suspects(run: Run, threshold: float) -> int:
    return int((storage.load_scores(run.path / "score").score > threshold).sum())


def threshold(page: Page) -> float:
    return float(page.get_by_role("slider").get_attribute("aria-valuenow") or "nan")


def test_the_line_is_dragged_here_and_the_server_hears_where_it_rests(
    page: Page, server: Server, tiny_run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/scores")
    line = page.locator(".histogram .knob")
    expect(line).to_be_visible()
    box = line.bounding_box()
    assert box is not None
    shown = page.get_by_test_id("stMetricValue").first
    before = shown.inner_text()
    x, y = box["x"] + box["width"] / 2, box["y"] - 60
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 120, y, steps=6)
    dragged = threshold(page)
    assert dragged < 0.04
    expect(page.locator(".histogram .label")).to_contain_text(f"{suspects(tiny_run, dragged)} suspects")
    assert shown.inner_text() == before, "the server has not been asked yet"
    page.mouse.up()
    expect(shown).to_have_text(str(suspects(tiny_run, dragged)))
    expect(page).to_have_url(re.compile(r"[?&]t="))
    assert faults == []


def test_keys_move_the_line(page: Page, server: Server, tiny_run: Run, faults: list[str]) -> None:
    page.goto(f"{server.url}/scores")
    page.get_by_role("slider").focus()
    for key, count in (("Home", len(storage.load_scores(tiny_run.path / "score"))), ("End", 0)):
        page.keyboard.press(key)
        expect(page.get_by_test_id("stMetricValue").first).to_have_text(str(count))
    before = threshold(page)
    page.keyboard.press("Shift+ArrowLeft")
    assert threshold(page) < before
    expect(page.get_by_role("slider")).to_be_focused()
    assert faults == []


@pytest.mark.parametrize("width", [1440, 1024, 700])
def test_the_label_of_the_line_is_never_cut_off(page: Page, server: Server, width: int, faults: list[str]) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server.url}/scores")
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    room = """(node) => {
        const [label, frame] = [".label", "svg"].map((part) => node.querySelector(part).getBoundingClientRect());
        return [label.left - frame.left, frame.right - label.right];
    }"""
    for _ in range(25):
        assert min(page.locator(".histogram").evaluate(room)) >= -1
        page.keyboard.press("PageUp")
    assert faults == []


def test_a_late_answer_does_not_take_the_line_back(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(f"{server.url}/scores")
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile(r"[?&]t="))
    settle(page)
    moved = threshold(page)
    answer = """({ histogram }, heard) => {
        const { data } = histogram;
        histogram.told = data.heard + 1; // one more move is on its way
        histogram.update({ ...data, threshold: 0.5, heard: data.heard + heard });
    }"""
    page.locator(".histogram").evaluate(answer, 0)
    assert threshold(page) == moved
    page.locator(".histogram").evaluate(answer, 1)
    assert threshold(page) == 0.5
    assert faults == []


def test_a_stretch_is_brushed_and_opens_the_gallery(
    page: Page, server: Server, tiny_run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/scores")
    frame = page.locator(".histogram svg").bounding_box()
    assert frame is not None
    y = frame["y"] + frame["height"] / 2
    page.mouse.move(frame["x"] + frame["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.45, y, steps=5)
    page.mouse.up()
    said = page.locator(".histogram .said")
    expect(said).to_contain_text("samples with scores above")
    number = int(said.inner_text().split()[0])
    scores = storage.load_scores(tiny_run.path / "score").score
    said.get_by_role("link").click()
    expect(page.locator(".summary")).to_contain_text(f"{number} suspects")
    query = dict(re.findall(r"[?&](t|below)=([^&]+)", page.url))
    assert number == int(((scores > float(query["t"])) & (scores <= float(query["below"]))).sum())
    page.get_by_role("button", name="show all above").click()
    expect(page.locator(".summary")).to_contain_text(f"{suspects(tiny_run, float(query['t']))} suspects")
    assert faults == []


@pytest.mark.parametrize("section", ["Class histograms", "Given and believed", "Losses", "Map"])
def test_every_section(page: Page, server: Server, section: str, faults: list[str]) -> None:
    page.goto(f"{server.url}/scores?t=0")
    page.get_by_role("radio", name=section).click()
    drawn = {"Class histograms": ".bir-multiples a", "Given and believed": ".bir-pairs a"}
    expect(page.locator(drawn.get(section, ".js-plotly-plot .scatterlayer .point")).first).to_be_visible()
    assert faults == []


def test_every_class_has_a_histogram_that_shows(page: Page, server: Server, tiny_run: Run, faults: list[str]) -> None:
    page.goto(f"{server.url}/scores?t=0")
    page.get_by_role("radio", name="Class histograms").click()
    pictures = page.locator(".bir-multiples a img")
    names = storage.load_class_names(tiny_run.path / "data")
    expect(pictures).to_have_count(len(names))
    for name, picture in zip(names, pictures.all(), strict=True):
        expect(picture).to_be_visible()
        expect(picture).to_have_attribute("alt", f"Histogram of the scores of the samples given {name}")
        picture.evaluate("image => image.decode()")
        assert min(picture.evaluate("image => [image.naturalWidth, image.naturalHeight, image.offsetHeight]")) > 0
    assert faults == []


def test_a_class_opens_its_gallery(page: Page, server: Server, tiny_run: Run) -> None:
    page.goto(f"{server.url}/scores?t=-100")
    page.get_by_role("radio", name="Class histograms").click()
    page.locator(".bir-multiples a").nth(7).click()
    count = int((storage.load_part(tiny_run.path / "data", "train").labels == 7).sum())
    expect(page.locator(".summary")).to_contain_text(f"{count} suspects")
    expect(page).to_have_url(re.compile("given=7"))


def test_picked_samples_open_in_the_gallery(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(f"{server.url}/suspects?only=5,2,9")
    expect(page.locator(".summary")).to_contain_text("3 suspects")
    expect(page.locator(".tile[data-sample]")).to_have_count(3)
    shown = page.locator(".tile").evaluate_all("tiles => tiles.map((tile) => tile.dataset.sample)")
    assert shown == ["5", "2", "9"]
    page.get_by_role("button", name="Show all suspects").click()
    expect(page).not_to_have_url(re.compile("only="))
    assert faults == []
