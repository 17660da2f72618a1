"""Fewer reserved images: drawn fairly, and with all of them the run's own identification."""

from typing import Any

import numpy as np
import pytest

from bir_core import pipeline, reserved_sizes, run_folder, storage
from bir_core.numerics import metrics, proportion, ranking
from bir_core.run_folder import Run


def test_sizes_have_an_image_of_each_class_and_end_with_the_whole() -> None:
    assert reserved_sizes.sizes(300, 10) == [30, 100, 200, 300]
    assert reserved_sizes.sizes(1000, 10) == [30, 100, 200, 300, 1000]
    assert reserved_sizes.sizes(150, 40) == [100, 150]
    assert reserved_sizes.sizes(20, 10) == [20]


@pytest.fixture(scope="module")
def sized(tiny_run: Run) -> tuple[Run, list[dict[str, Any]]]:
    """A run of 50 reserved images, and what 30 and 50 of them find."""
    run = run_folder.fork(tiny_run, tiny_run.config.model_copy(update={"name": "sized"}))
    pipeline.compute(run, ("reserved_sizes", "evaluate"))
    return run, storage.load_reserved_sizes(run.path / "reserved_sizes")


def test_with_all_images_it_is_the_runs_own_identification(sized: tuple[Run, list[dict[str, Any]]]) -> None:
    run, rows = sized
    whole = rows[-1]
    assert (whole["size"], whole["draws"], whole["found_again"], whole["left_out"]) == (50, 1, 1.0, None)
    truth, scores = storage.load_truth(run.path / "data"), storage.load_scores(run.path / "score")
    assert whole["auc"] == ranking.ranking_auc(scores.score, truth.corrupted)


def test_fewer_images_find_other_suspects(sized: tuple[Run, list[dict[str, Any]]]) -> None:
    _, rows = sized
    (fewer,) = rows[:-1]
    assert (fewer["size"], fewer["draws"]) == (30, reserved_sizes.DRAWS)
    assert fewer["found_again_low"] <= fewer["found_again"] <= fewer["found_again_high"] < 1
    assert fewer["left_out_low"] <= fewer["left_out"] <= fewer["left_out_high"]


def draw(left_out: list[int], correct: list[bool]) -> dict[str, Any]:
    return {"left_out": np.array(left_out), "correct": np.array(correct), "found_again": None, "auc": None}


def left_out(*draws: dict[str, Any]) -> tuple[float, float, float]:
    row = reserved_sizes._row(30, list(draws))
    return row["left_out"], row["left_out_low"], row["left_out_high"]


def test_images_left_out_again_are_no_more_images() -> None:
    """8 of 10 right: Wilson's interval of that, however often the same ten are asked."""
    one = draw(list(range(20, 30)), [True] * 8 + [False] * 2)
    assert left_out(one) == left_out(one, one, one) == pytest.approx(metrics.accuracy(one["correct"]))
    others = draw(list(range(10)), [True] * 8 + [False] * 2)
    assert left_out(one, others) == pytest.approx(metrics.accuracy(np.tile(one["correct"], 2)))


def test_an_image_counts_by_the_share_of_its_draws_that_are_right() -> None:
    """Image 1 in both draws, right once; image 0 right, image 2 wrong: 1 + 1/2 + 0 of 3."""
    value, low, high = left_out(draw([0, 1], [True, True]), draw([1, 2], [False, False]))
    assert value == pytest.approx(50)
    assert (low, high) == pytest.approx(tuple(100 * end for end in proportion.wilson(1.5, 3)))
