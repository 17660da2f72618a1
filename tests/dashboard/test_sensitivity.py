"""The repair at several thresholds as its reader meets it: absent, at work, computed, out of date."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bir_core import jobs, pipeline, run_folder, storage
from bir_core.run_folder import Run
from dashboard import sensitivity_chart
from tests.dashboard.conftest import OpenView, texts, wait_until


def board_of(found: Mapping[str, Any], run: str = "r") -> dict[str, Any]:
    """The board of a run with known truth and test images."""
    return sensitivity_chart.board(found, run=run, report={}, how_right=sensitivity_chart.how_right)


@pytest.fixture
def swept(complete: Run) -> Run:
    pipeline.compute(complete, ["sensitivity"])
    return complete


def rows_of(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = storage.load_sensitivity(run.path / "sensitivity")["rows"]
    return rows


def test_absent_it_offers_a_job_and_shows_it(open_view: OpenView, complete: Run, runs_root: Path) -> None:
    app = open_view("sensitivity")
    assert not app.exception
    assert "Not computed yet" in texts(app)
    (offer,) = (button for button in app.button if button.label == "Compute it")
    offer.click().run()
    job = jobs.latest(runs_root, complete.name)
    assert job is not None
    assert job.stages == ("sensitivity",)
    jobs.cancel(runs_root, job.id)
    wait_until(lambda: jobs.find(runs_root, job.id), lambda found: found.state not in jobs.ACTIVE)
    app.run()
    assert not app.exception
    assert not app.error


def test_present_it_hands_every_threshold_to_the_browser_at_once(open_view: OpenView, swept: Run) -> None:
    report = storage.load_report(swept.path / "evaluate")["models"]
    app = open_view("sensitivity")
    assert not app.exception
    (chart,) = (found for found in app.get("bidi_component") if found.proto.component_name == "bir_sensitivity")
    data = json.loads(chart.proto.json)
    assert data == board_of(storage.load_sensitivity(swept.path / "sensitivity"), swept.name)
    own = data["stops"][data["own"]]
    assert own["cards"][1]["value"] == f"{report['base']['all']:.1f} → {report['bir']['all']:.1f} %"
    assert "not as a menu" in texts(app)


def test_a_link_takes_the_exact_threshold_to_the_repair(open_view: OpenView, swept: Run) -> None:
    last = rows_of(swept)[-1]
    board = board_of(storage.load_sensitivity(swept.path / "sensitivity"), swept.name)
    assert float(board["stops"][-1]["exact"]) == last["threshold"]
    repair = open_view("repair", run=board["run"], t=board["stops"][-1]["exact"])
    assert f"**{last['num_suspects']:,} suspects** at this threshold" in texts(repair)


def test_changed_settings_are_said(open_view: OpenView, swept: Run) -> None:
    review = swept.config.review.model_copy(update={"keep": (3,)})
    run_folder.update_config(swept, swept.config.model_copy(update={"review": review}))
    app = open_view("sensitivity")
    assert not app.exception
    assert any("settings of this run were changed" in warning.value for warning in app.warning)
    assert "Compute it again" in [button.label for button in app.button]


def test_a_truncated_result_is_one_sentence(open_view: OpenView, swept: Run) -> None:
    path = swept.path / "sensitivity" / "sensitivity.json"
    text = path.read_text()
    path.unlink()
    path.write_text(text[:100])
    app = open_view("sensitivity")
    assert not app.exception
    assert "bytes instead of" in app.error[0].value


def figures(everywhere: float, **others: float | None) -> dict[str, Any]:
    """What an evaluation says of a model, with intervals of one point to each side."""
    values = {"all": everywhere, "clean": others.get("clean"), "noisy": others.get("noisy")}
    intervals = {part: None if value is None else [value - 1, value + 1] for part, value in values.items()}
    return {**values, "intervals": intervals, "num": {part: 100 for part, value in values.items() if value is not None}}


def sweep(*rows: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """A result of the stage; what a row leaves out is usual."""
    usual = {
        "threshold": 0.5,
        "is_own": False,
        "num_suspects": 1200,
        "num_aligned": 1100,
        "precision": 0.5,
        "recall": 0.25,
    }
    return {"base": base, "rows": [usual | row for row in rows]}


def gain(difference: float) -> dict[str, float]:
    return {"difference": difference, "low": difference - 2, "high": difference + 2}


def test_each_threshold_says_what_it_flags_and_what_the_repair_brings() -> None:
    repaired = figures(90.0, clean=95.0, noisy=85.0)
    gains = {"all": gain(10.0), "clean": gain(-1.25), "noisy": gain(0.01)}
    row = {"threshold": 3.7e-06, "is_own": True, "model": repaired, "gain": gains}
    board = board_of(sweep(row, base=figures(80.0, clean=96.25, noisy=84.99)))
    assert [part["base"] for part in board["parts"]] == [80.0, 96.25, 84.99]
    assert board["own"] == 0
    (stop,) = board["stops"]
    assert (stop["exact"], stop["name"], stop["flagged"]) == ("3.7e-06", "3.7e-06", "1,200")
    assert [point["bounds"] for point in stop["points"]] == [[89.0, 91.0], [94.0, 96.0], [84.0, 86.0]]
    flags, everywhere, clean, noisy = stop["cards"]
    assert flags["value"] == "1,200"
    assert flags["note"] == "1,100 of them aligned"
    assert flags["said"] == "Precision 50 %, recall 25 %."
    assert everywhere == {
        "title": "All test images, n = 100",
        "value": "80.0 → 90.0 %",
        "note": "+10.0 points",
        "tone": "better",
        "said": "95 % interval 89.0 to 91.0; paired difference from the base model +8.0 to +12.0.",
    }
    assert (clean["tone"], noisy["tone"]) == ("worse", "plain")


def test_without_noisy_classes_only_all_is_drawn() -> None:
    row = {"is_own": True, "model": figures(90.0), "gain": {"all": gain(1.0)}, "precision": None, "recall": None}
    found = sweep(row, base=figures(89.0))
    board = board_of(found)
    assert [part["title"] for part in board["parts"]] == ["All test images"]
    assert len(board["stops"][0]["points"]) == 1
    assert board["stops"][0]["cards"][0]["said"].startswith("Nothing was corrupted on purpose")
    assert list(sensitivity_chart.table(found)) == ["Threshold", "Suspects", "All (%)"]


def test_flags_on_nothing_have_no_precision() -> None:
    assert sensitivity_chart.how_right({"precision": None, "recall": 0.0}).startswith("No sample is flagged")
    row = {"is_own": True, "model": figures(90.0), "gain": {"all": gain(0.0)}, "precision": None, "recall": 0.0}
    table = sensitivity_chart.table(sweep(row, base=figures(90.0)))
    assert list(table["Precision"]) == ["–"], "a hyphen alone would be drawn as the bullet of a list"


@pytest.mark.parametrize(("base", "repaired"), [(57.2, 95.0), (90.0, 90.0), (99.5, 98.0), (1.0, 99.0)])
def test_ticks_enclose_all_that_is_drawn_and_are_few(base: float, repaired: float) -> None:
    row = {"is_own": True, "model": figures(repaired), "gain": {"all": gain(repaired - base)}}
    ticks = board_of(sweep(row, base=figures(base)))["ticks"]
    assert ticks[0] <= min(base, repaired - 1)
    assert ticks[-1] >= max(base, repaired + 1)
    assert 2 <= len(ticks) <= sensitivity_chart.MOST_TICKS + 1
    assert len({later - earlier for earlier, later in pairwise(ticks)}) == 1


def test_the_table_has_every_threshold_and_marks_the_runs_own(swept: Run) -> None:
    rows = rows_of(swept)
    table = sensitivity_chart.table(storage.load_sensitivity(swept.path / "sensitivity"))
    assert list(table["Suspects"]) == [f"{row['num_suspects']:,}" for row in rows]
    assert ["run" in threshold for threshold in table["Threshold"]] == [row["is_own"] for row in rows]
