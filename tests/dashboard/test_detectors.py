"""Other detectors than the run's own in the Scores view: none that was run, one, two; and where truth is not known."""

import json
import re
import shutil
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import jobs, methods, run_folder, storage
from bir_core.numerics import ranking
from bir_core.run_folder import Run
from dashboard import agreement_chart, clouds, detectors, frames, runs
from dashboard.components import histogram
from dashboard.frames import ScoreIndex
from tests.dashboard.conftest import OpenView, go_to, texts, wait_until

MARGIN, LOSS = (methods.detector(name) for name in ("margin", "loss"))


@pytest.fixture
def with_margin(complete: Run) -> Run:
    """A run of which the training margin was computed."""
    from bir_core import pipeline

    pipeline.compute(complete, ["detect-margin"])
    return complete


def save(run: Run, name: str, scores: np.ndarray) -> None:
    """Scores as the stage of a detector leaves them."""

    def write(folder: Any) -> None:
        storage.save_detector_scores(folder, scores)
        storage.save_findings(folder, {"detector": name, "facts": {"num_neighbours": 10}, "figures": {}})

    run_folder.save_stage(run, f"detect-{name}", write, seconds=12.3, peak_memory_mb=456, device="cpu")


def histogram_data(app: AppTest) -> dict[str, Any]:
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == "bir_histogram")
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def two(app: AppTest, section: str = "scores_section") -> AppTest:
    app.button_group(key=section).set_value("Two detectors").run()
    assert not app.exception
    assert not app.error
    return app


def table(app: AppTest) -> dict[str, list[int]]:
    """Samples and, where known, corrupted ones of each group."""
    rows = re.findall(r'<th scope="row">(.*?)</th>((?:<td>[^<]*</td>)+)', texts(app).split("bir-overlap", 1)[1])
    cells = {name: re.findall(r"<td>([\d,]+)</td>", found) for name, found in rows}
    return {name: [int(cell.replace(",", "")) for cell in found] for name, found in cells.items()}


def top_of(scores: np.ndarray, num: int) -> set[int]:
    return set(np.argsort(-scores, kind="stable")[:num].tolist())


# ---------------------------------------------------------------- none was run


@pytest.mark.usefixtures("complete")
def test_what_comes_with_every_run_can_be_shown_and_the_rest_is_offered(open_view: OpenView) -> None:
    app = open_view("scores")
    assert app.selectbox(key="detector").value == "bir"
    assert app.selectbox(key="detector").options == [one.title for one in methods.DETECTORS if one.free]
    offered = app.selectbox(key="absent_detector")
    assert offered.options == [one.title for one in methods.DETECTORS if not one.free]
    assert MARGIN.line in texts(app)
    assert f"Cost: {MARGIN.needs}. It does not see the reserved set." in texts(app)
    assert histogram_data(app)["opens"]


@pytest.mark.usefixtures("complete")
def test_what_lacks_a_package_says_which_and_cannot_be_started(
    open_view: OpenView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None if name == "trak" else object())
    app = open_view("scores")
    assert not app.button(key="compute_detector").disabled
    app.selectbox(key="absent_detector").set_value("trak").run()
    assert app.button(key="compute_detector").disabled
    assert "missing: trak" in texts(app)


def test_an_offer_starts_a_job_of_this_stage_alone(open_view: OpenView, complete: Run) -> None:
    app = open_view("scores")
    app.selectbox(key="absent_detector").set_value("margin").run()
    app.button(key="compute_detector").click().run()
    root = complete.path.parent
    job = jobs.latest(root, complete.name)
    assert job is not None
    assert job.stages == ("detect-margin",)
    jobs.cancel(root, job.id)
    wait_until(lambda: jobs.find(root, job.id), lambda found: found.state not in jobs.ACTIVE)
    assert not app.run().exception


# ---------------------------------------------------------------- one was run


