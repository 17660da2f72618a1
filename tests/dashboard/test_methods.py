"""Every method on a run as its reader meets it: only what every run has, asked for, computed, failed."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import jobs, methods, pipeline, run_folder, storage
from bir_core.run_folder import Run
from dashboard import method_frames, method_results
from dashboard.method_results import Entry
from tests.dashboard.conftest import OpenView, texts, wait_until

ASKED = ("detect-margin", "treat-hard_relabel")


@pytest.fixture(scope="module")
def tried(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on which a detector and a treatment were asked for."""
    root = tmp_path_factory.mktemp("tried")
    shutil.copytree(tiny_run.path, root / "shown")
    run = run_folder.open_run(root, "shown")
    pipeline.compute(run, ASKED)
    return run


@pytest.fixture
def shown(runs_root: Path, tried: Run) -> Run:
    """The same where the dashboard looks."""
    shutil.copytree(tried.path, runs_root / tried.name)
    return run_folder.open_run(runs_root, tried.name)


def tables(app: AppTest) -> list[Any]:
    """The three tables by the names of their rows; a cell may hold anything."""
    assert not app.exception
    detectors, treatments, named = (found.value for found in app.dataframe)
    return [detectors.set_index("Detector"), treatments.set_index("Treatment"), named.set_index("Method")]


def test_every_method_is_a_row_with_the_reports_figures_or_its_reason(open_view: OpenView, complete: Run) -> None:
    report = storage.load_report(complete.path / "evaluate")
    app = open_view("methods")
    detectors, treatments, named = tables(app)
    assert list(detectors.index) == [one.title for one in methods.DETECTORS]
    assert list(treatments.index) == [one.title for one in methods.TREATMENTS]
    assert list(named.index) == [one.title for one in methods.METHODS]
    assert detectors.loc["BIR", "AUC"] == report["identification"]["auc"]
    assert detectors.loc["BIR", "Paper: AUC"] == 0.99
    spent = sum(report["seconds"][stage] for stage in ("select", "enhance", "score"))
    assert detectors.loc["BIR", "Seconds"] == pytest.approx(spent)
    margin = detectors.loc["Training margin (AUM)"]
    assert (margin["State"], bool(margin["Sees reserved set"])) == ("not run yet", False)
    assert pd.isna(margin["AUC"])
    assert treatments.loc["Leave it as it is", "All (%)"] == report["models"]["base"]["all"]
    assert treatments.loc["Fine-tune", "Paper: true"] == 95.56
    assert treatments.loc["Hard relabelling", "State"] == "not run yet"
    assert named.loc["BIR", "All (%)"] == report["models"]["bir"]["all"]
    assert named.loc["EWC Repair", "Paper: all (%)"] == 84.26
    for one in methods.DETECTORS:
        cannot = detectors.loc[one.title, "State"] == "cannot run"
        assert cannot == (methods.missing_packages(one) is not None)


def test_a_method_that_cannot_run_says_why_and_is_not_offered(
    open_view: OpenView, complete: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "trak" else name)
    app = open_view("methods")
    assert tables(app)[0].loc["TRAK (traker)", "State"] == "cannot run"
    assert "TRAK (traker) needs the optional packages: pip install" in texts(app)
    offered = app.multiselect(key="methods_Detectors").options
    assert "TRAK (traker)" not in offered
    assert "Confident learning (cleanlab)" in offered
    assert "BIR" not in offered, "every run has it"
    assert complete.name


def test_what_is_chosen_becomes_one_job(open_view: OpenView, complete: Run, runs_root: Path) -> None:
    app = open_view("methods")
    assert app.button(key="methods_run").disabled
    app.multiselect(key="methods_Detectors").set_value(["detect-margin"])
    app.multiselect(key="methods_Treatments").set_value(["treat-hard_relabel"]).run()
    app.button(key="methods_run").click().run()
    assert not app.exception
    job = jobs.latest(runs_root, complete.name)
    assert job is not None
    jobs.cancel(runs_root, job.id)
    assert job.stages == ASKED
    assert app.button(key="methods_run").disabled, "a job is at work"


def test_what_was_computed_stands_in_the_tables(open_view: OpenView, shown: Run) -> None:
    app = open_view("methods")
    detectors, treatments, _ = tables(app)
    found = storage.load_findings(shown.path / "detect-margin")
    assert detectors.loc["Training margin (AUM)", "AUC"] == found["figures"]["auc"]
    assert detectors.loc["Training margin (AUM)", "State"] == "computed"
    made = storage.load_findings(shown.path / "treat-hard_relabel")
    row = treatments.loc["Hard relabelling"]
    assert (row["All (%)"], row["Minus base"]) == (made["figures"]["all"], made["gain"]["all"]["difference"])
    assert row["Facts"].startswith("label change rate")
    stage = run_folder.read_stage(shown, "treat-hard_relabel")
    assert stage is not None
    assert row["Seconds"] == stage.seconds
    best = detectors["AUC"].idxmax()
    assert f"**Best detector here:** {best}, AUC {detectors['AUC'].max():.3f}, among the 4" in texts(app)
    assert f"**Best treatment here:** {treatments['All (%)'].idxmax()}" in texts(app)
    assert "detect-margin" not in app.multiselect(key="methods_Detectors").options


