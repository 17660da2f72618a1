"""The example in a real browser: what it draws live agrees with the engine, and no move of a slider asks the server."""

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from bir_core.numerics import gaussian_mean
from dashboard import gaussian_example
from tests.browser.screenshots import settle
from tests.browser.server import Server

SETTINGS = (
    {"n": 200, "m": 20, "delta": 4.0, "aligned": 0.05, "dn": 60},
    {"n": 10, "m": 500, "delta": 6.0, "aligned": 1.0, "dn": 1},
    {"n": 1000, "m": 5, "delta": 3.0, "aligned": 0.07, "dn": 100},
    {"n": 30, "m": 80, "delta": 0.0, "aligned": 0.0, "dn": 500},
    {"n": 50, "m": 1, "delta": 0.3, "aligned": 0.6, "dn": 15},
)
MINUS = "\N{MINUS SIGN}"
NUMBER = re.compile(rf"{MINUS}?\d+(?:\.\d+)?")
BOARD = gaussian_example.board()


@pytest.fixture
def example(page: Page, server: Server) -> Page:
    page.goto(f"{server.url}/how_it_works")
    expect(page.locator(".gaussian .figures")).to_have_count(3)
    settle(page)
    return page


def slider(page: Page, key: str) -> Locator:
    (title,) = (one["title"] for one in BOARD["sliders"] if one["key"] == key)
    return page.get_by_role("slider", name=title, exact=True)


def put(page: Page, setting: dict[str, Any]) -> None:
    """Move every slider to its value."""
    for one in BOARD["sliders"]:
        slider(page, one["key"]).fill(str(one["stops"].index(setting[one["key"]])))


def numbers(text: str) -> list[float]:
    return [float(found.replace(MINUS, "-")) for found in NUMBER.findall(text)]


def shown(page: Page) -> dict[str, list[float]]:
    """Every figure on the page."""
    rows = [numbers(row)[1:] for row in page.locator(".gaussian .figures").all_text_contents()]
    found = {"quantiles": [row[0] for row in rows], "bounds": [row[1] for row in rows]}
    for name in ("verdict", "caught", "average", "means"):
        found[name] = numbers(page.locator(f".gaussian .{name}").inner_text())
    return found


def truth(setting: dict[str, Any]) -> dict[str, list[float]]:
    """The same figures by the engine, from the same random numbers, to the three digits that are shown."""
    n, m, dn, delta, aligned = (setting[key] for key in ("n", "m", "dn", "delta", "aligned"))
    sigma, p, draws = BOARD["sigma"], BOARD["p"], np.array(BOARD["draws"])
    moved = {"n": n, "m": m, "shift": delta, "aligned_shift": aligned, "sigma": sigma}
    errors = gaussian_mean.simulated_errors(draws[:2], **moved)
    training = np.concatenate([sigma * draws[0, :n], sigma * draws[1, :m] + delta])
    base, enhanced = training.mean(), np.concatenate([training, sigma * draws[2, :dn]]).mean()
    is_suspect = gaussian_mean.scores(training, base=base, enhanced=enhanced) > 0
    expected = gaussian_mean.expected_scores(n=n, m=m, dn=dn, delta=delta, sigma=sigma)
    found = {
        "quantiles": [np.quantile(one, 1 - p, method="inverted_cdf") for one in errors],
        "bounds": gaussian_mean.error_bounds(**moved, p=p),
        "verdict": [gaussian_mean.alignment_limit(n=n, m=m, sigma=sigma, p=p), aligned],
        "caught": [is_suspect[n:].sum(), m, is_suspect[:n].sum(), n],
        "average": [*expected, gaussian_mean.variance_term(n=n, m=m, dn=dn, sigma=sigma)],
        "means": [base, enhanced, (base + enhanced) / 2],
    }
    return {name: [float(f"{value:.3g}") for value in values] for name, values in found.items()}


