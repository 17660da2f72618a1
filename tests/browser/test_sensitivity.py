"""The slider over the thresholds in a real browser: keys and mouse move it, figures and link follow."""

import re
import shutil
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from bir_core import pipeline, run_folder, storage
from bir_core.run_folder import Run
from dashboard import sensitivity_chart
from tests.browser.screenshots import settle
from tests.browser.server import Server, serve
from tests.browser.test_accessibility import grave


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, tiny_run: Run) -> Run:
    root = tmp_path_factory.mktemp("sensitivity") / "runs"
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    run = run_folder.open_run(root, tiny_run.name)
    pipeline.compute(run, ["sensitivity"])
    return run


@pytest.fixture(scope="module")
def server(swept: Run) -> Iterator[Server]:
    root = swept.path.parent
    with serve(root, root.parent / "server.log") as started:
        yield started


def rows_of(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = storage.load_sensitivity(run.path / "sensitivity")["rows"]
    return rows


def stops_of(run: Run) -> list[dict[str, Any]]:
    """What is to be seen at each threshold."""
    found = storage.load_sensitivity(run.path / "sensitivity")
    board = sensitivity_chart.board(found, run=run.name, report={}, how_right=sensitivity_chart.how_right)
    stops: list[dict[str, Any]] = board["stops"]
    return stops


def shows(page: Page, run: Run, place: int) -> None:
    """Assert that line, figures and link are those of this threshold."""
    stop = stops_of(run)[place]
    slider, link = page.get_by_role("slider"), page.locator(".sensitivity .link a")
    expect(slider).to_have_attribute("aria-valuenow", str(place + 1))
    expect(slider).to_have_attribute("aria-valuetext", re.compile(f"^{re.escape(stop['name'])} nats"))
    expect(page.locator(".sensitivity .value")).to_have_text([card["value"] for card in stop["cards"]])
    expect(page.locator(".sensitivity .said")).to_have_text([card["said"] for card in stop["cards"]])
    expect(link).to_have_text(f"Repair at the threshold {stop['name']}")
    address = urlsplit(link.get_attribute("href") or "")
    assert (address.path, parse_qs(address.query)) == ("repair", {"run": [run.name], "t": [stop["exact"]]})


def knob(page: Page) -> tuple[float, float]:
    """The middle of the line's knob, in pixels."""
    box = page.locator(".sensitivity .knob").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def opened(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/sensitivity")
    expect(page.locator(".sensitivity .knob")).to_be_visible()
    settle(page)


def test_keys_move_it_and_nobody_is_asked(
    page: Page, server: Server, swept: Run, faults: list[str], asked: list[str]
) -> None:
    opened(page, server)
    stops = stops_of(swept)
    own = next(place for place, row in enumerate(rows_of(swept)) if row["is_own"])
    shows(page, swept, own)
    assert asked, "the page has asked for something, or this test listens in vain"
    asked.clear()
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    shows(page, swept, 0)
    page.keyboard.press("ArrowLeft")
    for place in range(1, len(stops)):
        page.keyboard.press("ArrowRight")
        shows(page, swept, place)
    page.keyboard.press("ArrowDown")
    shows(page, swept, len(stops) - 2)
    page.keyboard.press("End")
    shows(page, swept, len(stops) - 1)
    expect(page.get_by_role("slider")).to_be_focused()
    page.wait_for_timeout(500)
    assert asked == []
    assert faults == []


def test_it_is_dragged_and_clicked_and_nobody_is_asked(
    page: Page, server: Server, swept: Run, faults: list[str], asked: list[str]
) -> None:
    opened(page, server)
    last = len(stops_of(swept)) - 1
    places = {}
    page.get_by_role("slider").focus()
    for key in ("Home", "End"):
        page.keyboard.press(key)
        places[key] = knob(page)
    asked.clear()
    (first_x, y), (last_x, _) = places["Home"], places["End"]
    page.mouse.move(last_x, y)
    page.mouse.down()
    page.mouse.move((first_x + last_x) / 2, y - 80, steps=5)
    assert knob(page)[0] == pytest.approx((first_x + last_x) / 2, abs=(last_x - first_x) / last / 2 + 1)
    page.mouse.move(first_x + 5, y - 80, steps=5)
    shows(page, swept, 0)
    page.mouse.up()
    page.mouse.move(last_x, y - 80)
    shows(page, swept, 0)
    page.mouse.click(last_x - 5, y - 150)
    shows(page, swept, last)
    page.wait_for_timeout(500)
    assert asked == []
    assert faults == []


def test_the_link_opens_the_repair_at_the_threshold(
    page: Page, server: Server, swept: Run, faults: list[str], asked: list[str]
) -> None:
    opened(page, server)
    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    asked.clear()
    page.locator(".sensitivity .link a").click()
    expect(page.get_by_text(f"{stops_of(swept)[-1]['flagged']} suspects").first).to_be_visible()
    assert "a websocket frame" in asked
    assert faults == []


def test_it_stays_where_it_is_when_the_page_is_drawn_again(page: Page, server: Server, swept: Run) -> None:
    opened(page, server)
    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    page.set_viewport_size({"width": 1024, "height": 900})
    shows(page, swept, 0)
    page.emulate_media(color_scheme="dark")
    settle(page)
    shows(page, swept, 0)
    left, _ = knob(page)
    axis = page.locator(".sensitivity svg").bounding_box()
    assert axis is not None
    assert axis["x"] < left < axis["x"] + axis["width"] / 4, "the first threshold, at the new width"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_grave(browser: Browser, server: Server, theme: Literal["light", "dark"]) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 1100}, color_scheme=theme) as context:
        page = context.new_page()
        opened(page, server)
        assert grave(page) == []
