"""How many reserved images are enough: the curve of a run, absent, computed, and in words."""

from pathlib import Path
from typing import Any

import pytest

import bir_core
from bir_core import jobs, pipeline, storage
from bir_core.run_folder import Run
from dashboard import sizes_chart
from tests.dashboard.conftest import OpenView, texts


def row(size: int, *, left_out: float | None = 90.0, found_again: float | None = 0.5, auc: float | None = 0.9) -> dict:
    values = {"left_out": left_out, "found_again": found_again, "auc": auc}
    bounds = {
        f"{name}_{end}": None if value is None else value + step
        for name, value in values.items()
        for end, step in (("low", -0.1), ("high", 0.05))
    }
    return {"size": size, "draws": 3, **values, **bounds}


ROWS = [row(30, found_again=0.6), row(100, found_again=0.96), row(300, left_out=None, found_again=1.0)]


def test_a_panel_per_figure_with_every_size() -> None:
    left_out, found_again, auc = sizes_chart.figure(ROWS).data
    assert (list(left_out.x), list(left_out.y)) == ([30, 100], [90.0, 90.0]), "nothing is left out of the whole set"
    assert (list(found_again.x), list(found_again.y)) == ([30, 100, 300], [60.0, 96.0, 100.0])
    assert list(found_again.error_y.array) == pytest.approx([5.0] * 3)
    assert list(found_again.error_y.arrayminus) == pytest.approx([10.0] * 3)
    assert list(auc.y) == [0.9] * 3


def test_without_the_truth_there_is_no_auc() -> None:
    rows = [row(30, auc=None), row(100, auc=None)]
    assert len(sizes_chart.figure(rows).data) == 2
    assert not [column for column in sizes_chart.table(rows) if str(column).startswith("AUC")]


def test_the_table_has_bounds_and_says_what_is_not_known() -> None:
    table = sizes_chart.table(ROWS).set_index("Reserved images").astype(str)
    assert str(table.loc["30", "Suspects of this run found again (%)"]).replace("\xa0", " ") == "60.0 (50.0 to 65.0)"
    assert table.loc["300", "Right on reserved images left out (%)"] == "–"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS, "With **100** reserved images 96 % of this run's suspects are found again"),
        ([row(30), row(100, found_again=1.0)], "With 30 reserved images only 50 % of the suspects"),
        ([row(20, found_again=1.0)], "too few to leave some out"),
        ([row(30, found_again=None), row(100, found_again=None)], "has no suspects"),
    ],
)
def test_in_words(rows: list[dict[str, Any]], words: str) -> None:
    assert words in sizes_chart.sentence(rows)


def test_what_is_known_without_a_curve_is_what_the_benchmark_measured() -> None:
    results = Path(bir_core.__file__).parents[1] / "benchmarks" / "results" / "table11.md"
    first = results.read_text().split("## MNIST-Input")[0]
    for size, auc in sizes_chart.PAPER.items():
        assert f"| {size} reserved | 5 | {auc:.3f} ± " in first
        assert f"{auc:.3f} with {size}" in sizes_chart.without_curve()


def test_absent_it_is_offered_on_the_overview(open_view: OpenView, complete: Run) -> None:
    app = open_view("overview")
    assert not app.exception
    assert "Not computed for this run yet" in texts(app)
    app.button(key="offer_reserved_sizes").click().run()
    job = jobs.latest(complete.path.parent, complete.name)
    assert job is not None
    assert job.stages == ("reserved_sizes",)
    jobs.cancel(complete.path.parent, job.id)


def test_computed_it_is_drawn(open_view: OpenView, complete: Run) -> None:
    pipeline.compute(complete, ["reserved_sizes"])
    rows = storage.load_reserved_sizes(complete.path / "reserved_sizes")
    app = open_view("overview")
    assert not app.exception
    assert sizes_chart.sentence(rows) in texts(app)
    assert [table.value.shape for table in app.table if "Reserved images" in table.value] == [(len(rows), 5)]