def test_changed_settings_make_results_old_and_damage_is_said(open_view: OpenView, shown: Run) -> None:
    repair = shown.config.repair.model_copy(update={"learning_rate": 2e-3})
    run_folder.update_config(shown, shown.config.model_copy(update={"repair": repair}))
    path = shown.path / "detect-margin" / "scores.npy"
    path.unlink()
    app = open_view("methods")
    detectors, treatments, _ = tables(app)
    assert treatments.loc["Hard relabelling", "State"] == "out of date"
    assert detectors.loc["Training margin (AUM)", "State"] == "damaged"
    assert any("settings of this run were changed" in warning.value for warning in app.warning)


def test_a_failed_method_says_why_and_the_rest_stays(open_view: OpenView, shown: Run, runs_root: Path) -> None:
    repair = shown.config.repair.model_copy(update={"learning_rate": 1e30})
    run_folder.update_config(shown, shown.config.model_copy(update={"repair": repair}))
    started = jobs.submit(runs_root, shown.name, ["treat-hard_relabel"])
    job = wait_until(lambda: jobs.find(runs_root, started.id), lambda found: found.state not in jobs.ACTIVE)
    app = open_view("methods")
    assert any("lower the learning rate" in error.value for error in app.error), job
    detectors, treatments, _ = tables(app)
    assert treatments.loc["Hard relabelling", "State"] == "failed"
    assert detectors.loc["Training margin (AUM)", "State"] == "computed"
    assert not app.multiselect(key="methods_Treatments").disabled


def test_repair_shows_what_was_tried_beside_the_report(open_view: OpenView, shown: Run) -> None:
    made = storage.load_findings(shown.path / "treat-hard_relabel")["figures"]["all"]
    app = open_view("repair")
    table = next(found.value for found in app.table if "Model" in found.value).set_index("Model")
    assert str(table.loc["Hard relabelling", "All (%)"]).startswith(f"{made:.1f} (")
    assert table.loc["Hard relabelling", "Minus base, all (points)"]
    assert "treat-hard_relabel" not in app.multiselect(key="others_Treatments").options


def test_repair_offers_every_treatment_and_greys_out_what_has_nothing_to_do(open_view: OpenView, complete: Run) -> None:
    every = [one.title for one in methods.TREATMENTS if one.name != "none"]
    app = open_view("repair")
    assert app.selectbox(key="repair_method").options == every
    explained = "\n".join(found.value for found in app.markdown)
    assert all(f"{one.line} Needs: {one.needs}." in explained for one in methods.TREATMENTS if one.name != "none")
    app = open_view("repair", run=complete.name, t="1000")
    possible, grey = app.selectbox(key="repair_method"), app.radio(key="repair_impossible")
    assert [*possible.options] == [methods.treatment(name).title for name in methods.WORKS_WITHOUT_SUSPECTS]
    assert sorted([*possible.options, *grey.options]) == sorted(every)
    assert grey.disabled
    assert possible.value is None
    start = next(button for button in app.button if button.label == "Start the repair")
    assert start.disabled, "nothing is chosen in place of what cannot run"
    possible.set_value("retrain").run()
    assert not next(button for button in app.button if button.label == "Start the repair").disabled
    for title, caption in zip(grey.options, grey.proto.captions, strict=True):
        forgets = title in [methods.treatment(name).title for name in methods.FORGETS]
        assert f"No sample is suspect{' or removed' * forgets}, so it would change nothing." in caption


def test_removed_samples_are_enough_for_what_unlearns_them() -> None:
    """Unlike the others, which train on something new about a sample."""

    def impossible(num_treated: int, num_removed: int) -> set[str]:
        told = {"num_treated": num_treated, "num_removed": num_removed}
        return {one.name for one in methods.TREATMENTS if method_results.why_not(one.name, **told)}

    assert impossible(1, 0) == impossible(1, 1) == set()
    assert impossible(0, 0) - impossible(0, 1) == {"newton_removal", "ewc_deletion"}
    reason = method_results.why_not("newton_removal", num_treated=0, num_removed=0)
    assert reason == "No sample is suspect or removed, so it would change nothing."


@pytest.mark.usefixtures("complete")
def test_a_choice_that_becomes_impossible_is_not_replaced_silently(open_view: OpenView) -> None:
    app = open_view("repair")
    assert app.selectbox(key="repair_method").value == "bir"
    app.number_input(key="t").set_value(1000.0).run()
    assert not app.exception
    assert app.selectbox(key="repair_method").value is None
    app.number_input(key="t").set_value(0.0).run()
    assert app.selectbox(key="repair_method").value in (None, "bir")


def test_a_repair_by_another_treatment_puts_it_first(open_view: OpenView, complete: Run, runs_root: Path) -> None:
    app = open_view("repair")
    app.selectbox(key="repair_method").set_value("hard_relabel").run()
    next(button for button in app.button if button.label == "Start the repair").click().run()
    (made,) = set(run_folder.names(runs_root)) - {complete.name}
    job = jobs.latest(runs_root, made)
    assert job is not None
    jobs.cancel(runs_root, job.id)
    assert run_folder.open_run(runs_root, made).config.evaluate.method == "hard_relabel"


