"""Treatments that take samples out of the weights, on the toy with known wrong labels."""

from collections.abc import Sequence

import numpy as np

from bir_core import repair, review
from bir_core.config import ReviewConfig
from bir_core.detectors.evidence import Evidence
from bir_core.method_config import MethodsConfig
from bir_core.records import Aligned, Suspects
from bir_core.treatments.case import Case
from tests import cases

NOT_ALIGNED = Aligned(
    indices=np.empty(0, dtype=np.int64),
    images=np.empty((0, 2, 1, 1), dtype=np.float32),
    soft_labels=np.empty((0, 3), dtype=np.float32),
    energy_before=np.empty(0),
    energy_after=np.empty(0),
    relative_step=np.empty(0),
    eta=0.0,
)
NO_REVIEW = ReviewConfig()


def case(
    evidence: Evidence, suspects: Sequence[int], settings: MethodsConfig, people: ReviewConfig = NO_REVIEW
) -> Case:
    """The toy with these suspects; its base model stands in for the enhanced one, which removal does not look at."""
    indices = np.array(suspects, dtype=np.int64)
    treated = review.treat(Suspects(indices=indices, rule="top_k", threshold=None), people)
    return Case(
        train=evidence.train,
        validation=evidence.validation,
        reserved=evidence.reserved,
        base=evidence.base,
        enhanced=evidence.base,
        layers=("layer1", "layer2"),
        treated=treated,
        kept=repair.draw_remaining(evidence.train, treated, seed=0),
        aligned=NOT_ALIGNED,
        config=evidence.config.model_copy(update={"methods": settings}),
        seed=4,
        device=cases.CPU,
    )
