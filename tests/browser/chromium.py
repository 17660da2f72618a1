"""A system Chromium or Chrome, found and started for the tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No page finds another computer than this one.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
WITH_WEBGL = (
    *(flag for flag in FLAGS if flag != "--disable-gpu"),
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
"""WebGL without a graphics card, for what needs it."""

HOW_TO_GET = (
    "no Chromium or Chrome found on the PATH; on Debian and Ubuntu install one with: sudo apt-get install chromium, "
    "elsewhere from https://www.google.com/chrome, or point BIR_CHROMIUM at it"
)


def find() -> str | None:
    """Path of the browser, or None."""
    asked = os.environ.get("BIR_CHROMIUM")
    return asked or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launch() -> Iterator[Browser]:
    """A headless browser for a program that has none yet; the tests begin theirs beside each other."""
    with sync_playwright() as playwright, begin(playwright) as browser:
        yield browser


def begin(playwright: Playwright) -> Browser:
    """A headless browser whose pages know nothing of each other."""
    return playwright.chromium.launch(executable_path=find(), headless=True, args=list(FLAGS))


def begin_with_profile(playwright: Playwright, folder: Path) -> BrowserContext:
    """A headless browser that keeps in a folder what it has fetched and compiled, as a person's does."""
    return playwright.chromium.launch_persistent_context(
        folder, executable_path=find(), headless=True, args=list(FLAGS), viewport={"width": 1440, "height": 900}
    )