def test_another_detector_has_its_own_histogram_line_and_figures(open_view: OpenView, with_margin: Run) -> None:
    scores = storage.load_detector_scores(with_margin.path / "detect-margin")
    truth = storage.load_truth(with_margin.path / "data").corrupted
    expected = ranking.detection_figures(scores, truth, 0.0)
    app = open_view("scores", detector=MARGIN.title)
    shown, data = texts(app), histogram_data(app)
    assert not app.exception
    assert "the suspects of this run come from BIR's score" in shown
    assert (data["threshold"], data["count"], data["opens"]) == (0, expected["num_above_threshold"], False)
    assert sum(sum(kind["counts"]) for kind in data["kinds"]) == len(scores)
    assert f"AUC {expected['auc']:.4f}" in shown
    assert f"Average precision **{expected['average_precision']:.3f}**" in shown
    assert f"recall at K **{100 * expected['recall_at_k']:.1f} %** (K = {truth.sum()}" in shown
    assert f"**{expected['num_above_threshold']}** samples above its own threshold 0" in shown
    assert "Training margin (AUM)" not in app.selectbox(key="absent_detector").options


def test_its_line_moves_and_leaves_the_runs_threshold_alone(open_view: OpenView, with_margin: Run) -> None:
    app = open_view("scores", detector=MARGIN.title)
    app.button(key="landmark_as many as BIR").click().run()
    own = runs.scored(with_margin).index.count_above(runs.default_threshold(with_margin))
    assert histogram_data(app)["count"] == own
    app.number_input(key="top_k").set_value(7).run()
    assert histogram_data(app)["count"] == 7
    app.selectbox(key="detector").set_value("bir").run()
    assert histogram_data(app)["threshold"] == runs.default_threshold(with_margin)


def test_scores_of_before_are_called_so(open_view: OpenView, with_margin: Run) -> None:
    base = with_margin.config.base.model_copy(update={"memorised_epochs": 3})
    run_folder.update_config(with_margin, with_margin.config.model_copy(update={"base": base}))
    app = open_view("scores", detector=MARGIN.title)
    assert "settings of this run were changed" in app.warning[0].value
    assert "Compute it again" in [button.label for button in app.button]


def test_scores_of_other_samples_are_refused_in_words(open_view: OpenView, complete: Run) -> None:
    save(complete, "margin", np.zeros(3))
    app = open_view("scores", detector=MARGIN.title)
    assert not app.exception
    assert "3 scores by Training margin (AUM)" in app.error[0].value


# ---------------------------------------------------------------- two


def test_two_detectors_share_and_miss_what_their_sets_say(open_view: OpenView, with_margin: Run) -> None:
    own = runs.scored(with_margin).index
    margin = storage.load_detector_scores(with_margin.path / "detect-margin")
    truth = set(np.flatnonzero(storage.load_truth(with_margin.path / "data").corrupted).tolist())
    app = two(open_view("scores", k="30"))
    assert (app.selectbox(key="first").value, app.selectbox(key="second").value) == ("bir", "margin")
    one, other = top_of(own.scores, 30), top_of(margin, 30)
    groups = {
        "Both": one & other,
        "Only BIR": one - other,
        f"Only {MARGIN.title}": other - one,
        "Neither": set(range(len(margin))) - one - other,
    }
    assert table(app) == {name: [len(found), len(found & truth)] for name, found in groups.items()}
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    for title, found in (("BIR", one - other), (MARGIN.title, other - one)):
        query = links[f"Open the {len(found)} that only {title} finds"]
        assert {int(sample) for sample in re.split("%2C|,", query.split("only=")[1])} == found
    assert f"Jaccard {len(one & other) / len(one | other):.3f}" in texts(app)


