"""Axe looks at every view, light and dark: nothing that it calls serious or critical."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.screenshots import VIEWS, settle
from tests.browser.server import Server, serve

GRAVE = ("serious", "critical")


@pytest.fixture
def dark_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    yield context.new_page()
    context.close()


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


@pytest.mark.parametrize("view", VIEWS)
def test_view_in_the_dark(dark_page: Page, server: Server, view: str) -> None:
    dark_page.goto(f"{server.url}/{'' if view == 'overview' else view}")
    settle(dark_page)
    assert grave(dark_page) == []


def test_start_page(page: Page, tmp_path: Path) -> None:
    with serve(tmp_path / "none", tmp_path / "server.log") as empty:
        page.goto(empty.url)
        expect(page.get_by_role("button", name="Run the demo")).to_be_visible()
        settle(page)
        assert grave(page) == []


def test_axe_would_see_a_fault(page: Page) -> None:
    page.set_content("<html lang='en'><title>t</title><button></button><img src='data:image/png;base64,AAAA'>")
    assert {line.split(":")[0] for line in grave(page)} == {"button-name", "image-alt"}
