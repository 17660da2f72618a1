"""Axe looks at every view, light and dark: nothing that it calls serious or critical."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

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
def test_view(page: Page, server: Server, asked: list[str], view: str) -> None:
    page.goto(f"{server.url}/{'' if view == 'overview' else view}")
    settle(page)
    assert grave(page) == []
    turn_dark(page, asked)
    assert grave(page) == []


def turn_dark(page: Page, asked: list[str]) -> None:
    """Let the computer turn dark, as at dusk, and wait until the page has been drawn anew for it."""
    asked.clear()
    page.emulate_media(color_scheme="dark")
    for _ in range(200):
        if "a websocket frame" in asked:
            break
        page.wait_for_timeout(50)
    else:
        pytest.fail("the page was not drawn anew for the dark")
    settle(page)


def test_start_page(page: Page, tmp_path: Path) -> None:
    with serve(tmp_path / "none", tmp_path / "server.log") as empty:
        page.goto(empty.url)
        expect(page.get_by_role("button", name="Run the demo")).to_be_visible()
        settle(page)
        assert grave(page) == []


def test_axe_would_see_a_fault(page: Page) -> None:
    page.set_content("<html lang='en'><title>t</title><button></button><img src='data:image/png;base64,AAAA'>")
    assert {line.split(":")[0] for line in grave(page)} == {"button-name", "image-alt"}
