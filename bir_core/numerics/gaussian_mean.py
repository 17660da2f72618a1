"""The Gaussian-mean example of the paper, in which everything is known in closed form (specification, T1 to T1c).

n target samples come from N(mu, sigma^2); m shifted ones from N(mu + delta, sigma^2); dn reserved ones from the target.
A model is a mean and its loss is (theta - x)^2: the base model theta is the mean of the n + m training samples, the
enhanced model phi the mean of all n + m + dn. Everything here is relative to mu, so that mu = 0. NumPy only.
"""

import math

import numpy as np

from bir_core.records import Doubles


def scores(samples: Doubles, *, base: float, enhanced: float) -> Doubles:
    """Score of each sample, loss after minus loss before: (phi - theta)(phi + theta - 2x), equation of T1.

    It is above zero, which is suspect, exactly when the sample lies on the other side of the midpoint of the two means
    than the enhanced mean.

    Args:
        samples: (N,) values x.
        base: theta.
        enhanced: phi.
    """
    return (enhanced - base) * (enhanced + base - 2 * samples)


def variance_term(*, n: int, m: int, dn: int, sigma: float) -> float:
    """What the paper's expectations omit, sigma^2 (1/N - 1/N'): a sample is part of the mean it is held to."""
    return sigma**2 * (1 / (n + m) - 1 / (n + m + dn))


def expected_scores(*, n: int, m: int, dn: int, delta: float, sigma: float) -> tuple[float, float]:
    """Exact expectation of the score of a target and of a shifted sample (T1b); the paper's lack ``variance_term``."""
    before, after = n + m, n + m + dn
    spread = variance_term(n=n, m=m, dn=dn, sigma=sigma)
    target = delta**2 * ((m / after) ** 2 - (m / before) ** 2) + spread
    shifted = delta**2 * (((n + dn) / after) ** 2 - (n / before) ** 2) + spread
    return target, shifted


def error_bounds(
    *, n: int, m: int, shift: float, aligned_shift: float, sigma: float, p: float
) -> tuple[float, float, float]:
    """Bounds on |mean - mu| that hold with probability 1 - p: as it is, after removal, after alignment (T1c).

    Args:
        n: number of target samples.
        m: number of shifted samples.
        shift: |mu - mu'|, how far the shifted samples lie off.
        aligned_shift: |mu - mu~|, how far they lie off after alignment.
        sigma: standard deviation of every sample.
        p: how often a bound may fail.
    """
    a = sigma * math.sqrt(2 * math.log(2 / p))
    everything = a / math.sqrt(n + m)
    share = m / (n + m)
    return everything + share * shift, a / math.sqrt(n), everything + share * aligned_shift


def alignment_limit(*, n: int, m: int, sigma: float, p: float) -> float:
    """The alignment error below which the bound after alignment is lower than the one after removal (T1c)."""
    a = sigma * math.sqrt(2 * math.log(2 / p))
    return (m + n) / m * a * (1 / math.sqrt(n) - 1 / math.sqrt(n + m))


def simulated_errors(
    draws: Doubles, *, n: int, m: int, shift: float, aligned_shift: float, sigma: float
) -> tuple[Doubles, Doubles, Doubles]:
    """|mean - mu| in many repetitions: as it is, after removal, after alignment.

    The mean of n target samples is N(0, sigma^2 / n) exactly, and is drawn as such; the shifted ones likewise.

    Args:
        draws: (2, repetitions) independent standard normal numbers, for the target and for the shifted samples.
        n: number of target samples.
        m: number of shifted samples.
        shift: how far the shifted samples lie off.
        aligned_shift: how far they lie off after alignment.
        sigma: standard deviation of every sample.

    Returns:
        Three arrays (repetitions,).
    """
    target, noise = sigma * draws[0] / math.sqrt(n), sigma * draws[1] / math.sqrt(m)
    share = m / (n + m)
    as_it_is = (1 - share) * target + share * (noise + shift)
    aligned = (1 - share) * target + share * (noise + aligned_shift)
    return np.abs(as_it_is), np.abs(target), np.abs(aligned)
