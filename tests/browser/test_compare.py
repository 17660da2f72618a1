"""Compare in a real browser: the choice in the address, and every image that changed."""

import re

from playwright.sync_api import Page, expect

from bir_core import storage
from bir_core.comparison import Comparison
from bir_core.run_folder import Run
from tests.browser.screenshots import settle
from tests.browser.server import Server
from tests.browser.test_accessibility import grave


def test_choice_stands_in_the_address_and_every_changed_image_is_shown(
    page: Page, server: Server, tiny_run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/compare")
    settle(page)
    page.get_by_role("combobox", name=re.compile("After")).click()
    page.get_by_role("option", name="Retrain without suspects").click()
    expect(page).to_have_url(re.compile("after=Retrain"))
    page.reload()
    settle(page)
    folder = tiny_run.path / "evaluate"
    found = Comparison(
        before=storage.load_probabilities(folder, "test", "base"),
        after=storage.load_probabilities(folder, "test", "retrain"),
        labels=storage.load_part(tiny_run.path / "data", "test").labels,
        noisy_classes=(1, 6, 7, 9),
    )
    for label, positions in (("Wrong → right", found.gained), ("Right → wrong", found.lost)):
        page.get_by_text("Changed images", exact=True).click()
        page.get_by_text(f"{label} ({len(positions)})").click()
        if len(positions):
            expect(page.get_by_text(re.compile(f"^{len(positions):,} images, those first"))).to_be_visible()
    assert faults == []


def test_a_further_model_stands_in_the_address_and_beside_the_two(
    page: Page, server: Server, tiny_run: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/compare")
    settle(page)
    page.get_by_role("combobox", name=re.compile("Also show")).click()
    page.get_by_role("option", name="Enhanced model").click()
    expect(page).to_have_url(re.compile("also=Enhanced"))
    page.keyboard.press("Escape")
    page.reload()
    settle(page)
    figures = storage.load_report(tiny_run.path / "evaluate")["models"]["enhanced"]
    row = page.get_by_role("row", name=re.compile("Enhanced model"))
    expect(row).to_contain_text(f"{figures['all']:.1f}")
    expect(page.locator(".legendtext", has_text="Enhanced model")).to_be_visible()
    assert grave(page) == []
    page.get_by_role("radio", name="Calibration").click()
    expect(page.locator(".legendtext", has_text="Enhanced model")).to_be_visible()
    settle(page)
    assert grave(page) == []
    assert faults == []
