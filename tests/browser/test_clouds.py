"""A cloud of many points needs WebGL: it is drawn under our own policy, and a lasso leads to the gallery."""

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Page, expect

from bir_core.run_folder import Run
from dashboard import clouds, palette, picks
from tests.browser import chromium
from tests.browser.conftest import watch
from tests.browser.long_run import lengthen
from tests.browser.server import Server

LONG = 30_000
"""Milliseconds; a processor that stands in for a graphics card takes its time."""

NUM = clouds.MOST_WITHOUT_WEBGL + 1_000


@pytest.fixture
def webgl(browser: Browser) -> Iterator[Browser]:
    """Another browser beside the tests' own."""
    started = browser.browser_type.launch(executable_path=chromium.find(), args=list(chromium.WITH_WEBGL))
    yield started
    started.close()


def suspects_drawn(page: Page) -> int:
    """Pixels of the plot in the suspects' colour."""
    picture = Image.open(io.BytesIO(page.locator(".js-plotly-plot").screenshot())).convert("RGB")
    distance = np.abs(np.asarray(picture).astype(int) - ImageColor.getrgb(palette.CORRUPTED)).sum(axis=2)
    return int((distance < 120).sum())


def test_points_are_drawn_and_a_lasso_picks_them(webgl: Browser, server: Server, run: Run, faults: list[str]) -> None:
    lengthen(run, NUM)
    page = webgl.new_page(viewport={"width": 1440, "height": 1400})
    watch(page, faults)
    page.goto(f"{server.url}/scores?t=0.5")
    page.get_by_role("radio", name="Losses").click()
    expect(page.locator(".gl-canvas-context")).to_be_attached(timeout=LONG)
    for _ in range(40):
        if suspects_drawn(page) > 1000:
            break
        page.wait_for_timeout(500)
    assert suspects_drawn(page) > 1000
    frame = page.locator(".js-plotly-plot .nsewdrag").bounding_box()
    assert frame is not None
    corners = ((0.02, 0.02), (0.98, 0.02), (0.98, 0.5), (0.02, 0.5), (0.02, 0.02))
    for number, (x, y) in enumerate(corners):
        page.mouse.move(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"], steps=8)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    link = page.get_by_role("link", name=re.compile("in the gallery"))
    expect(link).to_be_visible(timeout=LONG)
    link.click()
    expect(page.locator(".summary")).to_contain_text(f"{picks.MOST} suspects")
    assert faults == []
