"""The repair at several thresholds: chosen on scores alone, and the run's own threshold gives the run's own repair."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bir_core import config, flow, identification, pipeline, repair, run_folder, seeding, sensitivity, storage
from bir_core.records import Suspects
from bir_core.run_folder import Run
from bir_core.sensitivity import Bench
from tests.cases import CPU

SCORES = np.linspace(-1, 1, 200)


def own(threshold: float, scores: Any = SCORES) -> Suspects:
    return identification.identify(scores, threshold=threshold)


def test_ladder_by_hand() -> None:
    rungs = sensitivity.ladder(SCORES, own(0.6))  # 40 of 200
    assert [len(rung.suspects) for rung in rungs] == [5, 10, 20, 30, 40, 60, 80, 100]
    assert [rung.threshold for rung in rungs if rung.is_own] == [0.6]


@given(
    scores=st.lists(st.integers(-300, 300), min_size=40, max_size=300, unique=True),
    threshold=st.floats(-4, 4),
)
def test_ladder_holds_the_own_suspects_and_counts_what_it_says(scores: list[int], threshold: float) -> None:
    values = np.array(scores) / 100
    mine = own(threshold, values)
    rungs = sensitivity.ladder(values, mine)
    assert 5 <= len(rungs) <= 9
    assert [rung.suspects for rung in rungs if rung.is_own] == [mine]
    assert len({len(rung.suspects) for rung in rungs}) == len(rungs)
    thresholds = [rung.threshold for rung in rungs]
    assert thresholds == sorted(thresholds, reverse=True)
    for rung in rungs:
        assert len(rung.suspects) == (values > rung.threshold).sum()


@pytest.mark.parametrize("num", [0, 1, 17, 200])
def test_a_top_k_run_gets_a_threshold_that_means_the_same(num: int) -> None:
    mine = identification.identify(SCORES, threshold=0.0, top_k=num)
    (found,) = (rung for rung in sensitivity.ladder(SCORES, mine) if rung.is_own)
    assert found.suspects is mine
    assert (found.threshold < SCORES).sum() == num


def test_equal_scores_leave_out_what_no_threshold_can_part() -> None:
    scores = np.repeat([3.0, 1.0, -1.0], 50)
    assert [len(rung.suspects) for rung in sensitivity.ladder(scores, own(0.0, scores))] == [50, 100]


@pytest.fixture
def swept(tiny_run: Run, tmp_path: Path) -> Run:
    """The tiny run with verdicts and its sensitivity."""
    shutil.copytree(tiny_run.path, tmp_path / tiny_run.name)
    run = run_folder.open_run(tmp_path, tiny_run.name)
    ranking = identification.rank(storage.load_scores(run.path / "score").score).tolist()
    values = run.config.model_dump()
    values["review"] |= {"keep": ranking[:2], "relabel": [[ranking[3], 4]], "remove": [ranking[5]]}
    run = run_folder.update_config(run, config.parse(values, origin="test"))
    pipeline.compute(run, [*flow.NAMES, "sensitivity"])
    return run


def test_the_own_row_is_the_runs_own_repair_to_the_bit(swept: Run) -> None:
    found = storage.load_sensitivity(swept.path / "sensitivity")
    report = storage.load_report(swept.path / "evaluate")
    (mine,) = (row for row in found["rows"] if row["is_own"])
    assert found["base"] == report["models"]["base"]
    assert mine["model"] == report["models"]["bir"]
    assert mine["num_suspects"] == report["identification"]["num_suspects"]
    assert mine["num_aligned"] == report["repair"]["num_aligned"]
    assert mine["precision"] == report["identification"]["precision"]
    assert mine["recall"] == report["identification"]["recall"]
    (gain,) = (row for row in report["differences"] if (row["model"], row["minus"]) == ("bir", "base"))
    assert mine["gain"] == {group: gain[group] for group in ("all", "clean", "noisy")}


def test_other_rows_are_other_repairs(swept: Run) -> None:
    """Negative control of the test before: not every threshold gives the same model."""
    rows = storage.load_sensitivity(swept.path / "sensitivity")["rows"]
    assert len({row["model"]["calibration_error"] for row in rows}) == len(rows)
    recalls = [row["recall"] for row in rows]
    assert recalls == sorted(recalls)


def test_a_row_is_what_a_run_at_that_threshold_finds(swept: Run) -> None:
    """With the step size held, a fork at another threshold ends at the same model, whatever was aligned beside it."""
    found = storage.load_sensitivity(swept.path / "sensitivity")
    row = found["rows"][-1]
    values = swept.config.model_dump() | {"name": "fork"}
    values["identify"] |= {"threshold": row["threshold"]}
    values["align"] |= {"eta": found["eta"]}
    child = run_folder.fork(swept, config.parse(values, origin="test"))
    pipeline.compute(child)
    report = storage.load_report(child.path / "evaluate")
    assert report["models"]["bir"] == row["model"]
    assert report["identification"]["num_suspects"] == row["num_suspects"]


def test_samples_that_were_not_stored_aligned_are_aligned_by_the_same_step(swept: Run) -> None:
    data, scores = storage.load_splits(swept.path / "data"), storage.load_scores(swept.path / "score").score
    aligned, mine = storage.load_aligned(swept.path / "align"), storage.load_suspects(swept.path / "identify")
    bench = Bench(
        base=storage.load_model(swept.path / "base", "base").state,
        enhanced=storage.load_model(swept.path / "enhance", "enhanced").state,
        layers=storage.load_layer_choice(swept.path / "select").layers,
        train=data.train,
        test=data.test,
        corrupted=storage.load_truth(swept.path / "data").corrupted,
        noisy_classes=(1, 6, 7, 9),
        aligned=repair.select_aligned(aligned, np.sort(mine.indices)),
        review=swept.config.review,
        align=swept.config.align,
        repair=swept.config.repair,
    )
    own_and_widest = [rung for rung in sensitivity.ladder(scores, mine) if rung.is_own][:1]
    own_and_widest.append(sensitivity.ladder(scores, mine)[-1])
    assert len(own_and_widest[1].suspects) > len(mine)
    seed = seeding.derive(swept.config.seed, "repair")
    found = sensitivity.sweep(bench, own_and_widest, seed=seed, device=CPU)
    stored = storage.load_sensitivity(swept.path / "sensitivity")
    assert found["rows"][0] in stored["rows"]
    ours, theirs = found["rows"][1]["model"], stored["rows"][-1]["model"]
    assert ours["all"] == pytest.approx(theirs["all"], abs=1)
    assert ours["calibration_error"] == pytest.approx(theirs["calibration_error"], abs=1e-3)


def test_a_whole_run_leaves_it_out_and_a_change_makes_it_stale(swept: Run, tiny_run: Run) -> None:
    assert run_folder.read_stage(tiny_run, "sensitivity") is None
    assert "sensitivity" not in flow.NAMES
    assert run_folder.is_fresh(swept, "sensitivity")
    values = swept.config.model_dump()
    values["review"] |= {"keep": []}
    assert not run_folder.is_fresh(run_folder.update_config(swept, config.parse(values, origin="test")), "sensitivity")


def test_without_known_corruption_nothing_is_said_of_precision(tiny_run: Run, tmp_path: Path) -> None:
    values = tiny_run.config.model_dump()
    values["data"] |= {"corruption": "none"}
    run = run_folder.create(tmp_path, config.parse(values, origin="test"))
    pipeline.compute(run, ["sensitivity"])
    for row in storage.load_sensitivity(run.path / "sensitivity")["rows"]:
        assert (row["precision"], row["recall"], row["model"]["noisy"]) == (None, None, None)
        assert row["model"]["all"] > 0
