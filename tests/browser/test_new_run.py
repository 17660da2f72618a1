"""A run of one's own in a real browser: from the start page through the form to its finished Overview."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bir_core import config, run_folder
from bir_core.config import RunConfig
from tests.browser.server import Server, serve

SOON = 15_000
LONG = 120_000
SETTINGS = {
    "Sizes and corruption": {"Num train": "200", "Num reserved": "50"},
    "Training": {"Memorised epochs": "2"},
    "Enhancement": {"Max epochs": "3"},
    "Repair": {"Max epochs": "3"},
}
"""A whole run in a few seconds."""
TALL = {"width": 1440, "height": 2400}
"""The whole form: Playwright scrolls to what it clicks, and a menu closes when the page is scrolled."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(tmp_path / "runs", tmp_path / "server.log", BIR_DATA_DIR=str(tmp_path / "data")) as started:
        yield started


def shown(page: Page) -> RunConfig:
    """The config file on the page."""
    text = page.get_by_test_id("stCode").first.inner_text()
    return config.parse(tomllib.loads(text), origin="the page")


def choose(page: Page, label: str, option: str, *, written: str) -> None:
    """Choose in a box, and wait for what the page writes then: a menu that is open before is closed by it."""
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option).click()
    expect(page.get_by_text(written).first).to_be_visible(timeout=SOON)


def fill(page: Page, part: str, label: str, value: str) -> None:
    """Write a number into a part of the form that is closed at first."""
    fold = page.get_by_test_id("stExpander").filter(has=page.locator("summary", has_text=re.compile(f"{part}$")))
    if fold.locator("details[open]").count() == 0:
        fold.locator("summary").click()
    box = fold.get_by_role("spinbutton", name=label)
    box.fill(value)
    box.press("Enter")
    expect(fold.get_by_role("spinbutton", name=f"{label} ●")).to_have_value(value, timeout=SOON)
    expect(fold.locator("details[open]")).to_have_count(1)


@pytest.mark.timeout(300)
def test_from_the_form_to_the_finished_run(page: Page, server: Server, faults: list[str], tmp_path: Path) -> None:
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    page.goto(server.url)
    page.get_by_role("link", name="Make a run of your own").click()
    expect(page.get_by_role("heading", name="New run", exact=True)).to_be_visible(timeout=SOON)
    choose(page, "Preset", "Memorised", written='preset = "memorised"')
    choose(page, "Device", "CPU", written='device = "cpu"')
    for part, values in SETTINGS.items():
        for label, value in values.items():
            fill(page, part, label, value)
    page.get_by_role("textbox", name="Name of the run").fill("mine")
    page.get_by_role("textbox", name="Name of the run").press("Enter")
    expect(page.get_by_text("python -m bir_core run mine.toml")).to_be_visible(timeout=SOON)
    wanted = shown(page)
    assert (wanted.name, wanted.data.num_train, wanted.repair.max_epochs) == ("mine", 200, 3)  # type: ignore[union-attr]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    assert download.value.suggested_filename == "mine.toml"
    assert config.load(download.value.path()) == wanted

    page.get_by_role("button", name="Start", exact=True).last.click()
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Where to go next")).to_be_visible(timeout=LONG)
    assert "run=mine" in page.url
    assert run_folder.open_run(tmp_path / "runs", "mine").config == wanted
    assert faults == []


def test_the_network_is_checked_before_the_run(page: Page, server: Server, faults: list[str]) -> None:
    page.goto(f"{server.url}/new_run")
    page.get_by_role("button", name="Check the network").click()
    expect(page.get_by_role("heading", name="Layer groups")).to_be_visible(timeout=LONG)
    for parameters in ("156", "2,416", "48,120", "10,164", "850"):
        expect(page.get_by_role("cell", name=parameters, exact=True)).to_be_visible()
    expect(page.get_by_text("Tried when layers are chosen: 1, 2, 3, 4, 5, 1-2, 1-3, 1-5.")).to_be_visible()
    assert faults == []


def test_what_is_impossible_cannot_be_started(page: Page, server: Server, faults: list[str]) -> None:
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    page.goto(f"{server.url}/new_run?data=nowhere")
    expect(page.get_by_text("The link asks for data=nowhere")).to_be_visible(timeout=SOON)
    choose(page, "Network from", "timm", written="This cannot be started yet")
    name = page.get_by_role("textbox", name="Network", exact=True)
    name.fill("factory:os:abort")
    name.press("Enter")
    expect(page.get_by_text("expected the form timm:")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="Start", exact=True).last).to_be_disabled()
    name.fill("resnet18")
    name.press("Enter")
    expect(page.get_by_text("timm:resnet18")).to_be_visible(timeout=SOON)
    assert shown(page).base.network == "timm:resnet18"
    assert faults == []
