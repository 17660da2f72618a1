"""Axe looks at every view, light and dark: nothing that it calls serious or critical."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.screenshots import VIEWS, settle
from tests.browser.server import Server, serve

GRAVE = ("serious", "critical")


def grave(page: Page) -> list[str]:
    """What axe finds serious or critical: rule, what is wrong, and where."""
    found = Axe().run(page)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:300]} ({node['failureSummary']})"
        for violation in found.response["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_view(page: Page, server: Server, view: str) -> None:
    page.goto(f"{server.url}/{'' if view == 'overview' else view}")
    settle(page)
    assert grave(page) == []
    page.emulate_media(color_scheme="dark")
    page.reload()
    settle(page)
    assert grave(page) == []


@pytest.mark.parametrize(
    ("view", "drawn"),
    [
        ("", ".js-plotly-plot .ytick text"),
        ("compare", ".js-plotly-plot .ytick text"),
        ("data", "button p:text('Upload a zip')"),
    ],
)
def test_an_open_page_follows_when_the_computer_turns_dark(page: Page, server: Server, view: str, drawn: str) -> None:
    """What the script colours, and not Streamlit alone."""
    page.goto(f"{server.url}/{view}")
    settle(page)
    expect(page.locator(".st-key-daylight_row")).to_be_hidden()
    one = page.locator(drawn).first
    assert brightness(one) < 100
    page.emulate_media(color_scheme="dark")
    for _ in range(200):
        if brightness(one) > 150:
            break
        page.wait_for_timeout(50)
    assert brightness(one) > 150
    settle(page)
    assert grave(page) == []


def brightness(text: Locator) -> float:
    """0 to 255; 0 while it is being replaced."""
    color: str = text.evaluate("(e) => getComputedStyle(e)[e instanceof SVGElement ? 'fill' : 'color']")
    return sum(map(int, re.findall(r"\d+", color)[:3])) / 3


def test_start_page(page: Page, tmp_path: Path) -> None:
    with serve(tmp_path / "none", tmp_path / "server.log") as empty:
        page.goto(empty.url)
        expect(page.get_by_role("button", name="Run the demo")).to_be_visible()
        settle(page)
        assert grave(page) == []


def test_axe_would_see_a_fault(page: Page) -> None:
    page.set_content("<html lang='en'><title>t</title><button></button><img src='data:image/png;base64,AAAA'>")
    assert {line.split(":")[0] for line in grave(page)} == {"button-name", "image-alt"}