def test_every_page_shows_a_report_that_puts_an_asked_for_treatment_first(
    open_view: OpenView, shown: Run, runs_root: Path
) -> None:
    values = shown.config.model_copy(
        update={"name": "first", "evaluate": type(shown.config.evaluate)(method="hard_relabel")}
    )
    run = run_folder.fork(shown, values)
    pipeline.compute(run)
    pipeline.compute(run, ["export-report"])
    assert "Hard relabelling" in (run.path / "export-report" / "report.html").read_text(encoding="utf-8")
    for view in ("overview", "repair", "compare", "present", "sample"):
        app = open_view(view, run=run.name)
        assert not app.exception
        assert not app.error
        assert "Hard relabelling" in texts(app) + str([box.options for box in app.selectbox]), view
    assert runs_root == run.path.parent


def test_difference_of_two_models_is_that_of_their_findings(shown: Run) -> None:
    board = method_results.of_run(shown, storage.load_report(shown.path / "evaluate"))
    by_name = {one.name: one for one in board.treatments}
    gain = storage.load_findings(shown.path / "treat-hard_relabel")["gain"]["all"]
    assert method_results.difference(shown, by_name["hard_relabel"], by_name["none"]) == gain


# ---------------------------------------------------------------- tables and sentences without a run


def entry(name: str, accuracy: float | None = None, **values: Any) -> Entry:
    figures = None if accuracy is None else {"all": accuracy, "intervals": {"all": [accuracy - 1, accuracy + 1]}}
    usual = Entry(name=name, title=name.title(), line="what", needs="things", model=name, figures=figures)
    return replace(usual, **values)


def gain(difference: float, reach: float = 1.0) -> dict[str, float]:
    return {"difference": difference, "low": difference - reach, "high": difference + reach}


def test_without_truth_nothing_that_needs_it_is_a_column() -> None:
    figures = {"auc": None, "average_precision": None, "recall_at_k": None, "num_above_threshold": 12}
    table = method_frames.detectors([entry("bir", figures=figures)], truth=False, paper_auc=None)
    assert list(table)[:4] == ["Detector", "State", "Above threshold", "Seconds"]
    assert method_frames.best_detector([entry("bir", figures=figures)]) == ""
    models = method_frames.models(
        [entry("bir", 90.0)], first="Treatment", parts=["all"], paper=lambda _name: {"Paper": None}
    )
    assert [name for name in map(str, models) if "clean" in name.lower() or "Paper" in name] == []


def test_the_best_treatment_is_held_against_the_honest_alternatives() -> None:
    entries = [entry("none", 80.0), entry("enhanced", 94.5), entry("bir", 95.0), entry("retrain", 90.0)]
    entries += [entry("rdia", stage="treat-rdia", state="absent"), entry("old", 99.0, stage="treat-old", state="old")]
    leads = {"none": gain(15.0), "enhanced": gain(0.5), "retrain": gain(5.0)}
    said = method_frames.best_treatment(entries, lambda _best, rival: leads[rival.name])
    assert said.startswith("**Best treatment here:** Bir, 95.0 % of all test images, among the 4 that have run.")
    assert "Against leaving the model as it is: +15.0 points (+14.0 to +16.0), better beyond chance." in said
    assert "Against the enhanced model itself: +0.5 points (-0.5 to +1.5), no difference beyond chance." in said


def test_when_nothing_helps_the_base_model_is_the_best() -> None:
    entries = [entry("none", 96.0), entry("enhanced", 94.5), entry("retrain", 90.0)]
    said = method_frames.best_treatment(entries, lambda _best, _rival: gain(1.0, 2.0))
    assert "**Best treatment here:** None, 96.0 %" in said
    assert "Against leaving the model as it is" not in said


def test_facts_and_reasons_read_as_words() -> None:
    facts = {"twin_accuracy": 0.95123, "clipped": True, "damping": None, "layers": "1-3"}
    there = entry("a", stage="detect-a", facts=facts)
    cannot = entry("b", stage="detect-b", state="impossible", reason="Install it.")
    table = method_frames.detectors([there, cannot], truth=True, paper_auc=None)
    assert list(table["Facts"]) == ["twin accuracy 0.951, clipped yes, damping –, layers 1-3", ""]
    assert list(table["State"]) == ["computed", "cannot run"]
    assert not cannot.can_run
    assert method_frames.impossible([there, cannot, cannot]) == "Cannot run here: B and B. Install it."
    assert "Paper: AUC" not in table


def test_human_labels_stand_beside_the_papers_table_3() -> None:
    report = {
        "data": {"source": "cifar10", "corruption": "human"},
        "base": {"network": "resnet20"},
        "config": {"data": {"human_labels": "random2"}},
    }
    found = method_results.printed(report, "bir_repair")
    assert found is not None
    assert found.all == 88.44
