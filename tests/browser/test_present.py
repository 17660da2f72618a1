"""The presentation in a real browser: one clean screen, and a way out by key."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import Server


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_story_fits_one_screen(page: Page, server: Server, faults: list[str], width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}/present")
    expect(page.get_by_role("heading", name="The culprits")).to_be_visible()
    expect(page.get_by_role("img", name="a suspect")).to_have_count(8)
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.get_by_role("combobox")).to_be_hidden()
    sizes = page.locator(".bir-story").evaluate(
        "(e) => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]"
    )
    assert sizes == [0, 0], "nothing is cut off or has to be scrolled to"
    assert faults == []


def test_escape_leaves(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="Present it on one screen").click()
    expect(page.get_by_role("heading", name="The culprits")).to_be_visible()
    overview = page.get_by_role("heading", name="Overview", exact=True)
    for _ in range(30):
        page.keyboard.press("Escape")  # one that comes before the page listens, moments after it is drawn, is lost
        page.wait_for_timeout(500)
        if overview.is_visible():
            break
    expect(overview).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?run=tiny"))
    assert faults == []
