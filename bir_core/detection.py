"""Score the training samples by any detector: Evidence -> Detected."""

from collections.abc import Callable

import numpy as np

from bir_core import methods
from bir_core.detectors import (
    bir,
    cleanlab,
    deep_knn,
    ekfac,
    enhanced_loss,
    ewc_influence,
    knn_shapley,
    linear_influence,
    loss,
    margin,
    reserved_only,
    sgd_influence,
    tracin,
    trak,
)
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError, StageFailed

DETECT: dict[str, Callable[[Evidence], Detected]] = {
    "bir": bir.detect,
    "enhanced_loss": enhanced_loss.detect,
    "loss": loss.detect,
    "margin": margin.detect,
    "reserved_only": reserved_only.detect,
    "deep_knn": deep_knn.detect,
    "knn_shapley": knn_shapley.detect,
    "linear_influence": linear_influence.detect,
    "ewc_influence": ewc_influence.detect,
    "sgd_influence": sgd_influence.detect,
    "cleanlab": cleanlab.detect,
    "tracin": tracin.detect,
    "ekfac": ekfac.detect,
    "trak": trak.detect,
}


def detect(name: str, evidence: Evidence) -> Detected:
    """The scores of the detector called ``name``, (N,) float64 in data-set order; higher = more suspect.

    Raises:
        InputError: there is no such detector, what it needs is not installed, or it cannot run on this evidence.
        StageFailed: it diverged, or its scores are not numbers.
    """
    absent = methods.missing_packages(methods.detector(name))
    if absent is not None:
        raise InputError(absent)
    found = DETECT[name](evidence)
    if found.scores.shape != (len(evidence.train),) or found.scores.dtype != np.float64:
        raise StageFailed(
            f"{name} gave {found.scores.dtype} scores of shape {found.scores.shape} "
            f"for {len(evidence.train)} samples: expected float64, one per sample"
        )
    wrong = int((~np.isfinite(found.scores)).sum())
    if wrong:
        raise StageFailed(f"{name} diverged: {wrong} of {len(found.scores)} scores are not finite numbers")
    return found
