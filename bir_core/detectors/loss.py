"""The loss under the base model: what networks learn late is suspect (Arpit et al. 2017)."""

from bir_core import scoring
from bir_core.detectors.evidence import Detected, Evidence


def detect(evidence: Evidence) -> Detected:
    """h_i = L(z_i; base)."""
    losses = scoring.losses_under(evidence.base, evidence.train, device=evidence.device, progress=evidence.progress)
    return Detected(scores=losses)
