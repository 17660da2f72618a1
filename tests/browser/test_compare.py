"""Compare and Sensitivity in a real browser: the choice in the address, changed images, the slider on its scale."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from bir_core import pipeline, run_folder, storage
from bir_core.comparison import Comparison
from bir_core.run_folder import Run
from tests.browser.screenshots import settle
from tests.browser.server import Server, serve

CLOSE = 4
"""Pixels by which the thumb may stand beside its line."""


def middle(element: Locator) -> float:
    """Where an element's centre is, in pixels from the left."""
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, tiny_run: Run) -> Run:
    root = tmp_path_factory.mktemp("compare") / "runs"
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    run = run_folder.open_run(root, tiny_run.name)
    pipeline.compute(run, ["sensitivity"])
    return run


@pytest.fixture(scope="module")
def server(swept: Run) -> Iterator[Server]:
    root = swept.path.parent
    with serve(root, root.parent / "server.log") as started:
        yield started


def test_choice_stands_in_the_address_and_every_changed_image_is_shown(
    page: Page, server: Server, swept: Run, faults: list[str]
) -> None:
    page.goto(f"{server.url}/compare")
    settle(page)
    page.get_by_role("combobox", name=re.compile("After")).click()
    page.get_by_role("option", name="Retrain without suspects").click()
    expect(page).to_have_url(re.compile("after=Retrain"))
    page.reload()
    settle(page)
    folder = swept.path / "evaluate"
    found = Comparison(
        before=storage.load_probabilities(folder, "test", "base"),
        after=storage.load_probabilities(folder, "test", "retrain"),
        labels=storage.load_part(swept.path / "data", "test").labels,
        noisy_classes=(1, 6, 7, 9),
    )
    for label, positions in (("Wrong → right", found.gained), ("Right → wrong", found.lost)):
        page.get_by_text("Changed images", exact=True).click()
        page.get_by_text(f"{label} ({len(positions)})").click()
        if len(positions):
            expect(page.get_by_text(re.compile(f"^{len(positions):,} images, those first"))).to_be_visible()
    assert faults == []


@pytest.mark.parametrize("width", [1440, 1024])
def test_slider_stands_under_its_line(page: Page, server: Server, swept: Run, faults: list[str], width: int) -> None:
    rows = storage.load_sensitivity(swept.path / "sensitivity")["rows"]
    page.set_viewport_size({"width": width, "height": 1100})
    page.goto(f"{server.url}/sensitivity")
    settle(page)
    slider, line = page.get_by_role("slider"), page.locator(".bir-at div")
    thumb = slider.locator("..")
    slider.focus()
    for key, place in (("Home", 0), ("End", len(rows) - 1)):
        for _ in rows:
            slider.press("ArrowLeft" if key == "Home" else "ArrowRight")
        link = page.get_by_text(f"Repair at the threshold {rows[place]['threshold']:.4g}", exact=True)
        expect(link.first).to_be_visible()
        for _ in range(50):  # the thumb glides to its place
            if abs(middle(thumb) - middle(line)) < CLOSE:
                break
            page.wait_for_timeout(100)
        assert middle(thumb) == pytest.approx(middle(line), abs=CLOSE)
    link.first.click()
    expect(page).to_have_url(re.compile(f"/repair\\?.*t={re.escape(repr(rows[-1]['threshold']))}"))
    suspects = f"{rows[-1]['num_suspects']:,} suspects"
    expect(page.get_by_text(suspects).first).to_be_visible()
    assert faults == []
