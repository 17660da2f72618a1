"""A system Chromium or Chrome, found and started for the tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
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
    """A headless browser with a fresh profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
