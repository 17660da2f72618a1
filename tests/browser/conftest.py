"""The browser of the tests, whose console must stay clean; without one they skip, except where CI promises one."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    WebSocket,
    expect,
    sync_playwright,
)

from bir_core import database, jobs, run_folder
from bir_core.run_folder import Run
from tests.browser import chromium
from tests.browser.server import Server, serve

expect.set_options(timeout=15_000)  # two browsers and two servers share two cores

PROBE = re.compile(r"/_stcore/(health|host-config)$")
"""On a direct load of a subpage Streamlit asks below it first (its issue 7074); the 404 is the one error allowed."""


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if chromium.find() is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.HOW_TO_GET)
        pytest.skip(chromium.HOW_TO_GET)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """For further windows, of somebody else or with other settings."""
    with chromium.begin(playwright) as started:
        yield started


@pytest.fixture(scope="session")
def profile(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """The browser of most tests; one that had to fetch and compile everything anew took a third longer for a page."""
    with chromium.begin_with_profile(playwright, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Server]]:
    """A folder of runs and a dashboard that shows it, as long as tests run: to start one for each took an eighth."""
    folder = tmp_path_factory.mktemp("standing")
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("BIR_DATABASE_URL", raising=False)
        with serve(folder / "runs", folder / "server.log", BIR_DATA_DIR=str(folder / "data")) as server:
            yield folder / "runs", server


@pytest.fixture
def root(standing: tuple[Path, Server]) -> Iterator[Path]:
    """The folder of runs of the standing dashboard, empty; no process is left behind."""
    folder = standing[0]
    folder.mkdir(exist_ok=True)
    yield folder
    for job in jobs.active(folder):
        jobs.cancel(folder, job.id)
    with database.begin(folder) as connection:
        # Not the file: its numbers must go on, as a dashboard knows by them what it has read.
        for table in (database.VERDICTS, database.PROGRESS, database.JOBS):
            connection.execute(table.delete())
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


@pytest.fixture
def run(root: Path, tiny_run: Run) -> Run:
    """A finished run that nobody has reviewed."""
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    return run_folder.open_run(root, tiny_run.name)


@pytest.fixture
def server(standing: tuple[Path, Server], run: Run) -> Server:
    """A dashboard that shows this run alone."""
    assert run_folder.names(standing[0]) == [run.name]
    return standing[1]


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def page(profile: BrowserContext, faults: list[str]) -> Iterator[Page]:
    """A page that finds nothing stored by those before it."""
    blank = profile.pages[0]  # with its last page a browser closes, too
    opened = profile.new_page()
    origins = set[str]()

    def note(request: Request) -> None:
        origins.add("/".join(request.url.split("/", 3)[:3]))

    profile.on("request", note)
    watch(opened, faults)
    yield opened
    profile.remove_listener("request", note)
    for other in profile.pages:
        if other != blank:
            other.close()
    profile.clear_cookies()
    devtools = profile.new_cdp_session(blank)
    for origin in origins:
        devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage,indexeddb"})
    devtools.detach()


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
