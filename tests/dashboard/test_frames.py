"""The sorted index of scores against plain numpy, and pictures against their pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from bir_core.config import LANDMARKS
from dashboard import frames, pictures
from dashboard.components import histogram
from dashboard.frames import ScoreIndex


def make(scores: list[float] | np.ndarray, corrupted: list[bool] | None = None) -> ScoreIndex:
    values = np.asarray(scores, dtype=np.float64)
    return ScoreIndex(
        scores=values,
        order=np.argsort(-values, kind="stable"),
        labels=np.arange(len(values)) % 3,
        predictions=(np.arange(len(values)) + 1) % 3,
        corrupted=None if corrupted is None else np.asarray(corrupted),
        class_names=("a", "b", "c"),
    )


@pytest.fixture
def random_index() -> ScoreIndex:
    draw = np.random.default_rng(0)
    return make(draw.normal(size=500).round(2), (draw.random(500) < 0.2).tolist())


@pytest.mark.parametrize("threshold", [-99.0, -0.5, 0.0, 0.37, 1.0, 99.0])
def test_counts_of_any_threshold(random_index: ScoreIndex, threshold: float) -> None:
    chosen = random_index.scores > threshold
    assert random_index.corrupted is not None
    assert random_index.count_above(threshold) == chosen.sum()
    assert random_index.per_class_above(threshold) == [
        int((chosen & (random_index.labels == k)).sum()) for k in range(3)
    ]
    precision, recall = random_index.precision_recall(threshold)
    caught = (chosen & random_index.corrupted).sum()
    assert recall == pytest.approx(caught / random_index.corrupted.sum())
    assert precision == (pytest.approx(caught / chosen.sum()) if chosen.any() else None)


def test_scores_of_some_samples(random_index: ScoreIndex) -> None:
    samples = np.array([7, 0, 499, 7])
    assert random_index.score_of(samples).tolist() == random_index.scores[samples].tolist()


def test_auc_is_the_share_of_ordered_pairs(random_index: ScoreIndex) -> None:
    assert random_index.corrupted is not None
    bad, good = random_index.scores[random_index.corrupted], random_index.scores[~random_index.corrupted]
    pairs = (bad[:, None] > good).mean() + (bad[:, None] == good).mean() / 2
    assert random_index.auc == pytest.approx(pairs)
    assert make([1, 2, 3], [False, False, True]).auc == 1
    assert make([1, 2, 3]).auc is None


def test_a_cut_lies_between_the_kth_and_the_next() -> None:
    index = make([5.0, 3.0, 1.0, -2.0])
    for wanted in range(5):
        cut = index.cut_for(wanted)
        assert index.count_above(cut.threshold) == cut.num_suspects == wanted
        assert not cut.tie
    assert 3 <= index.cut_for(1).threshold < 5


def test_a_tie_is_said_in_words() -> None:
    cut = make([5.0, 3.0, 3.0, 1.0]).cut_for(2)
    assert cut.num_suspects == 1
    assert "ranked 2 and 3 are equal (3)" in cut.tie
    assert "1 or 3" in cut.tie


def test_scores_that_differ_in_the_last_bit_are_still_parted() -> None:
    low = 0.1
    index = make([np.nextafter(low, 1), low, 0.0])
    assert index.count_above(index.cut_for(1).threshold) == 1


def test_the_histogram_counts_every_sample_once(random_index: ScoreIndex) -> None:
    assert sum(int(counts.sum()) for counts in random_index.counts.values()) == len(random_index)
    assert set(random_index.counts) == {"clean", "corrupted"}
    assert set(make([1, 2, 3]).counts) == {"all"}


def test_equal_scores_have_a_histogram_too() -> None:
    (counts,) = make([0.5, 0.5, 0.5]).counts.values()
    assert [count for count in counts if count] == [3]


def test_the_browser_counts_by_itself_as_the_server_does(random_index: ScoreIndex) -> None:
    table = histogram.table(random_index, 0.123, LANDMARKS, run="r")
    scores, corrupted = random_index.scores, random_index.corrupted
    assert corrupted is not None
    for stop, above, caught in zip(table["stops"], table["above"], table["caught"], strict=True):
        assert above == (scores > stop).sum()
        assert caught == (corrupted & (scores > stop)).sum()
    assert table["count"] == (scores > 0.123).sum()
    assert table["right"] == (corrupted & (scores > 0.123)).sum()
    assert set(LANDMARKS.values()) <= set(table["stops"])
    assert sum(sum(kind["counts"]) for kind in table["kinds"]) == len(scores)
    assert histogram.table(make([1, 2, 3]), 0, LANDMARKS, run="r")["caught"] is None


def test_ranked_filters_and_orders(random_index: ScoreIndex) -> None:
    chosen = random_index.ranked(0.2, given=[1], believed=[2])
    assert (random_index.labels[chosen] == 1).all()
    assert (random_index.predictions[chosen] == 2).all()
    assert (np.diff(random_index.scores[chosen]) <= 0).all()
    assert len(random_index.ranked(0.2, given=[1], believed=[0])) == 0
    inside = random_index.ranked(0.2, below=0.5)
    assert set(inside.tolist()) == set(np.flatnonzero((random_index.scores > 0.2) & (random_index.scores <= 0.5)))
    among = random_index.scores.round(1) == random_index.scores
    assert random_index.ranked(0.2, among=among).tolist() == [n for n in random_index.ranked(0.2).tolist() if among[n]]
    assert random_index.ranked(0.2, sort="lowest").tolist() == random_index.ranked(0.2).tolist()[::-1]


def test_slider_stops_hold_the_landmarks_exactly_and_stay_even(random_index: ScoreIndex) -> None:
    stops = histogram.line_stops(random_index, [*LANDMARKS.values(), 0.123456789])
    assert {*LANDMARKS.values(), 0.123456789} <= set(stops)
    assert stops == sorted(set(stops))
    along = (frames.spread(stops) - random_index.edges[0]) / (random_index.edges[-1] - random_index.edges[0])
    assert np.abs(along - np.linspace(0, 1, len(stops))).max() < 0.02


def test_pictures_keep_their_pixels() -> None:
    grey = np.array([[[0, 0.5], [1, 2]]], dtype=np.float32)
    file = pictures.png(pictures.shown(grey))
    assert np.asarray(Image.open(io.BytesIO(file))).tolist() == [[0, 128], [255, 255]]
    assert pictures.shown(np.repeat(grey, 3, axis=0)).shape == (2, 2, 3)


def test_a_sheet_of_grey_pictures_is_exact_and_one_of_colour_nearly_so() -> None:
    draw = np.random.default_rng(0)
    grey = draw.integers(0, 256, (64, 32), dtype=np.uint8)
    rough = draw.random((3, 8, 4)).repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
    for pixels, kind, most in ((grey, "PNG", 0), (pictures.shown(rough), "JPEG", 3)):
        content, media_type = pictures.sheet(pixels)
        found = Image.open(io.BytesIO(content))
        assert (found.format, media_type) == (kind, f"image/{kind.lower()}")
        assert np.abs(np.asarray(found).astype(int) - pixels).max() <= most


def test_a_sprite_has_a_pair_per_row() -> None:
    left = np.array([0.2, 0.6], dtype=np.float32).reshape(2, 1, 1, 1).repeat(2, axis=3)
    right = np.array([0.6, 0.0], dtype=np.float32).reshape(2, 1, 1, 1).repeat(2, axis=3)
    assert pictures.sprite(left, right).tolist() == [[51, 51, 153, 153], [153, 153, 0, 0]]
    colour = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 2, 2)
    drawn = pictures.sprite(colour, colour[::-1])
    assert drawn.shape == (4, 4, 3)
    assert drawn[2:, :2].tolist() == pictures.shown(colour[1]).tolist()
    assert drawn[:2, 2:].tolist() == pictures.shown(colour[1]).tolist()


def test_a_difference_is_orange_where_brighter_and_blue_where_darker() -> None:
    before = np.full((1, 1, 3), 0.5, dtype=np.float32)
    after = np.array([[[0.6, 0.5, 0.4]]], dtype=np.float32)
    red, same, blue = pictures.difference(before, after, 10)[0].astype(int)
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert same.tolist() == pictures.NEUTRAL.tolist()


@pytest.mark.parametrize(("size", "factor"), [(0.09, 10), (0.5, 2), (3.0, 1), (0.0, 1), (0.0009, 1000)])
def test_amplification_brings_the_largest_change_just_inside(size: float, factor: int) -> None:
    assert pictures.amplification(np.full((2, 1, 4, 4), size, dtype=np.float32)) == factor


def test_no_changes_need_no_amplification() -> None:
    assert pictures.amplification(np.array([], dtype=np.float32)) == 1
