"""A person who must log in, in a real browser: refused, slowed, let in, sent back to the page, logged out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bir_core import password
from tests.browser.screenshots import settle
from tests.browser.server import Server, serve
from tests.browser.test_accessibility import grave

RIGHT = "correct horse battery staple"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path / "runs", tmp_path / "log", BIR_PASSWORD_HASH=password.make(RIGHT)) as started:
        yield started


def try_password(page: Page, attempt: str) -> None:
    page.get_by_label("Password").fill(attempt)
    page.keyboard.press("Enter")


def status_of_jobs(page: Page) -> int:
    """What a request of a page of this server is answered, with the cookies that the browser has."""
    status: int = page.evaluate("fetch('/api/jobs').then(answer => answer.status)")
    return status


def test_in_and_out_again(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/jobs")
    expect(page.get_by_role("heading", name="BIR Dashboard")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    assert status_of_jobs(page) == 401

    try_password(page, "let me in, please")
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    assert status_of_jobs(page) == 401
    try_password(page, RIGHT)
    page.wait_for_url(f"{server.url}/jobs")
    settle(page)
    assert status_of_jobs(page) == 403, "known at the door; the page's own token is asked for next"
    page.reload()
    settle(page)

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert status_of_jobs(page) == 401
    page.goto(f"{server.url}/jobs")
    expect(page.get_by_label("Password")).to_be_visible()


def test_guessing_is_slowed(page: Page, server: Server) -> None:
    page.goto(server.url)
    said = ""
    for number in range(12):
        try_password(page, f"guess {number}")
        said = page.get_by_role("alert").inner_text()
        assert number >= 3 or said == "That is not the password."
        if "Too many" in said:
            break
    assert "Too many wrong passwords: wait" in said
    page.wait_for_timeout(20_000)
    try_password(page, RIGHT)
    settle(page)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_logging_out_elsewhere_ends_an_open_page(page: Page, server: Server) -> None:
    page.goto(server.url)
    try_password(page, RIGHT)
    settle(page)
    other = page.context.new_page()
    other.goto(f"{server.url}/jobs")
    settle(other)
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_label("Password")).to_be_visible()
    page.get_by_role("link", name="Export").click()
    expect(page.get_by_role("heading", name="Export")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_link_on_another_site_finds_its_reader_logged_in(page: Page, server: Server) -> None:
    page.goto(server.url)
    try_password(page, RIGHT)
    settle(page)
    page.goto(f"data:text/html,<a href='{server.url}/jobs'>the jobs</a>")
    page.get_by_text("the jobs").click()
    settle(page)
    expect(page).to_have_url(f"{server.url}/jobs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_login_page_is_accessible(page: Page, server: Server, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(server.url)
    try_password(page, "let me in, please")
    expect(page.get_by_role("alert")).to_be_visible()
    assert grave(page) == []
