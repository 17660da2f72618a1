"""The repair at several thresholds as its reader meets it: absent, at work, computed, out of date."""

import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from bir_core import jobs, pipeline, run_folder, storage
from bir_core.run_folder import Run
from dashboard import sensitivity_chart
from tests.dashboard.conftest import OpenView, texts, wait_until


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


def test_the_slider_starts_at_the_runs_own_threshold_and_moves_over_all(open_view: OpenView, swept: Run) -> None:
    rows = rows_of(swept)
    report = storage.load_report(swept.path / "evaluate")
    app = open_view("sensitivity")
    assert not app.exception
    slider = app.select_slider(key="sensitivity_place")
    assert isinstance(slider.value, int)
    assert rows[slider.value]["is_own"]
    base = report["models"]["base"]["all"]
    assert f"{base:.1f} → {report['models']['bir']['all']:.1f} %" in texts(app)
    for place, row in enumerate(rows):
        app.select_slider(key="sensitivity_place").set_value(place).run()
        shown = texts(app)
        assert f"Suspects {row['num_suspects']:,} " in shown
        assert f"{base:.1f} → {row['model']['all']:.1f} %" in shown
        assert f"recall {100 * row['recall']:.0f} %" in shown
    assert "not as a menu" in shown


def test_the_link_takes_the_threshold_to_the_repair(open_view: OpenView, swept: Run) -> None:
    last = rows_of(swept)[-1]
    app = open_view("sensitivity")
    app.select_slider(key="sensitivity_place").set_value(len(rows_of(swept)) - 1).run()
    (link,) = (found.proto for found in app.get("page_link") if found.proto.page == "repair")
    asked = urllib.parse.parse_qs(link.query_string)
    assert asked == {"run": [swept.name], "t": [repr(last["threshold"])]}
    repair = open_view("repair", t=asked["t"][0])
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


def test_chart_and_slider_share_one_scale(swept: Run) -> None:
    found = storage.load_sensitivity(swept.path / "sensitivity")
    num = len(found["rows"])
    figure = sensitivity_chart.accuracies(found)
    low, high = figure.layout.xaxis.range
    for place in range(num):
        assert sensitivity_chart.share(place, num) == pytest.approx((place - low) / (high - low))
    drawn = {trace.name: list(trace.y) for trace in figure.data if trace.mode == "lines+markers"}
    assert drawn["All test images"] == [row["model"]["all"] for row in found["rows"]]
    assert len(sensitivity_chart.table(found)) == num
