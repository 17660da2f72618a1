"""Fewer reserved images: drawn fairly, and with all of them the run's own identification."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bir_core import pipeline, reserved_sizes, run_folder, storage
from bir_core.numerics import ranking
from bir_core.run_folder import Run


def test_sizes_have_an_image_of_each_class_and_end_with_the_whole() -> None:
    assert reserved_sizes.sizes(300, 10) == [30, 100, 200, 300]
    assert reserved_sizes.sizes(1000, 10) == [30, 100, 200, 300, 1000]
    assert reserved_sizes.sizes(150, 40) == [100, 150]
    assert reserved_sizes.sizes(20, 10) == [20]


@given(
    labels=st.lists(st.integers(0, 4), min_size=5, max_size=60),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_a_draw_is_of_all_classes_alike(labels: list[int], share: float, seed: int) -> None:
    classes = np.array(labels, dtype=np.int64)
    size = round(share * len(classes))
    chosen = reserved_sizes.draw(classes, size, seed=seed)
    assert len(chosen) == size == len(np.unique(chosen))
    there, drawn = np.bincount(classes, minlength=5), np.bincount(classes[chosen], minlength=5)
    # Where a class has images left, no other class has got more than one image more than it.
    assert all(drawn[label] == there[label] or drawn.max() - drawn[label] <= 1 for label in range(5))


def test_draws_differ_by_seed_and_repeat() -> None:
    classes = np.arange(100, dtype=np.int64) % 10
    first, again, other = (reserved_sizes.draw(classes, 30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


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
