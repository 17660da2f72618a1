"""T1, T1b and T1c of the specification: the score on the paper's Gaussian-mean example."""

import math

import numpy as np
import pytest

from bir_core import identification
from bir_core.numerics import gaussian_mean, ranking
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


def test_the_formula_is_the_difference_of_losses() -> None:
    draw = np.random.default_rng(4)
    training, extra = draw.normal(2, 3, 50), draw.normal(-1, 1, 30)
    means = {"base": training.mean(), "enhanced": np.concatenate([training, extra]).mean()}
    by_formula = gaussian_mean.scores(training, **means)
    assert by_formula == pytest.approx(reference.mean_scores(training, extra).score, abs=1e-5)


def test_expectations_match_simulation() -> None:
    n, m, dn, delta = 200, 20, 60, 4.0
    target, shifted = gaussian_mean.expected_scores(n=n, m=m, dn=dn, delta=delta, sigma=1.0)
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
    rare = gaussian_mean.expected_scores(n=990, m=10, dn=100, delta=3, sigma=1)
    rarer = gaussian_mean.expected_scores(n=995, m=5, dn=100, delta=3, sigma=1)
    assert rare[0] == pytest.approx(-6.53e-5, rel=1e-2)
    assert rarer[0] == pytest.approx(5.19e-5, rel=1e-2)


@pytest.mark.parametrize("aligned_shift", [0.0, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("m", [10, 100])
def test_alignment_beats_removal_exactly_when_it_is_close_enough(m: int, aligned_shift: float) -> None:
    n, sigma, p = 200, 1.0, 0.05
    _, removed, aligned = gaussian_mean.error_bounds(n=n, m=m, shift=4, aligned_shift=aligned_shift, sigma=sigma, p=p)
    assert (aligned < removed) == (aligned_shift < gaussian_mean.alignment_limit(n=n, m=m, sigma=sigma, p=p))


@pytest.mark.parametrize(("n", "m"), [(20, 200), (200, 20), (1000, 1)])
def test_at_the_limit_alignment_and_removal_are_equal(n: int, m: int) -> None:
    limit = gaussian_mean.alignment_limit(n=n, m=m, sigma=2.0, p=0.1)
    _, removed, aligned = gaussian_mean.error_bounds(n=n, m=m, shift=4, aligned_shift=limit, sigma=2.0, p=0.1)
    assert aligned == pytest.approx(removed, rel=1e-12)


def test_bounds_hold_as_often_as_they_say() -> None:
    n, m, shift, aligned_shift, p = 100, 30, 4.0, 0.2, 0.05
    bounds = gaussian_mean.error_bounds(n=n, m=m, shift=shift, aligned_shift=aligned_shift, sigma=1.0, p=p)
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


def test_drawn_means_are_as_wrong_as_means_of_drawn_samples() -> None:
    """The shortcut of the simulation, which draws a mean at once, against one that draws every sample."""
    n, m, shift, aligned_shift, sigma = 40, 15, 2.0, 0.3, 1.5
    draw = np.random.default_rng(5)
    found = gaussian_mean.simulated_errors(
        draw.standard_normal((2, 4000)), n=n, m=m, shift=shift, aligned_shift=aligned_shift, sigma=sigma
    )
    target, noise = draw.normal(0, sigma, (4000, n)), draw.normal(0, sigma, (4000, m))
    whole = (
        np.hstack([target, noise + shift]).mean(axis=1),
        target.mean(axis=1),
        np.hstack([target, noise + aligned_shift]).mean(axis=1),
    )
    for by_means, by_samples in zip(found, np.abs(whole), strict=True):
        error = math.hypot(by_means.std(), by_samples.std()) / math.sqrt(4000)
        assert abs(by_means.mean() - by_samples.mean()) < 4 * error
        assert np.quantile(by_means, 0.95) == pytest.approx(np.quantile(by_samples, 0.95), rel=0.05)


def test_a_random_score_finds_nothing_and_an_oracle_everything() -> None:
    draw = np.random.default_rng(3)
    truth = draw.random(5000) < 0.2
    assert ranking.ranking_auc(draw.random(5000), truth) == pytest.approx(0.5, abs=0.03)
    assert ranking.ranking_auc(truth.astype(np.float64), truth) == 1.0
