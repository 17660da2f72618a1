"""The Export page in a real browser: a report is made, fetched and opened, and asks nobody for anything."""

import json
from pathlib import Path
from typing import Literal

import pandas as pd
from playwright.sync_api import Browser, Page, expect

from bir_core import durable, pipeline, storage, verdicts
from bir_core.exports import catalogue
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from tests.browser.server import Server


def test_report_is_made_fetched_and_opened(
    page: Page, browser: Browser, server: Server, tmp_path: Path, faults: list[str]
) -> None:
    page.goto(f"{server.url}/export")
    card = page.get_by_test_id("stColumn").filter(has_text="One page to mail").last
    card.get_by_role("button", name="Make it").first.click()
    link = page.get_by_role("link", name="Download report.html")
    expect(link).to_be_visible(timeout=60_000)
    with page.expect_download() as started:
        link.click()
    file = tmp_path / started.value.suggested_filename
    started.value.save_as(file)
    assert file.name == "tiny-report.html"
    requests: list[str] = []
    reader = browser.new_page()
    reader.on("request", lambda request: requests.append(request.url))
    reader.goto(file.as_uri())
    expect(reader.get_by_role("heading", name="Model repair report")).to_be_visible()
    assert reader.locator("svg").count() == 3
    assert [address for address in requests if not address.startswith(("file:", "data:"))] == []
    broken = "images => images.filter(image => !image.naturalWidth).length"
    assert reader.locator("img").count() > 0
    assert reader.locator("img").evaluate_all(broken) == 0
    reader.close()
    assert faults == []


EVIL = "<script>window.hacked = 1</script><img src='http://127.0.0.1:9/x' onerror='window.hacked = 1'>"


def test_report_executes_nothing_and_is_alone(browser: Browser, run: Run) -> None:
    """Markup in every string that comes from data or people; every request but that for the page itself is stopped."""
    rename_classes(run, EVIL)
    first = int(storage.load_suspects(run.path / "identify").indices[0])
    verdicts.record(run, [Decision(sample=first, verdict="relabel", label=1)], reviewer=EVIL[:80], key="1")
    pipeline.compute(run, ["export-report"])
    file = catalogue.path(run, "report.html")
    assert file is not None
    requests: list[str] = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        context = browser.new_context(color_scheme=scheme)
        context.route(lambda url: not url.startswith(("file:", "data:")), lambda route: route.abort())
        reader = context.new_page()
        reader.on("request", lambda request: requests.append(request.url))
        reader.goto(file.as_uri())
        expect(reader.get_by_text("relabel to 1 <script>window.hacked").first).to_be_visible()
        assert reader.evaluate("window.hacked") is None
        assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
        context.close()
    assert {address for address in requests if not address.startswith("data:")} == {file.as_uri()}


def rename_classes(run: Run, name: str) -> None:
    """Give every class a name with markup, in the data and in the report, as if the data had come with them."""
    for stage, file in (("data", "classes.json"), ("evaluate", "report.json")):
        path, description = run.path / stage / file, run.path / stage / "stage.json"
        found = json.loads(path.read_text())
        if stage == "data":
            found["names"] = [f"{label} {name}" for label in range(10)]
        else:
            found["data"]["class_names"] = [f"{label} {name}" for label in range(10)]
        path.write_text(json.dumps(found))
        values = json.loads(description.read_text())
        values["files"][file] = {"size": path.stat().st_size, "sha256": durable.sha256(path)}
        description.write_text(json.dumps(values))


def test_table_goes_out_and_verdicts_come_back(page: Page, server: Server, run: Run, tmp_path: Path) -> None:
    verdicts.record(run, [Decision(sample=1, verdict="remove")], reviewer="ada", key="1")
    page.goto(f"{server.url}/export")
    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").click()
    file = tmp_path / "samples.csv"
    started.value.save_as(file)
    table = pd.read_csv(file)
    assert table["verdict"].dropna().tolist() == ["remove"]
    table.loc[table["sample"] == 2, "verdict"] = "keep"
    table.to_csv(file, index=False)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("2 verdicts fit this run: 1 keep, 1 remove.")).to_be_visible()
    page.get_by_label("They become the verdicts of").fill("bob")
    page.get_by_label("They become the verdicts of").press("Enter")
    page.get_by_role("button", name="Take over 2 verdicts").click()
    expect(page.get_by_text("2 verdicts are bob's now.")).to_be_visible()
    assert {sample: said.verdict for sample, said in verdicts.standing(run).items()} == {1: "remove", 2: "keep"}
