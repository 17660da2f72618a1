"""T1, T1b and T1c of the specification: the score on the paper's Gaussian-mean example."""

import math

import numpy as np
import pytest

from bir_core import identification
from bir_core.numerics import ranking
from tests import reference


def test_exact_arithmetic() -> None:
    scores = reference.mean_scores(np.array([-1.0, 1, -1, 1, 10]), np.zeros(5))
    assert scores.score.tolist() == [-5.0, -1.0, -5.0, -1.0, 17.0]
    assert identification.identify(scores.score, threshold=0).indices.tolist() == [4]


def test_suspects_lie_on_the_far_side_of_the_midpoint() -> None:
    draw = np.random.default_rng(0)
    training, extra = draw.normal(2, 3, 50), draw.normal(-1, 1, 30)
    midpoint = (training.mean() + np.concatenate([training, extra]).mean()) / 2
    suspects = identification.identify(reference.mean_scores(training, extra).score, threshold=0).indices
    assert sorted(suspects.tolist()) == np.flatnonzero(training > midpoint).tolist()


def test_expectations_match_simulation() -> None:
    n, m, dn, delta = 200, 20, 60, 4.0
    target, shifted = reference.expected_scores(n=n, m=m, dn=dn, delta=delta, sigma=1.0)
    assert target == pytest.approx(-0.049625, abs=1e-6)
    assert shifted == pytest.approx(0.573752, abs=1e-6)
    draw = np.random.default_rng(1)
    means = []
    for _ in range(2000):
        training = np.concatenate([draw.normal(0, 1, n), draw.normal(delta, 1, m)])
        score = reference.mean_scores(training, draw.normal(0, 1, dn)).score
        means.append((score[:n].mean(), score[n:].mean()))
    simulated, error = np.mean(means, axis=0), np.std(means, axis=0) / math.sqrt(len(means))
    assert (np.abs(simulated - (target, shifted)) < 4 * error).all()


def test_very_rare_corruption_raises_even_the_clean_score() -> None:
    """The variance term that the paper omits: with 5 of 1000 shifted, clean samples score above zero on average."""
    rare = reference.expected_scores(n=990, m=10, dn=100, delta=3, sigma=1)
    rarer = reference.expected_scores(n=995, m=5, dn=100, delta=3, sigma=1)
    assert rare[0] == pytest.approx(-6.53e-5, rel=1e-2)
    assert rarer[0] == pytest.approx(5.19e-5, rel=1e-2)


@pytest.mark.parametrize("aligned_shift", [0.0, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("m", [10, 100])
def test_alignment_beats_removal_exactly_when_it_is_close_enough(m: int, aligned_shift: float) -> None:
    n, sigma, p = 200, 1.0, 0.05
    _, removed, aligned = reference.error_bounds(n=n, m=m, shift=4, aligned_shift=aligned_shift, sigma=sigma, p=p)
    a = sigma * math.sqrt(2 * math.log(2 / p))
    limit = (m + n) / m * a * (1 / math.sqrt(n) - 1 / math.sqrt(n + m))
    assert (aligned < removed) == (aligned_shift < limit)


def test_bounds_hold_as_often_as_they_say() -> None:
    n, m, shift, aligned_shift, p = 100, 30, 4.0, 0.2, 0.05
    bounds = reference.error_bounds(n=n, m=m, shift=shift, aligned_shift=aligned_shift, sigma=1.0, p=p)
    draw = np.random.default_rng(2)
    errors = []
    for _ in range(2000):
        target, noise = draw.normal(0, 1, n), draw.normal(0, 1, m)
        errors.append(
            [
                abs(np.concatenate([target, noise + shift]).mean()),
                abs(target.mean()),
                abs(np.concatenate([target, noise + aligned_shift]).mean()),
            ]
        )
    assert ((np.array(errors) <= bounds).mean(axis=0) >= 1 - p).all()


def test_a_random_score_finds_nothing_and_an_oracle_everything() -> None:
    draw = np.random.default_rng(3)
    truth = draw.random(5000) < 0.2
    assert ranking.ranking_auc(draw.random(5000), truth) == pytest.approx(0.5, abs=0.03)
    assert ranking.ranking_auc(truth.astype(np.float64), truth) == 1.0
