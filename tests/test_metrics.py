import numpy as np
import pytest
from scipy import stats

from bir_core.numerics import metrics, proportion, ranking


def flags(*counts: tuple[int, bool]) -> np.ndarray:
    return np.concatenate([np.full(count, value) for count, value in counts])


def test_accuracy_with_wilsons_interval() -> None:
    """81 of 263: Newcombe's (1998) first example, 0.2553 to 0.3662."""
    value, low, high = metrics.accuracy(flags((81, True), (182, False)))
    assert (value, low, high) == pytest.approx((30.798, 25.53, 36.62), abs=0.01)


def test_a_perfect_accuracy_is_still_uncertain() -> None:
    value, low, high = metrics.accuracy(flags((10, True)))
    assert value == 100
    assert (low, high) == pytest.approx((72.25, 100), abs=0.01)


@pytest.mark.parametrize(("hits", "num"), [(0, 1), (1, 1), (0, 7), (3, 7), (81, 263), (999_999, 1_000_000)])
def test_wilsons_interval_is_scipys(hits: int, num: int) -> None:
    expected = stats.binomtest(hits, num).proportion_ci(0.95, method="wilson")
    assert proportion.wilson(hits, num) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_accuracy_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        metrics.accuracy(np.zeros(0, dtype=bool))


def test_paired_difference_counts_only_where_the_models_disagree() -> None:
    first = flags((50, True), (30, True), (10, False), (10, False))
    second = flags((50, True), (30, False), (10, True), (10, False))
    value, low, high = metrics.paired_difference(first, second)
    assert value == pytest.approx(20)
    # b + 1 = 31, c + 1 = 11, n + 2 = 102, by hand
    centre, half = 20 / 102, 1.959964 * np.sqrt((42 / 102 - (20 / 102) ** 2) / 102)
    assert (low, high) == pytest.approx((100 * (centre - half), 100 * (centre + half)), abs=1e-4)
    back = metrics.paired_difference(second, first)
    assert back == pytest.approx((-value, -high, -low))


def test_paired_interval_is_narrower_than_an_unpaired_one_and_covers_zero_for_equals() -> None:
    same = np.random.default_rng(0).random(500) < 0.9
    value, low, high = metrics.paired_difference(same, same)
    assert value == 0
    assert low < 0 < high
    _, accuracy_low, accuracy_high = metrics.accuracy(same)
    assert high - low < accuracy_high - accuracy_low


def test_paired_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(4)
    covered = 0
    for _ in range(600):
        shared = draw.random(400)
        value = metrics.paired_difference(shared < 0.9, (shared < 0.85) | (draw.random(400) < 0.02))
        truth = 100 * (0.9 - (0.85 + 0.15 * 0.02))
        covered += value[1] <= truth <= value[2]
    assert covered / 600 > 0.92


def test_confusion_rows_are_the_truth() -> None:
    found = metrics.confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert found.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_auc_by_hand_with_a_tie() -> None:
    scores, positives = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert ranking.ranking_auc(scores, positives) == (1 + 1 + 0.5 + 1) / 4
    assert ranking.ranking_auc(scores, np.ones(4, dtype=bool)) is None


def test_precision_and_recall() -> None:
    positives = np.array([True, True, False, False])
    assert metrics.precision_recall(np.array([0, 2, 3]), positives) == (1 / 3, 1 / 2)
    assert metrics.precision_recall(np.zeros(0, dtype=np.int64), positives) == (None, 0)
