"""Runs of which nobody knows the truth: nothing is said of it, and accuracy comes from where it honestly can."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bir_core import console, cross_fitting, evaluation, flow, noisy_classes, pipeline, run_folder, storage
from bir_core.config import IdentifyConfig
from bir_core.cross_fitting import Bench
from bir_core.errors import InputError
from bir_core.noisy_classes import ClassShare
from bir_core.records import LabelledImages, Truth
from bir_core.run_folder import Run
from tests import unknown_truth
from tests.cases import CPU, digits

TRUTH_FREE = ("num_true_suspects", "auc", "auc_enhanced_loss", "precision", "recall")


def report_of(run: Run) -> dict[str, Any]:
    return storage.load_report(run.path / "evaluate")


def bench_of(run: Run, **changes: Any) -> Bench:
    data = storage.load_splits(run.path / "data")
    shared = Bench(
        train=data.train,
        validation=data.validation,
        reserved=data.reserved,
        base=storage.load_model(run.path / "base", "base").state,
        margins=None,
        config=run.config.model_copy(update={"identify": IdentifyConfig(top_k=30)}),
    )
    return replace(shared, **changes)


# ---------------------------------------------------------------- the records


def test_truth_is_unknown_only_where_nobody_knows(tiny_run: Run) -> None:
    known = storage.load_truth(tiny_run.path / "data")
    assert known.known
    assert replace(known, corruption="given").known
    assert not unknown_truth.unknown(storage.load_splits(tiny_run.path / "data")).known


def test_only_the_test_part_may_be_empty(tiny_run: Run) -> None:
    data = storage.load_splits(tiny_run.path / "data")
    nothing = np.zeros(0, dtype=np.int64)
    assert len(unknown_truth.without_test(data).test) == 0
    for part in ("train", "validation", "reserved"):
        with pytest.raises(InputError, match=f"the {part} set is empty"):
            replace(data, **{part: getattr(data, part).take(nothing)})


def test_both_come_back_from_the_folder(tmp_path: Path, tiny_run: Run) -> None:
    data = unknown_truth.without_test(storage.load_splits(tiny_run.path / "data"))
    truth = unknown_truth.unknown(data, named=(3,))
    storage.save_splits(tmp_path, data)
    storage.save_truth(tmp_path, truth)
    found, again = storage.load_splits(tmp_path), storage.load_truth(tmp_path)
    assert found.test.images.shape == (0, 1, 28, 28)
    assert np.array_equal(found.train.labels, data.train.labels)
    assert (again.known, again.noisy_classes, again.corruption) == (False, (3,), "unknown")
    assert np.array_equal(again.original_labels, data.train.labels)
    assert again.original_images.shape == (0, 1, 28, 28)
    assert not again.corrupted.any()


# ---------------------------------------------------------------- noisy classes


def nobody_knows(*named: int) -> Truth:
    return Truth(
        corrupted=np.zeros(4, dtype=np.bool_),
        original_labels=np.zeros(4, dtype=np.int64),
        original_images=np.zeros((0, 1, 1, 1), dtype=np.float32),
        noisy_classes=named,
        corruption="unknown",
        num_validation_corrupted=0,
    )


def shares(*counts: tuple[int, int]) -> list[ClassShare]:
    """Rows of classes with so many samples and suspects."""
    labels = np.repeat(np.arange(len(counts)), [num for num, _ in counts])
    starts = np.cumsum([0, *(num for num, _ in counts[:-1])])
    suspects = np.concatenate([start + np.arange(hits) for start, (_, hits) in zip(starts, counts, strict=True)])
    return noisy_classes.shares(labels, suspects, len(counts))


def test_shares_by_hand() -> None:
    rows = shares((100, 40), (0, 0), (10, 0))
    assert [(row.label, row.num, row.num_suspects, row.share) for row in rows] == [
        (0, 100, 40, 0.4),
        (1, 0, 0, None),
        (2, 10, 0, 0.0),
    ]
    assert rows[0].low == pytest.approx(0.3094, abs=1e-4)  # Wilson's interval of 40 in 100
    assert rows[0].high == pytest.approx(0.4980, abs=1e-4)
    assert (rows[1].low, rows[1].high) == (None, None)


def test_classes_are_noisy_where_suspects_are_more_than_chance() -> None:
    found = noisy_classes.find(nobody_knows(), shares((100, 40), (100, 2), (100, 15), (4, 3)))
    # Overall 60 of 304 = 19.7 %; the small class has 75 %, and its interval begins at 30 %.
    assert found == noisy_classes.NoisyClasses(labels=(0, 3), origin="ranked by share of suspects")


@pytest.mark.parametrize("counts", [[(100, 0), (100, 0)], [(100, 10), (100, 12)], [(5, 1), (95, 9)]])
def test_without_a_difference_beyond_chance_no_class_is_noisy(counts: list[tuple[int, int]]) -> None:
    assert noisy_classes.find(nobody_knows(), shares(*counts)).labels == ()


def test_what_is_known_or_named_comes_before_the_ranking() -> None:
    rows = shares((100, 40), (100, 2), (100, 2))
    assert noisy_classes.find(nobody_knows(2, 1), rows) == noisy_classes.NoisyClasses(
        labels=(1, 2), origin="named by the user"
    )
    known = replace(nobody_knows(1), corruption="label")
    assert noisy_classes.find(known, rows) == noisy_classes.NoisyClasses(labels=(1,), origin="known")
    assert noisy_classes.find(replace(known, noisy_classes=()), rows).labels == ()


def test_true_labels_say_nothing_of_classes() -> None:
    given = replace(nobody_knows(), corruption=noisy_classes.GIVEN)
    found = noisy_classes.find(given, shares((100, 40), (100, 2), (100, 2)))
    assert found == noisy_classes.NoisyClasses(labels=(0,), origin="ranked by share of suspects")
    assert noisy_classes.find(replace(given, noisy_classes=(2,)), []).origin == "named by the user"


# ---------------------------------------------------------------- the report


@pytest.mark.parametrize("which", ["unknown_run", "untested_run"])
def test_a_report_says_nothing_that_needs_the_truth(which: str, request: pytest.FixtureRequest) -> None:
    report = report_of(request.getfixturevalue(which))
    data, found = report["data"], report["identification"]
    assert (data["truth_known"], data["corruption"]) == (False, "unknown")
    assert data["num_corrupted"] is None
    assert data["num_validation_corrupted"] is None
    assert [found[name] for name in TRUTH_FREE] == [None] * len(TRUTH_FREE)
    assert all(row["precision"] is row["recall"] is None for row in found["landmarks"])
    assert all(one["auc"] is one["recall_at_k"] is None for one in found["detectors"].values())
    assert all(row["num_corrupted"] is None for row in found["per_class"])
    assert sum(row["num_suspects"] for row in found["per_class"]) == found["num_suspects"] > 0
    assert all(row["low"] <= row["share"] <= row["high"] for row in found["per_class"])
    assert data["noisy_classes_origin"] == "ranked by share of suspects"
    json.dumps(report, allow_nan=False)


def test_with_test_images_the_accuracies_are_those_of_a_known_run(unknown_run: Run, tiny_run: Run) -> None:
    """The truth plays no part before the report, so that the same data give the same models."""
    unknown, known = report_of(unknown_run), report_of(tiny_run)
    assert unknown["evaluation"] == {"on": "test images", "part": "test", "num": 4750, "num_folds": None}
    assert unknown["models"].keys() == known["models"].keys()
    for name, model in unknown["models"].items():
        assert model["all"] == known["models"][name]["all"]
        assert model["confusion"] == known["models"][name]["confusion"]
    assert unknown["conclusion"] == known["conclusion"]


def test_classes_that_the_user_named_part_the_accuracies(unknown_run: Run, tmp_path: Path, tiny_run: Run) -> None:
    run = unknown_truth.create(tmp_path, tiny_run, "named", with_test=True, named=(1, 6))
    pipeline.compute(run)
    report = report_of(run)
    assert report["data"]["noisy_classes"] == [1, 6]
    assert report["data"]["noisy_classes_origin"] == "named by the user"
    assert report["models"]["base"]["num"]["noisy"] == 950
    assert report["models"]["base"]["all"] == report_of(unknown_run)["models"]["base"]["all"]


def test_without_test_images_the_reserved_set_is_cross_fitted(untested_run: Run) -> None:
    report = report_of(untested_run)
    assert report["evaluation"] == {
        "on": "cross-fitted reserved set",
        "part": "reserved",
        "num": 50,
        "num_folds": cross_fitting.NUM_FOLDS,
    }
    assert list(report["models"]) == ["base", "enhanced", "bir", "fine_tune"]
    assert all(model["num"]["all"] == 50 for model in report["models"].values())
    assert "reserved images, each judged by models that were made without it" in report["conclusion"]
    assert report["seconds"][flow.CROSS_FIT] > 0
    folds = storage.load_findings(untested_run.path / flow.CROSS_FIT)["folds"]
    assert sum(fold["num"] for fold in folds) == 50


def test_a_run_with_test_images_is_not_cross_fitted(unknown_run: Run, tiny_run: Run) -> None:
    assert storage.load_findings(unknown_run.path / flow.CROSS_FIT) == {"folds": []}
    assert not (tiny_run.path / flow.CROSS_FIT).exists()
    assert flow.CROSS_FIT not in flow.needs(flow.find("evaluate"), tiny_run.config)


def test_another_headline_is_cross_fitted_too(untested_run: Run) -> None:
    values = untested_run.config.model_copy(
        update={"name": "relabelled", "evaluate": untested_run.config.evaluate.model_copy(update={"method": "rdia"})}
    )
    run = run_folder.fork(untested_run, values)
    pipeline.compute(run)
    report = report_of(run)
    assert list(report["models"]) == ["base", "enhanced", "bir", "fine_tune", "rdia"]
    for name in ("base", "enhanced", "bir", "fine_tune"):
        assert report["models"][name] == report_of(untested_run)["models"][name]
    alone = run_folder.fork(untested_run, untested_run.config.model_copy(update={"name": "alone"}))
    pipeline.compute(alone, ["treat-rdia", "sensitivity"])
    found = storage.load_findings(alone.path / "treat-rdia")
    assert found["figures"] == report["models"]["rdia"]


def test_the_sweep_is_cross_fitted_and_its_own_row_is_the_runs_repair(untested_run: Run) -> None:
    run = run_folder.fork(untested_run, untested_run.config.model_copy(update={"name": "swept"}))
    pipeline.compute(run, ["sensitivity"])
    found, report = storage.load_sensitivity(run.path / "sensitivity"), report_of(run)
    (mine,) = (row for row in found["rows"] if row["is_own"])
    assert found["base"] == report["models"]["base"]
    assert mine["model"] == report["models"]["bir"]
    assert mine["precision"] is mine["recall"] is None
    assert len({row["model"]["calibration_error"] for row in found["rows"]}) > 1


def printed(run: Run) -> str:
    with console.out.capture() as captured:
        console.show(report_of(run))
    return " ".join(captured.get().split())


def test_the_console_says_what_is_known_and_where_accuracies_come_from(
    untested_run: Run, unknown_run: Run, tiny_run: Run
) -> None:
    said = printed(untested_run)
    assert "image set mine, 180 training, 50 reserved and 0 test images; nobody knows which samples are wrong" in said
    assert "cross-fitted on the 50 reserved images: in 5 folds" in said
    assert "Accuracy on the reserved images, cross-fitted, percent" in said
    assert "Suspects by given class" in said
    assert "AUC of the score" not in said
    assert "precision -" not in said
    assert "cross-fitted" not in printed(unknown_run)
    assert "Nobody knows which samples are wrong" in printed(unknown_run)
    known = printed(tiny_run)
    assert "AUC of the score" in known
    assert "Nobody knows" not in known
    assert "Suspects by given class" not in known


# ---------------------------------------------------------------- cross-fitting


def plain_accuracy(beliefs: np.ndarray, labels: np.ndarray) -> float:
    return 100 * float((beliefs.argmax(axis=1) == labels).mean())


def test_the_base_models_cross_fitted_accuracy_is_its_plain_one(tiny_run: Run) -> None:
    bench = bench_of(tiny_run)
    dealt = cross_fitting.deal(bench.reserved.labels, seed=1)
    found = cross_fitting.fit(bench, dealt, ["bir"], device=CPU)
    plain = evaluation.believe(bench.base, bench.reserved.images, device=CPU)
    assert np.array_equal(found.beliefs["base"], plain)
    assert 0 < plain_accuracy(found.beliefs["base"], bench.reserved.labels) < 100
    assert not np.array_equal(found.beliefs["bir"], plain)
    assert found.beliefs["bir"].sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_folds_are_even_in_every_class(tiny_run: Run) -> None:
    labels = bench_of(tiny_run).reserved.labels
    dealt = cross_fitting.deal(labels, seed=0)
    assert np.bincount(dealt).tolist() == [10] * 5
    assert all(np.bincount(dealt[labels == label], minlength=5).tolist() == [1] * 5 for label in range(10))
    assert len(np.unique(cross_fitting.deal(labels[:3], seed=0))) == 3
    with pytest.raises(InputError, match="cannot be cross-fitted on 1 reserved images"):
        cross_fitting.deal(labels[:1], seed=0)


def test_no_fold_is_judged_by_models_that_saw_it(tiny_run: Run) -> None:
    """Other labels and pixels in a fold change nothing of what the other folds made for it, and something elsewhere."""
    bench = bench_of(tiny_run)
    dealt = cross_fitting.deal(bench.reserved.labels, seed=2)
    inside = dealt == 0
    labels = bench.reserved.labels.copy()
    labels[inside] = (labels[inside] + 1) % 10
    spoilt = replace(bench, reserved=replace(bench.reserved, labels=labels))
    first, second = (cross_fitting.fit(one, dealt, ["enhanced", "bir"], device=CPU) for one in (bench, spoilt))
    for name in ("enhanced", "bir"):
        assert np.array_equal(first.beliefs[name][inside], second.beliefs[name][inside])
        assert not np.array_equal(first.beliefs[name][~inside], second.beliefs[name][~inside])


def test_what_is_learned_by_heart_counts_for_nothing(tiny_run: Run) -> None:
    """Negative control: on labels by chance a model that saw them looks good, and the cross-fitted one does not."""
    chance = np.random.default_rng(0).permutation(np.arange(60, dtype=np.int64) % 10)
    noise = np.random.default_rng(1).random((60, 1, 28, 28), dtype=np.float32)
    reserved = LabelledImages(images=noise, labels=chance, ids=np.arange(60))
    long = tiny_run.config.enhance.model_copy(
        update={"max_epochs": 60, "patience": 60, "learning_rate": 3e-3, "layers": "1-5"}
    )
    bench = bench_of(tiny_run, reserved=reserved, config=tiny_run.config.model_copy(update={"enhance": long}))
    dealt = cross_fitting.deal(chance, seed=0)
    (fold,) = (one for one in cross_fitting.each(bench, np.minimum(dealt, 1), device=CPU) if len(one.held_out) > 12)
    learned = evaluation.believe(fold.enhanced, fold.learned.images, device=CPU)
    assert plain_accuracy(learned, fold.learned.labels) > 90
    pooled = cross_fitting.fit(bench, dealt, ["enhanced"], device=CPU).beliefs["enhanced"]
    assert plain_accuracy(pooled, chance) < 30


def test_a_thousand_classes_have_a_thousand_shares() -> None:
    labels = digits(24, num_classes=12).labels
    rows = noisy_classes.shares(labels, np.array([0, 12, 23]), 1000)
    assert len(rows) == 1000
    assert [row.label for row in rows if row.num_suspects] == [0, 11]