def test_a_detector_without_a_threshold_and_with_ties(open_view: OpenView, with_margin: Run) -> None:
    num = len(runs.scored(with_margin).index)
    save(with_margin, "cleanlab", np.arange(num) // 60 / 10)
    title = methods.detector("cleanlab").title
    app = open_view("scores", detector=title)
    shown = texts(app)
    assert "it has no threshold of its own" in shown.lower()
    assert "computed in 12 s on cpu, peak memory 456 MB; num neighbours: 10" in shown
    assert "landmark_its own" not in [button.key for button in app.button]
    app.number_input(key="top_k").set_value(25).run()
    assert "no threshold takes exactly 25" in texts(app)
    app = two(app, "detector_section")
    assert app.selectbox(key="second").value == "cleanlab"
    app.number_input(key="k").set_value(25).run()
    assert f"{title}: equal scores stand at rank 25" in texts(app)
    assert "BIR: equal scores" not in texts(app)


@pytest.mark.usefixtures("complete")
def test_the_same_twice_is_said(open_view: OpenView) -> None:
    app = two(open_view("scores", first="BIR", second="BIR"))
    assert "Both are the same detector" in app.info[0].value


def test_without_truth_only_the_overlap_is_said(open_view: OpenView, complete: Run) -> None:
    truth = storage.load_truth(complete.path / "data")
    nothing = np.zeros(len(truth.corrupted), dtype=np.bool_)
    for path in (complete.path / "data").glob("truth_*.npy"):
        path.unlink()
    np.save(complete.path / "data" / "truth_corrupted.npy", nothing)
    np.save(complete.path / "data" / "truth_original_labels.npy", truth.original_labels)
    np.save(complete.path / "data" / "truth_original_images.npy", truth.original_images[:0])
    seal(complete, "data")
    app = open_view("scores", detector=LOSS.title)
    assert "precision, recall and AUC cannot be said" in texts(app)
    assert "recall at K" not in texts(app)
    app = two(app, "detector_section")
    assert all(len(cells) == 1 for cells in table(app).values())
    assert [metric.label for metric in app.metric][-3:] == ["In both top K", "Jaccard", "Rank correlation"]


def seal(run: Run, stage: str) -> None:
    """Let the stage's description say what lies there now."""
    path = run.path / stage / "stage.json"
    values = json.loads(path.read_text())
    for name, fact in values["files"].items():
        fact["size"] = (run.path / stage / name).stat().st_size
    path.unlink()
    path.write_text(json.dumps(values | {"digest": "0" + values["digest"]}))


# ---------------------------------------------------------------- what they are made of


def make(scores: np.ndarray, *, near_zero: float = frames.NEAR_ZERO) -> ScoreIndex:
    num = len(scores)
    return ScoreIndex(
        scores=scores,
        order=np.argsort(-scores, kind="stable").astype(np.uint32),
        labels=np.arange(num) % 3,
        predictions=np.arange(num) % 2,
        corrupted=np.arange(num) % 5 == 0,
        class_names=("a", "b", "c"),
        near_zero=near_zero,
    )


def test_average_precision_and_recall_are_those_of_the_stage(with_margin: Run) -> None:
    stored = storage.load_findings(with_margin.path / "detect-margin")["figures"]
    found = detectors.figures(with_margin, MARGIN)
    assert (found.average_precision, found.recall) == (stored["average_precision"], stored["recall_at_k"])
    assert detectors.index(with_margin, MARGIN).auc == pytest.approx(stored["auc"])


def test_columns_of_the_score_stage_are_its_losses(complete: Run) -> None:
    scores = storage.load_scores(complete.path / "score")
    for name, expected in (("loss", scores.loss_before), ("enhanced_loss", scores.loss_after)):
        found = detectors.index(complete, methods.detector(name))
        assert found.scores.tolist() == expected.tolist()
        assert found.ranks.dtype == np.uint32


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1.0, 1e6])
def test_a_histogram_looks_the_same_in_any_unit(unit: float) -> None:
    scores = np.random.default_rng(0).normal(size=500)
    plain, scaled = (make(values, near_zero=detectors._near_zero(values)) for values in (scores, scores * unit))
    for kind, counts in plain.counts.items():
        assert scaled.counts[kind].tolist() == counts.tolist()
    low, high = float(scaled.edges[0]), float(scaled.edges[-1])
    written = histogram.ticks(low, high, scaled.near_zero)
    assert histogram.LABELS - 1 <= len(written) <= 12
    assert all(low <= frames.spread(tick, scaled.near_zero) <= high for tick in written)


