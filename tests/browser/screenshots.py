"""Pictures of every view, light and dark, 1440 and 1024 px wide: ``python -m tests.browser.screenshots FOLDER``.

Takes the newest run of ``--runs`` (default ``BIR_RUNS`` or ``runs``); with an empty folder only the start page shows.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from bir_core import run_folder
from tests.browser import chromium
from tests.browser.server import serve

VIEWS = (
    "overview",
    "data",
    "pick",
    "new_run",
    "scores",
    "suspects",
    "sample",
    "repair",
    "sensitivity",
    "methods",
    "compare",
    "export",
    "present",
    "jobs",
    "how_it_works",
)
WIDTHS = (1440, 1024)


def settle(page: Page) -> None:
    """Wait until the script has ended and nothing is being redrawn."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=30_000)
    page.wait_for_selector(
        '[data-testid="stMain"] :is(h1, h2):visible, [data-testid="stAlert"]:visible', timeout=30_000
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(700)


def full_height(page: Page) -> int:
    """Height of the whole page; Streamlit scrolls an inner container, which a full-page picture does not follow."""
    inner = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    return max(int(inner), 600)


def take(browser: Browser, url: str, folder: Path, *, theme: str, width: int, views: tuple[str, ...]) -> None:
    """Save one picture per view."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    for view in views:
        page.goto(f"{url}/{'' if view == 'overview' else view}")
        settle(page)
        page.set_viewport_size({"width": width, "height": min(full_height(page) + 20, 4000)})
        page.wait_for_timeout(500)
        page.screenshot(path=folder / f"{view}-{theme}-{width}.png")
        page.set_viewport_size({"width": width, "height": 900})
    context.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=Path, default=None)
    parser.add_argument("--views", nargs="*", default=VIEWS)
    parser.add_argument("--themes", nargs="*", default=("light", "dark"))
    parser.add_argument("--widths", nargs="*", type=int, default=WIDTHS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    runs = run_folder.runs_root(given.runs)
    with (
        tempfile.TemporaryDirectory() as scratch,
        serve(runs, Path(scratch) / "log") as server,
        chromium.launch() as browser,
    ):
        for theme in given.themes:
            for width in given.widths:
                take(browser, server.url, given.folder, theme=theme, width=width, views=tuple(given.views))


if __name__ == "__main__":
    main()
