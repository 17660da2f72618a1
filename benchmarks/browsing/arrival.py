"""From an address typed in to what is painted first: with an empty cache, and with a filled one."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page

from benchmarks.browsing import stopwatch
from benchmarks.browsing.stopwatch import Times

HEADING = "document.querySelector('[data-testid=stMain] h1')"
CARD = "bench.gallery?.rows.get(0)?.tiles[0]?.painted"

WATCH = """
bench.from = 0;
bench.arrived = bench.watch(() => {done}, 30000);
"""


def cold(browser: Browser, url: str, done: str, num: int) -> Times:
    """Each in a profile of its own, with nothing cached."""

    def arrive(_turn: int) -> float:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        try:
            return _arrive(_watched(context.new_page, done), url)
        finally:
            context.close()

    return stopwatch.repeat(arrive, num, warm_up=1)


def warm(browser: Browser, url: str, done: str, num: int) -> Times:
    """Each in a new tab of one profile."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})

    def arrive(_turn: int) -> float:
        page = _watched(context.new_page, done)
        milliseconds = _arrive(page, url)
        page.close()
        return milliseconds

    times = stopwatch.repeat(arrive, num, warm_up=1)
    context.close()
    return times


def _watched(new_page: Callable[[], Page], done: str) -> Page:
    page = new_page()
    page.add_init_script(stopwatch.SCRIPT + WATCH.replace("{done}", done))
    return page


def _arrive(page: Page, url: str) -> float:
    page.goto(url, wait_until="commit")
    milliseconds = page.evaluate("() => bench.arrived")
    if milliseconds is None:
        raise SystemExit(f"{url} was not painted within 30 s")
    return float(milliseconds)