def test_ticks_of_the_runs_own_score() -> None:
    low, high = (float(frames.spread(score)) for score in (-4, 12))
    assert histogram.ticks(low, high, frames.NEAR_ZERO) == [-3, -1, -0.3, -0.1, 0, 0.1, 0.3, 1, 3, 10]


def test_a_percentile_is_the_share_of_the_others_below() -> None:
    scores = np.random.default_rng(1).normal(size=80).round(1)
    chosen = np.array([3, 3, 79, 0])
    others = [np.delete(scores, sample) for sample in chosen]
    expected = [
        100 * ((rest < scores[sample]).mean() + (rest == scores[sample]).mean() / 2)
        for sample, rest in zip(chosen, others, strict=True)
    ]
    assert clouds.percentiles(make(scores), chosen) == pytest.approx(expected)


def test_a_large_cloud_of_ranks_keeps_the_top_of_both() -> None:
    draw = np.random.default_rng(2)
    first, second = make(draw.normal(size=60_000)), make(draw.normal(size=60_000))
    drawn = set(clouds.shown_of_two(first, second, 2_000).tolist())
    assert len(drawn) == clouds.MOST_POINTS
    assert drawn >= set(first.order[:2_000].tolist()) | set(second.order[:2_000].tolist())


def test_points_of_ranks_are_coloured_by_truth_and_name_their_ranks() -> None:
    draw = np.random.default_rng(3)
    first, second = make(draw.normal(size=40)), make(draw.normal(size=40))
    clean, corrupted = clouds.ranks(first, second, 8, titles=("A", "B")).data
    assert corrupted.customdata.tolist() == list(range(0, 40, 5))
    assert (clean.name, len(clean.x)) == ("Clean", 32)
    assert corrupted.text[1] == f"{first.ranks[5]} and {second.ranks[5]}"


@pytest.mark.parametrize(
    ("correlation", "said"),
    [(0.95, "very strong agreement"), (0.4, "moderate agreement"), (-0.75, "strong, but opposed"), (-0.1, "hardly")],
)
def test_a_correlation_in_words(correlation: float, said: str) -> None:
    assert agreement_chart.strength(correlation).startswith(said)


def test_a_run_that_lacks_the_chosen_detectors_shows_its_own(open_view: OpenView, with_margin: Run) -> None:
    root = with_margin.path.parent
    shutil.copytree(with_margin.path, root / "bare", ignore=shutil.ignore_patterns("detect-*"))
    app = open_view("scores", run=with_margin.name, detector=MARGIN.title)
    app = two(app, "detector_section")
    app.selectbox(key="first").set_value("margin").run()
    app.selectbox(key="run").set_value("bare").run()
    assert not app.exception
    assert app.selectbox(key="detector").value == "bir"
    assert not two(app).exception
    there = go_to(open_view("scores", run=with_margin.name, detector=MARGIN.title), "suspects")
    there.selectbox(key="run").set_value("bare").run()
    assert not go_to(there, "scores").exception


def test_a_job_that_failed_says_why_and_how_to_go_on(open_view: OpenView, complete: Run) -> None:
    app = open_view("scores")
    app.selectbox(key="absent_detector").set_value("margin").run()
    (complete.path / "base" / "margins.npy").unlink()
    description = complete.path / "base" / "stage.json"
    values = json.loads(description.read_text())
    del values["files"]["margins.npy"]
    description.unlink()
    description.write_text(json.dumps(values))
    app.button(key="compute_detector").click().run()
    root = complete.path.parent
    job = jobs.latest(root, complete.name)
    assert job is not None
    wait_until(lambda: jobs.find(root, job.id), lambda found: found.state == "failed")
    app.run()
    assert "needs the log of the base training" in app.error[0].value
    assert "Resume" in [button.label for button in app.button]
