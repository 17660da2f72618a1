"""What reviewers measured: how often a flag is right, band by band, and when to stop looking."""

import math

import numpy as np
import pytest

from bir_core import review
from bir_core.config import ReviewConfig
from bir_core.review import Band, Opinion, Standing, State, Verdict


def says(*verdicts: Verdict) -> Standing:
    return Standing(
        opinions=tuple(
            Opinion(reviewer=f"reviewer {number}", verdict=verdict, label=7 if verdict == "relabel" else None)
            for number, verdict in enumerate(verdicts)
        )
    )


def test_bands_count_what_was_reviewed_and_confirmed() -> None:
    score = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 9.0, 30.0])
    standings = {2: says("keep"), 3: says("remove"), 4: says("keep", "remove"), 6: says("relabel"), 7: says()}
    found = review.bands(score, standings, edges=(0.0, 1.0, 2.0, math.inf))
    assert found == (
        Band(low=2.0, high=math.inf, num=2, reviewed=1, confirmed=1),
        Band(low=1.0, high=2.0, num=2, reviewed=0, confirmed=0),
        Band(low=0.0, high=1.0, num=2, reviewed=2, confirmed=1),
    )
    assert [band.precision for band in found] == [1.0, None, 0.5]
    assert found[1].interval == (0.0, 1.0)
    low, high = found[2].interval
    assert low == pytest.approx(1 - high)


def test_the_bands_of_the_product_hold_every_positive_score_once() -> None:
    score = np.concatenate([np.random.default_rng(0).exponential(3, 500), np.array(review.BAND_EDGES[1:-1])])
    assert sum(band.num for band in review.bands(score, {})) == len(score)


def band(low: float, high: float, reviewed: int, confirmed: int) -> Band:
    return Band(low=low, high=high, num=100, reviewed=reviewed, confirmed=confirmed)


def test_one_stops_above_the_band_that_is_wrong_beyond_chance() -> None:
    good, unsure, bad = band(5, 10, 40, 39), band(1, 5, 10, 4), band(0, 1, 40, 8)
    assert review.where_to_stop([good, unsure, bad]) == 1
    assert review.where_to_stop([good, unsure]) is None
    assert review.where_to_stop([]) is None
    assert review.where_to_stop([good, unsure, bad], at_least=0.1) is None
    assert review.where_to_stop([good, unsure, bad], at_least=0.99) == 5


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["undecided"], [0, 3, 5]),
        (["keep"], [1]),
        (["remove", "relabel"], [2, 6]),
        (["conflict"], [4]),
        (["undecided", "conflict"], [0, 3, 4, 5]),
        (review.STATES, [0, 1, 2, 3, 4, 5, 6]),
        ([], []),
    ],
)
def test_every_sample_is_in_one_state(states: list[State], expected: list[int]) -> None:
    standings = {1: says("keep"), 2: says("remove", "remove"), 3: says(), 4: says("keep", "remove"), 6: says("relabel")}
    mask = review.in_states(standings, states, 7)
    assert np.flatnonzero(mask).tolist() == expected


def test_two_classes_of_a_relabelling_are_a_conflict() -> None:
    other = Opinion(reviewer="another", verdict="relabel", label=8)
    assert Standing(opinions=(*says("relabel").opinions, other)).state == "conflict"


def test_the_repair_takes_what_all_agree_on() -> None:
    standings = {9: says("keep", "keep"), 4: says("relabel"), 2: says("remove"), 1: says("keep", "remove"), 0: says()}
    assert review.agreed(standings) == ReviewConfig(keep=(9,), remove=(2,), relabel=((4, 7),))
