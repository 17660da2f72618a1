"""Slow, plain truths that the engine is held against: the Gaussian-mean example of the paper (section 14, T1 to T1c).

n target samples from N(mu, sigma^2), m shifted by delta, and dn extra target samples. The base model is the mean of the
first n + m, the enhanced model the mean of all; the loss is (theta - x)^2.
"""

import math

import numpy as np

from bir_core.records import Doubles, Scores


def mean_scores(training: Doubles, extra: Doubles) -> Scores:
    """Scores of ``training`` under the two means."""
    base, enhanced = training.mean(), np.concatenate([training, extra]).mean()
    nothing = np.zeros((len(training), 1), dtype=np.float32)
    return Scores(
        loss_before=(base - training) ** 2,
        loss_after=(enhanced - training) ** 2,
        base_predictions=np.zeros(len(training), dtype=np.int64),
        soft_labels=nothing,
    )


def expected_scores(*, n: int, m: int, dn: int, delta: float, sigma: float) -> tuple[float, float]:
    """Exact expectation of the score of a target and of a shifted sample."""
    before, after = n + m, n + m + dn
    spread = sigma**2 * (1 / before - 1 / after)
    target = delta**2 * ((m / after) ** 2 - (m / before) ** 2) + spread
    shifted = delta**2 * (((n + dn) / after) ** 2 - (n / before) ** 2) + spread
    return target, shifted


def error_bounds(
    *, n: int, m: int, shift: float, aligned_shift: float, sigma: float, p: float
) -> tuple[float, float, float]:
    """Bounds on |mean - mu| that hold with probability 1 - p: as it is, after removal, after alignment."""
    a = sigma * math.sqrt(2 * math.log(2 / p))
    everything = a / math.sqrt(n + m)
    share = m / (n + m)
    return everything + share * shift, a / math.sqrt(n), everything + share * aligned_shift
