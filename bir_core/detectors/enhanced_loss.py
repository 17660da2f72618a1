"""The loss under the enhanced model alone: what is left of BIR's score when the base model's loss is not taken off."""

from bir_core.detectors import bir
from bir_core.detectors.evidence import Detected, Evidence


def detect(evidence: Evidence) -> Detected:
    """h_i = L(z_i; enhanced).

    Raises:
        StageFailed: a loss is not a number any more.
    """
    scores, label = bir.change_of_loss(evidence)
    return Detected(scores=scores.loss_after, facts={"layers": label})
