"""Which points of a cloud are drawn, and which samples a lasso and a link mean."""

import numpy as np
import pytest

from dashboard import clouds, picks
from dashboard.frames import ScoreIndex


def make(num: int, seed: int = 0) -> ScoreIndex:
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=num)
    return ScoreIndex(
        scores=scores,
        order=np.argsort(-scores, kind="stable"),
        labels=draw.integers(0, 3, num),
        predictions=draw.integers(0, 3, num),
        corrupted=None,
        class_names=("a", "b", "c"),
    )


def test_a_small_cloud_is_drawn_whole() -> None:
    assert clouds.shown(make(100), 0.0).tolist() == list(range(100))


@pytest.mark.parametrize("threshold", [2.0, 0.0, -1.0, -2.5, -10.0])
def test_a_large_cloud_keeps_its_suspects_and_a_fifth_of_others(threshold: float) -> None:
    index = make(60_000)
    drawn = clouds.shown(index, threshold)
    assert len(drawn) == len(set(drawn.tolist())) == clouds.MOST_POINTS
    num_suspects = int((index.scores > threshold).sum())
    num_others = int((index.scores[drawn] <= threshold).sum())
    if num_suspects <= clouds.MOST_POINTS * 4 // 5:
        assert num_others == clouds.MOST_POINTS - num_suspects, "every suspect is there"
    else:
        assert num_others == min(60_000 - num_suspects, clouds.MOST_POINTS // 5)
    assert drawn.tolist() == clouds.shown(index, threshold).tolist()


def test_losses_are_where_they_were_measured_and_suspects_lie_above_the_line() -> None:
    index = make(500)
    before = np.abs(np.random.default_rng(1).normal(size=500)) + 0.01
    after = before + np.maximum(index.scores, -0.009)
    drawn = np.flatnonzero(np.arange(500) % 3)
    figure = clouds.losses(index, drawn, before[drawn], after[drawn], 0.3)
    others, suspects = figure.data[:2]
    assert len(others.x) + len(suspects.x) == len(drawn)
    assert len(suspects.x) == (index.scores[drawn] > 0.3).sum()
    assert (np.array(suspects.y) > np.array(suspects.x) + 0.3).all()
    names = index.class_names
    for x, y, sample, said in zip(suspects.x, suspects.y, suspects.customdata, suspects.hovertext, strict=True):
        assert (x, y) == (before[sample], after[sample])
        assert said == f"given {names[index.labels[sample]]}, believed {names[index.predictions[sample]]}"


def test_map_draws_the_most_suspect_last() -> None:
    index = make(50)
    coordinates = np.random.default_rng(2).normal(size=(50, 2)).astype(np.float32)
    points = clouds.feature_map(index, coordinates, 0.0, "pca").data[0]
    drawn = list(points.customdata)
    assert drawn == np.argsort(index.scores, kind="stable").tolist()
    assert np.array_equal(points.x, coordinates[drawn, 0])


@pytest.mark.parametrize(("num", "kind"), [(5_000, "scatter"), (5_001, "scattergl")])
def test_many_points_need_webgl_and_few_do_not(num: int, kind: str) -> None:
    index = make(num)
    losses = np.ones(num)
    assert clouds.losses(index, np.arange(num), losses, losses, 0.3).data[0].type == kind
    assert clouds.feature_map(index, np.ones((num, 2), np.float32), 0.3, "pca").data[0].type == kind


def test_what_a_lasso_holds() -> None:
    points = [{"customdata": 7}, {"customdata": 0}, {"x": 1.0}]
    assert clouds.selected({"selection": {"points": points}}) == [0, 7]
    assert clouds.selected({}) == []


@pytest.mark.parametrize("text", ["", "1,1", "1,x", "-1", "100", "1,,2", ",".join(map(str, range(201)))])
def test_a_link_that_names_no_samples(text: str) -> None:
    assert picks.parse(text, 100 if "199" not in text else 1000) is None


def test_a_link_names_samples_in_its_order() -> None:
    assert picks.parse(picks.as_text([5, 2, 99]), 100) == [5, 2, 99]
