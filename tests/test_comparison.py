"""Two models on the same images: by hand, and what must hold for any two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bir_core import comparison
from bir_core.comparison import Comparison
from bir_core.numerics import metrics
from bir_core.records import Floats, Integers

LABELS = np.arange(20, dtype=np.int64) % 10


def sure_of(predictions: Integers, confidence: float = 1.0) -> Floats:
    """(N, 10) probabilities: ``confidence`` on the prediction, the rest spread over the other classes."""
    found = np.full((len(predictions), 10), (1 - confidence) / 9, dtype=np.float32)
    found[np.arange(len(predictions)), predictions] = confidence
    return found


def test_groups_are_told_apart_by_class_and_nothing_is_noisy_when_nothing_was_corrupted() -> None:
    labels = np.array([0, 1, 2, 1])
    groups = comparison.group_flags(labels, (1,))
    assert groups["noisy"].tolist() == [False, True, False, True]
    assert groups["clean"].tolist() == [True, False, True, False]
    nothing = comparison.group_flags(labels, ())
    assert nothing["all"].all()
    assert not nothing["clean"].any()
    assert not nothing["noisy"].any()


def test_figures_by_hand() -> None:
    predictions = LABELS.copy()
    predictions[[1, 11]] = 7
    figures = comparison.model_figures(sure_of(predictions, 0.95), LABELS, (1, 7))
    assert (figures["all"], figures["clean"], figures["noisy"]) == (90, 100, 50)
    assert figures["num"] == {"all": 20, "clean": 16, "noisy": 4}
    assert figures["confusion"][1][7] == 2
    assert [row["accuracy"] for row in figures["per_class"]] == [100, 0, *[100] * 8]
    assert figures["calibration_error"] == pytest.approx(0.05)


def test_missing_class_has_no_accuracy_and_breaks_nothing() -> None:
    figures = comparison.model_figures(sure_of(LABELS[:5]), LABELS[:5], ())
    assert figures["per_class"][9] == {"label": 9, "accuracy": None, "low": None, "high": None, "num": 0}
    assert figures["all"] == pytest.approx(100)


def test_every_model_is_compared_with_the_base_and_the_headline_with_every_model() -> None:
    wrong, right = sure_of((LABELS + 1) % 10), sure_of(LABELS)
    rows = comparison.differences({"base": wrong, "bir": right, "retrain": right}, "bir", LABELS, (1, 7))
    assert [(row["model"], row["minus"]) for row in rows] == [("bir", "base"), ("bir", "retrain"), ("retrain", "base")]
    assert [row["all"]["difference"] for row in rows] == [100, 0, 100]


def test_what_changed_by_hand() -> None:
    before, after = sure_of(LABELS, 0.9), sure_of(LABELS, 0.6)
    before[[3, 5]], after[[3, 5, 8]] = sure_of(np.array([0, 0])), sure_of(np.array([3, 0, 0]), 0.8)
    after[3] = sure_of(np.array([3]), 0.7)[0]
    two = Comparison(before=before, after=after, labels=LABELS, noisy_classes=())
    assert two.gained.tolist() == [3]
    assert two.lost.tolist() == [8]
    assert two.differences["all"] is not None
    assert two.differences["all"]["difference"] == 0
    assert two.differences["noisy"] is None


def test_the_surest_change_comes_first() -> None:
    before, after = sure_of((LABELS + 1) % 10), sure_of(LABELS, 0.5)
    after[[4, 9]] = sure_of(LABELS[[4, 9]], 0.9)
    assert Comparison(before=before, after=after, labels=LABELS, noisy_classes=()).gained.tolist() == [
        4, 9, *(place for place in range(20) if place not in (4, 9))
    ]  # fmt: skip


@given(st.integers(0, 2**32 - 1))
def test_gains_minus_losses_are_the_difference_and_the_other_way_round_has_the_other_sign(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 10, 50)
    one, other = (sure_of(np.where(draw.random(50) < 0.7, labels, draw.integers(0, 10, 50))) for _ in range(2))
    there = Comparison(before=one, after=other, labels=labels, noisy_classes=(1,))
    back = Comparison(before=other, after=one, labels=labels, noisy_classes=(1,))
    assert there.gained.tolist() == back.lost.tolist()
    assert there.differences["all"] is not None
    assert back.differences["all"] is not None
    assert there.differences["all"]["difference"] == pytest.approx(2 * (len(there.gained) - len(there.lost)))
    assert there.differences["all"]["low"] == pytest.approx(-back.differences["all"]["high"])


def test_reliability_by_hand() -> None:
    """Three predictions at confidence 0.95, two of them right; one at 0.55, right: gaps of 0.2833 and 0.45."""
    labels = np.array([0, 1, 2, 3])
    beliefs = np.concatenate([sure_of(np.array([0, 1, 9]), 0.95), sure_of(np.array([3]), 0.55)])
    bins = metrics.reliability(beliefs, labels)
    filled = {(one.low, one.high): one for one in bins if one.num}
    assert [one.num for one in filled.values()] == [1, 3]
    assert [one.accuracy for one in filled.values()] == [1, pytest.approx(2 / 3)]
    assert metrics.calibration_error(bins) == pytest.approx((3 * (0.95 - 2 / 3) + 0.45) / 4, abs=1e-6)


def test_calibration_error_is_the_dense_reference() -> None:
    draw = np.random.default_rng(1)
    beliefs = draw.dirichlet(np.ones(10), 500).astype(np.float32)
    labels = draw.integers(0, 10, 500)
    sure, right = beliefs.max(1).astype(np.float64), beliefs.argmax(1) == labels
    gap = 0.0
    for low in np.arange(15) / 15:
        members = (sure > low) & (sure <= low + 1 / 15)
        if members.any():
            gap += members.mean() * abs(right[members].mean() - sure[members].mean())
    assert metrics.calibration_error(metrics.reliability(beliefs, labels)) == pytest.approx(gap, abs=1e-9)


def test_certain_and_right_is_perfectly_calibrated_and_certain_and_wrong_is_not_at_all() -> None:
    assert metrics.calibration_error(metrics.reliability(sure_of(LABELS), LABELS)) == 0
    assert metrics.calibration_error(metrics.reliability(sure_of((LABELS + 1) % 10), LABELS)) == 1


def test_calibration_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no predictions"):
        metrics.calibration_error(metrics.reliability(np.zeros((0, 10), np.float32), np.zeros(0, dtype=np.int64)))
