"""Models side by side: the numbers, what a link may ask, runs that were evaluated before, other runs' models."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import config, pipeline, run_folder, storage
from bir_core.comparison import Comparison
from bir_core.run_folder import Run
from dashboard import comparison_charts, frames, models
from dashboard.frames import MODEL_TITLES
from tests.dashboard.conftest import OpenView, texts


def comparison_of(run: Run, before: str, after: str) -> Comparison:
    folder = run.path / "evaluate"
    return Comparison(
        before=storage.load_probabilities(folder, "test", before),
        after=storage.load_probabilities(folder, "test", after),
        labels=storage.load_part(run.path / "data", "test").labels,
        noisy_classes=(1, 6, 7, 9),
    )


@pytest.mark.parametrize(("before", "after"), [("base", "bir"), ("enhanced", "retrain")])
def test_headline_has_accuracies_and_the_paired_difference(
    open_view: OpenView, complete: Run, before: str, after: str
) -> None:
    report = storage.load_report(complete.path / "evaluate")
    gains = comparison_of(complete, before, after).differences
    app = open_view("compare", before=MODEL_TITLES[before], after=MODEL_TITLES[after])
    assert (app.selectbox(key="before").value, app.selectbox(key="after").value) == (before, after)
    shown = texts(app)
    for part in ("all", "clean", "noisy"):
        gain = gains[part]
        assert gain is not None
        first, second = report["models"][before][part], report["models"][after][part]
        assert f"{first:.1f} → {second:.1f} % {gain['difference']:+z.1f} points" in shown
        assert f"paired difference {gain['low']:+z.1f} to {gain['high']:+z.1f}" in shown


def test_a_link_to_an_impossible_model_falls_back_and_says_so(open_view: OpenView, complete: Run) -> None:
    app = open_view("compare", before="<script>", after=MODEL_TITLES["fine_tune"])
    assert not app.exception
    assert app.selectbox(key="before").value == "base"
    assert app.selectbox(key="after").value == "fine_tune"
    assert any("before=<script>" in toast.value for toast in app.toast)
    assert complete.name


def test_the_same_model_twice_is_said(open_view: OpenView, complete: Run) -> None:
    app = open_view("compare", before="BIR", after="BIR")
    assert not app.exception
    assert "Both are the same model" in texts(app)
    assert not app.metric, complete.name


@pytest.mark.parametrize("also", [[], ["Enhanced model", "BIR + reserved set"]])
@pytest.mark.parametrize("section", ["Classes", "Mistakes", "Changed images", "Calibration"])
def test_every_section_opens(open_view: OpenView, complete: Run, section: str, also: list[str]) -> None:
    app = open_view("compare", also=also)
    app.button_group(key="compare_section").set_value(section).run()
    assert not app.exception
    assert not app.error
    assert complete.name


def model_table(app: AppTest) -> pd.DataFrame | None:
    """The table of all models that are shown, None when there is none."""
    found: list[pd.DataFrame] = [table.value for table in app.table if "Model" in table.value]
    return found[0] if found else None


def test_further_models_stand_in_a_table_with_paired_differences(open_view: OpenView, complete: Run) -> None:
    app = open_view("compare", before="Enhanced model", also=["Retrain without suspects", "Base model (before)"])
    table = model_table(app)
    assert table is not None
    shown = ["enhanced", "bir", "retrain", "base"]
    assert list(table["Model"]) == [MODEL_TITLES[name] for name in shown]
    report = storage.load_report(complete.path / "evaluate")["models"]
    assert list(table["ECE"]) == [f"{100 * report[name]['calibration_error']:.1f}" for name in shown]
    for part in ("all", "clean", "noisy"):
        accuracies = [frames.bracketed(f"{report[name][part]:.1f}", frames.interval(report[name]["intervals"][part]))
                      for name in shown]  # fmt: skip
        assert list(table[f"{part.capitalize()} (%)"]) == accuracies
        gains = [frames.points(comparison_of(complete, "enhanced", name).differences[part]) for name in shown[1:]]
        assert list(table[f"Change, {part}"]) == ["", *gains]


def test_only_the_two_need_no_table(open_view: OpenView, complete: Run) -> None:
    assert model_table(open_view("compare")) is None
    assert model_table(open_view("compare", also=["BIR", "Base model (before)"])) is None, "they are shown already"
    assert complete.name


def test_a_link_to_an_impossible_further_model_says_so(open_view: OpenView, complete: Run) -> None:
    app = open_view("compare", also=["none such"])
    assert not app.exception
    assert app.multiselect(key="also").value == []
    assert any("also=none such" in toast.value for toast in app.toast)
    assert complete.name


def test_a_link_to_too_many_further_models_shows_the_most_that_are_possible(open_view: OpenView, complete: Run) -> None:
    names = list(storage.load_report(complete.path / "evaluate")["models"])
    app = open_view("compare", before="Enhanced model", after="BIR", also=[MODEL_TITLES[name] for name in names])
    assert not app.exception
    assert app.multiselect(key="also").value == names[:4]


def test_each_further_model_has_a_mark_of_its_own_in_each_class(complete: Run) -> None:
    report = storage.load_report(complete.path / "evaluate")
    known = [models.Model(run=complete, name=name, title=MODEL_TITLES[name]) for name in ("base", "bir", "retrain")]
    base, *others = (report["models"][model.name] for model in known)
    tables = {
        model.title: frames.per_class(report["data"], base, found)
        for model, found in zip(known[1:], others, strict=True)
    }
    figure = comparison_charts.per_class_change(known[0].title, tables)
    bars, *marks = figure.data
    assert [mark.name for mark in marks] == [model.title for model in known]
    assert len({mark.marker.symbol for mark in marks}) == len({mark.marker.color for mark in marks}) == 3
    for mark, found in zip(marks, (base, *others), strict=True):
        assert list(mark.x) == [row["accuracy"] for row in found["per_class"]]
    first, second, third = (list(mark.y) for mark in marks)
    assert first == second == list(bars.y[::3]), "the dumbbell is one line"
    assert all(mine > other for mine, other in zip(third, first, strict=True))
    two = comparison_charts.per_class_change(known[0].title, {known[1].title: tables[known[1].title]})
    assert list(two.data[1].y) == list(range(10))
    assert two.layout.height < figure.layout.height


def test_there_is_a_mark_for_every_model_that_can_be_shown() -> None:
    symbols, colors, _ = zip(*comparison_charts.MARKS, strict=True)
    assert len(set(symbols)) == len(set(colors)) == 2 + 4


def test_changed_images_are_as_many_as_changed_and_can_be_filtered(open_view: OpenView, complete: Run) -> None:
    found = comparison_of(complete, "base", "bir")
    labels = found.labels[found.gained]
    assert len(labels), "the tiny run repairs something, or this test shows nothing"
    app = open_view("compare")
    app.button_group(key="compare_section").set_value("Changed images").run()
    assert f"{len(labels):,} images, those first" in texts(app)
    wanted = int(labels[0])
    app.multiselect(key="changed_class").set_value([str(wanted)]).run()
    assert f"{int((labels == wanted).sum()):,} images, those first" in texts(app)


def test_a_run_that_was_evaluated_before_is_offered_again(open_view: OpenView, complete: Run) -> None:
    """Evaluated when no probabilities were kept: said, not misread."""
    description = complete.path / "evaluate" / "stage.json"
    values = json.loads(description.read_text())
    description.unlink()
    description.write_text(json.dumps(values | {"version": 1}))
    app = open_view("compare")
    assert not app.exception
    assert "written by another version" in app.error[0].value
    assert [button.label for button in app.button] == ["Compute it again"]


def test_probabilities_that_are_gone_are_one_sentence(open_view: OpenView, complete: Run) -> None:
    (complete.path / "evaluate" / "test_base.npy").unlink()
    app = open_view("compare")
    assert not app.exception
    assert "test_base.npy" in app.error[0].value
    assert "Compute it again" in [button.label for button in app.button]


def fork_at(parent: Run, name: str, **sections: dict[str, object]) -> Run:
    values = parent.config.model_dump() | {"name": name}
    for section, changes in sections.items():
        values[section] = {**values[section], **changes}
    run = run_folder.fork(parent, config.parse(values, origin="test"))
    pipeline.compute(run)
    return run


def test_a_repair_of_the_same_data_stands_beside_and_one_of_other_data_does_not(
    open_view: OpenView, complete: Run, runs_root: Path
) -> None:
    child = fork_at(complete, "tiny-repair", identify={"top_k": 9})
    fork_at(complete, "tiny-other", data={"corruption": "none"})
    app = open_view("compare", run=complete.name, after=f"BIR of {child.name}")
    assert not app.exception
    assert app.selectbox(key="after").value == f"bir@{child.name}"
    report = storage.load_report(child.path / "evaluate")
    assert f"→ {report['models']['bir']['all']:.1f} %" in texts(app)
    assert not any("tiny-other" in option for option in app.selectbox(key="after").options)
    shutil.rmtree(runs_root / child.name)
    app.run()
    assert not app.exception
    assert app.selectbox(key="after").value == "bir"
