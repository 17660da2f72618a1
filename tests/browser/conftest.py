"""The browser of the tests, whose console must stay clean; without one they skip, except where CI promises one."""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebSocket, expect

from tests.browser import chromium

expect.set_options(timeout=15_000)  # two browsers and two servers share two cores

PROBE = re.compile(r"/_stcore/(health|host-config)$")
"""On a direct load of a subpage Streamlit asks below it first (its issue 7074); the 404 is the one error allowed."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.find() is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.HOW_TO_GET)
        pytest.skip(chromium.HOW_TO_GET)
    with chromium.launch() as started:
        yield started


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, faults: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    opened = context.new_page()
    watch(opened, faults)
    yield opened
    context.close()


@pytest.fixture
def asked(page: Page) -> list[str]:
    """Everything that the page asks of the server: frames of its websockets, and requests."""
    asked: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda _: asked.append("a websocket frame"))

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("websocket", listen)
    page.on("request", note)
    return asked


def watch(page: Page, faults: list[str]) -> None:
    """Note every error of the console, every exception, and every request that leaves this computer."""

    def note(message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        if message.type == "error" and not (PROBE.search(address) and "404" in message.text):
            faults.append(f"console: {message.text} ({address})")

    page.on("console", note)
    page.on("pageerror", lambda error: faults.append(f"page: {error}"))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("http://127.0.0.1", "data:", "blob:")) else faults.append(request.url)
        ),
    )