def test_every_figure_agrees_with_the_engine(example: Page, faults: list[str], asked: list[str]) -> None:
    asked.clear()
    for setting in SETTINGS:
        put(example, setting)
        assert shown(example) == truth(setting), setting
        limit, aligned = truth(setting)["verdict"]
        winner = "alignment" if aligned < limit else "removal"
        expect(example.locator(".gaussian .verdict")).to_contain_text(f"{winner} has the lower bound")
        lifted = example.get_by_text("lifts even the average target sample above zero")
        expect(lifted).to_have_count(int(truth(setting)["average"][0] > 0))
    assert asked == []
    assert faults == []


def test_figures_follow_the_mouse_before_it_lets_go(example: Page, faults: list[str], asked: list[str]) -> None:
    stops = next(one["stops"] for one in BOARD["sliders"] if one["key"] == "delta")
    box = slider(example, "delta").bounding_box()
    assert box is not None
    asked.clear()
    setting = {**SETTINGS[0]}
    y = box["y"] + box["height"] / 2
    example.mouse.move(box["x"] + box["width"] / 2, y)
    example.mouse.down()
    seen = []
    for share in (0.45, 0.3, 0.7, 0.9):
        example.mouse.move(box["x"] + share * box["width"], y, steps=3)
        setting["delta"] = stops[int(slider(example, "delta").input_value())]
        assert shown(example) == truth(setting)
        seen.append(setting["delta"])
    assert seen[1] < seen[0] < seen[2] < seen[3]
    example.mouse.up()
    example.wait_for_timeout(400)
    assert asked == []
    assert faults == []


def test_keys_move_a_slider_and_buttons_set_all(example: Page, faults: list[str], asked: list[str]) -> None:
    asked.clear()
    moved = slider(example, "m")
    moved.focus()
    stops = next(one["stops"] for one in BOARD["sliders"] if one["key"] == "m")
    example.keyboard.press("Home")
    expect(moved).to_have_attribute("aria-valuetext", str(stops[0]))
    example.keyboard.press("ArrowRight")
    expect(moved).to_have_attribute("aria-valuetext", str(stops[1]))
    assert shown(example) == truth({**SETTINGS[0], "m": stops[1]})
    example.keyboard.press("End")
    expect(moved).to_have_attribute("aria-valuetext", str(stops[-1]))
    expect(moved).to_be_focused()
    for preset in BOARD["presets"]:
        example.get_by_role("button", name=preset["title"]).press("Enter")
        assert shown(example) == truth(preset["at"])
    assert asked == []
    assert faults == []


def test_it_stays_as_it_is_set_when_the_page_is_drawn_again(example: Page) -> None:
    put(example, SETTINGS[2])
    example.set_viewport_size({"width": 1024, "height": 900})
    example.emulate_media(color_scheme="dark")
    settle(example)
    assert shown(example) == truth(SETTINGS[2])
    width = example.locator(".gaussian svg").first.evaluate("e => e.viewBox.baseVal.width - e.clientWidth")
    assert abs(width) < 1, "drawn anew at the new width"


def test_narrow_navigation_has_room_for_all(page: Page, server: Server, faults: list[str]) -> None:
    page.set_viewport_size({"width": 1024, "height": 900})
    page.goto(server.url)
    settle(page)
    groups = page.get_by_test_id("stTopNavSection")
    expect(groups).to_have_text([re.compile("^Start"), re.compile("^Learn")])
    expect(page.get_by_test_id("stTopNavLink")).to_have_count(9)
    for entry in [*page.get_by_test_id("stTopNavLink").all(), *groups.all()]:
        box = entry.bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 1024
    groups.last.press("Enter")
    page.get_by_role("menuitem", name="How it works").press("Enter")
    expect(page.get_by_role("heading", name="How it works", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/how_it_works\?run=tiny$"))
    page.get_by_test_id("stTopNavLink").filter(has_text="Scores").click()
    expect(page.get_by_role("heading", name="Scores", exact=True)).to_be_visible()
    assert faults == []
