"""Slow, plain truths that the engine is held against: the scores of the Gaussian-mean example of the paper (T1).

The base model is the mean of the training samples, the enhanced model the mean of these and of the extra ones; the loss
is (theta - x)^2. Its closed forms stand in ``bir_core.numerics.gaussian_mean``.
"""

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
