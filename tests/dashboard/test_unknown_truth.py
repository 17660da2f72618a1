"""Every view of a run of which nobody knows the truth, with test images and without, and with many classes."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import pipeline, run_folder, storage, verdicts
from bir_core.exports import catalogue
from bir_core.records import LabelledImages, Splits
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from dashboard import comparison_charts, frames, method_frames, method_results, models, runs, standings, words
from tests import unknown_truth
from tests.dashboard.conftest import VIEWS, OpenView, texts

FORBIDDEN = re.compile(r"truly|true label|\bAUC 0|recall \d|harmed|\d+ corrupted", re.IGNORECASE)
"""Words that only a known truth allows."""

MANY = 120


def shown_in(root: Path, run: Run) -> Run:
    shutil.copytree(run.path, root / run.name)
    return run_folder.open_run(root, run.name)


@pytest.fixture
def unknown(runs_root: Path, unknown_run: Run) -> Run:
    """With test images, where the dashboard looks."""
    return shown_in(runs_root, unknown_run)


@pytest.fixture
def untested(runs_root: Path, untested_run: Run) -> Run:
    """Without test images, where the dashboard looks."""
    return shown_in(runs_root, untested_run)


def helps(app: AppTest) -> str:
    """What the little question marks say."""
    return "\n".join(str(one.help) for kind in (app.metric, app.number_input) for one in kind)


def judge(run: Run, *, right: int, wrong: int) -> None:
    """A reviewer judges the most suspect samples: first the right flags, then the wrong ones."""
    first = runs.scored(run).index.order[: right + wrong].tolist()
    said = [Decision(sample=one, verdict="remove" if place < right else "keep") for place, one in enumerate(first)]
    verdicts.record(run, said, reviewer="ann", key="judged")


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "jobs"])
@pytest.mark.parametrize("which", ["unknown", "untested"])
def test_no_view_fails_or_speaks_of_a_truth(
    open_view: OpenView, which: str, view: str, request: pytest.FixtureRequest
) -> None:
    run = request.getfixturevalue(which)
    app = open_view(view, run=run.name)
    assert not app.exception
    assert not app.error
    found = FORBIDDEN.search(texts(app))
    assert found is None, found


@pytest.mark.parametrize("view", ["overview", "scores", "sample"])
def test_a_known_truth_is_spoken_of(open_view: OpenView, complete: Run, view: str) -> None:
    """Negative control of the test before."""
    app = open_view(view, run=complete.name)
    said = texts(app) + "\n".join(f"{one.label} {one.value}" for one in app.metric)
    assert FORBIDDEN.search(said)


@pytest.mark.parametrize("view", ["overview", "repair", "compare", "methods", "present"])
def test_where_accuracies_come_from_is_said(open_view: OpenView, untested: Run, view: str) -> None:
    said = texts(open_view(view, run=untested.name))
    assert re.search(r"cross-fitted", said, re.IGNORECASE)
    assert "judged by models that were made without it" in said
    assert "test images that no stage has touched" not in said


def test_with_test_images_nothing_is_cross_fitted(open_view: OpenView, unknown: Run) -> None:
    for view in ("overview", "compare"):
        said = texts(open_view(view, run=unknown.name))
        assert "ross-fitted" not in said
        assert "Nobody knows which samples are wrong" in said or view == "compare"


def test_the_chart_says_that_it_is_cross_fitted(untested: Run, unknown: Run) -> None:
    from dashboard import charts

    titles = [charts.accuracy_intervals(runs.report(run)).layout.xaxis.title.text for run in (untested, unknown)]
    assert titles == ["Cross-fitted accuracy (%)", "Accuracy (%)"]


# ---------------------------------------------------------------- what reviewers measured


def test_measured_precision_by_hand(unknown: Run) -> None:
    index, cut = runs.scored(unknown).index, runs.default_threshold(unknown)
    assert standings.measured_above(unknown, cut)["reviewed"] == 0
    judge(unknown, right=3, wrong=1)
    found = standings.measured_above(unknown, float(index.ascending[-5]))
    assert (found["num"], found["reviewed"], found["confirmed"]) == (4, 4, 3)
    top = standings.measured_above(unknown, float(index.ascending[-4]))
    assert (top["num"], top["reviewed"], top["confirmed"]) == (3, 3, 3)
    assert words.measured(found) == (
        "Reviewers judged 4 of the 4 flags and found 75 % of these right (95 % interval 30 to 95 % if they were "
        "chosen blindly)."
    )


def test_the_threshold_is_explained_by_what_reviewers_found(open_view: OpenView, unknown: Run) -> None:
    for view in ("scores", "suspects", "repair"):
        assert "No flag has been judged by a reviewer yet" in helps(open_view(view, run=unknown.name))
    judge(unknown, right=3, wrong=1)
    for view in ("scores", "suspects", "repair"):
        assert "Reviewers judged 4 of the" in helps(open_view(view, run=unknown.name))
    app = open_view("scores", run=unknown.name)
    (metric,) = (one for one in app.metric if one.label == "Measured precision")
    assert (metric.value, metric.delta) == ("75 %", "3 of 4 judged")
    assert not any(one.label in ("Precision", "Recall", "AUC") for one in app.metric)
    assert "found 75 % of these right" in texts(open_view("overview", run=unknown.name))
    assert "found 75 % of these right" in texts(open_view("present", run=unknown.name))


def test_a_known_truth_needs_no_reviewers(open_view: OpenView, complete: Run) -> None:
    judge(complete, right=3, wrong=1)
    app = open_view("scores", run=complete.name)
    assert "Reviewers judged" not in helps(app)
    assert any(one.label == "Recall" for one in app.metric)


# ---------------------------------------------------------------- the views one by one


def test_overview_says_which_classes_are_noisy_and_why(open_view: OpenView, unknown: Run) -> None:
    report = runs.report(unknown)
    assert words.noisy(report) in texts(open_view("overview", run=unknown.name))
    named = {**report, "data": {**report["data"], "noisy_classes": [3], "noisy_classes_origin": "named by the user"}}
    assert words.noisy(named) == "Noisy classes, as named by the user: 3."
    none = {**report, "data": {**report["data"], "noisy_classes": []}}
    assert words.noisy(none).startswith("No class has a larger share of suspects")
    assert words.noisy({"data": {**report["data"], "noisy_classes_origin": "known"}}) == ""


def test_compare_shows_the_reserved_images_where_there_are_no_test_images(open_view: OpenView, untested: Run) -> None:
    part = storage.load_part(untested.path / "data", "reserved")
    known = models.of_data(untested)
    assert list(known) == ["base", "enhanced", "bir", "fine_tune"]
    assert np.array_equal(models.judged_part(untested).ids, part.ids)
    for section in ("Classes", "Mistakes", "Changed images", "Calibration"):
        app = open_view("compare", run=untested.name)
        app.session_state["compare_section"] = section
        app.run()
        assert not app.exception
        assert not app.error
        assert "reserved images" in texts(app)


def test_no_class_is_called_clean_where_nobody_knows(unknown: Run) -> None:
    report = runs.report(unknown)
    named = {**report["data"], "noisy_classes": [3]}
    table = frames.per_class(named, report["models"]["base"], report["models"]["bir"])
    assert table["kind"].tolist() == ["noisy" if label == 3 else "other" for label in range(10)]


def test_methods_leaves_out_what_would_have_to_be_trained_anew(untested: Run) -> None:
    board = method_results.of_run(untested, runs.report(untested))
    states = {one.name: one.state for one in board.treatments}
    assert states["retrain"] == "impossible"
    assert states["bir"] == states["fine_tune"] == states["none"] == "there"
    said = method_frames.best_treatment(
        board.treatments, lambda one, other: method_results.difference(untested, one, other), images="reserved images"
    )
    assert "% of all reserved images" in said
    assert "retraining" not in said


def test_methods_shows_a_treatment_that_was_asked_for(open_view: OpenView, untested: Run) -> None:
    pipeline.compute(untested, ["treat-rdia", "detect-knn_shapley", "sensitivity"])
    app = open_view("methods", run=untested.name)
    assert not app.exception
    treatments = app.dataframe[1].value.set_index("Treatment")
    found = storage.load_findings(untested.path / "treat-rdia")
    assert treatments.loc["RDIA", "All (%)"] == found["figures"]["all"]
    assert treatments["All (%)"].isna().to_dict()["Retrain without the suspects"]
    assert "AUC" not in app.dataframe[0].value
    sensitivity = open_view("sensitivity", run=untested.name)
    assert not sensitivity.exception
    (board,) = (one for one in sensitivity.get("bidi_component") if "sensitivity" in one.proto.component_name)
    data: dict[str, Any] = json.loads(board.proto.json)
    assert data["title"].startswith("Cross-fitted accuracy")
    assert data["heights"] == "Cross-fitted accuracy (%)"
    assert data["parts"][0]["title"] == "Reserved images"
    assert "No flag has been judged" in data["stops"][0]["cards"][0]["said"]


def test_the_page_to_mail_says_it_too(untested: Run) -> None:
    pipeline.compute(untested, ["export-report"])
    path = catalogue.path(untested, "report.html")
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert "cross-fitted on the 50 reserved images: in 5 folds" in text
    assert "Nobody knows which samples are wrong, so precision and recall cannot be said." in text
    assert "Suspects by given class" in text
    assert "known to be corrupted" not in text
    assert "<th scope='col'>Reserved images (%)<br>n = 50</th>" in text


# ---------------------------------------------------------------- any number of classes


def random_splits(num_classes: int, *, with_test: bool) -> Splits:
    """Noise with labels, a few images of each class."""
    draw = np.random.default_rng(0)

    def part(first: int, each: int) -> LabelledImages:
        num = each * num_classes
        return LabelledImages(
            images=draw.random((num, 1, 16, 16), dtype=np.float32),
            labels=np.arange(num) % num_classes,
            ids=first + np.arange(num),
        )

    return Splits(
        train=part(0, 3),
        validation=part(10_000, 1),
        reserved=part(20_000, 1),
        test=part(30_000, 2 if with_test else 0),
        class_names=tuple(f"kind {label}" for label in range(num_classes)),
    )


def test_many_classes_are_cut_to_the_worst_and_that_is_said(
    open_view: OpenView, runs_root: Path, tiny_run: Run
) -> None:
    run = unknown_truth.create_from(
        runs_root, tiny_run, "many", random_splits(MANY, with_test=True), identify={"top_k": 40}
    )
    pipeline.compute(run)
    assert storage.load_report(run.path / "evaluate")["models"]["bir"]["confusion"] is None
    for view in VIEWS:
        app = open_view(view, run=run.name)
        assert not app.exception
        assert not app.error
    app = open_view("scores", run=run.name)
    assert "The 50 classes with the largest share; 70 more are left out." in texts(app)
    app = open_view("compare", run=run.name)
    assert f"Of {MANY} classes the 30 with the lowest accuracy after are shown." in texts(app)
    app.session_state["compare_section"] = "Mistakes"
    app.run()
    assert f"Of {MANY} classes the 30 with the most mistakes are drawn" in texts(app)
    pipeline.compute(run, ["export-report", "export-cleaned", "export-table"])
    assert "90 more are left out" in (run.path / "export-report" / "report.html").read_text(encoding="utf-8")


def test_two_classes_are_enough(open_view: OpenView, runs_root: Path, tiny_run: Run) -> None:
    splits = random_splits(2, with_test=False)
    run = unknown_truth.create_from(runs_root, tiny_run, "two", splits, identify={"top_k": 2})
    pipeline.compute(run)
    report = runs.report(run)
    assert report["evaluation"] == {
        "on": "cross-fitted reserved set",
        "part": "reserved",
        "num": 2,
        "num_folds": 2,
    }
    for view in VIEWS:
        app = open_view(view, run=run.name)
        assert not app.exception
        assert not app.error


def test_a_thousand_classes_are_drawn_as_thirty() -> None:
    counts = np.eye(1000, dtype=np.int64) * 5
    counts[7, 800] = 4
    counts[500, 501] = 3
    drawn = comparison_charts.most_confused(counts, counts)
    assert len(drawn) == comparison_charts.MOST_CLASSES
    assert {7, 500, 501, 800} <= set(drawn.tolist())
    table = pd.DataFrame({"after": np.where(np.arange(1000) == 321, 0.0, 90.0)})
    assert 321 in comparison_charts.worst_classes(table).index
    assert len(comparison_charts.worst_classes(table)) == comparison_charts.MOST_CLASSES
    few = comparison_charts.most_confused(np.eye(10, dtype=np.int64))
    assert few.tolist() == list(range(10))


def test_shares_of_a_class_count_what_is_not_drawn() -> None:
    counts = np.array([[2, 1], [0, 4]])
    figure = comparison_charts.confusion(counts, ["a", "b"], totals=np.array([10, 4]))
    assert figure.data[0].z[0].tolist() == [20.0, 10.0]
