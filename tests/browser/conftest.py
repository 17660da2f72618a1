"""The browser of the tests; without one they skip, except where CI promises one."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.find() is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.HOW_TO_GET)
        pytest.skip(chromium.HOW_TO_GET)
    with chromium.launch() as started:
        yield started
