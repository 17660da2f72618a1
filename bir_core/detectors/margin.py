"""Area under the margin, from the log of the base training (Pleiss et al. 2020)."""

from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the mean, over the epochs, of the given label's logit minus the best other logit.

    Raises:
        InputError: the base model came without its training log.
    """
    if evidence.margins is None:
        raise InputError("the training margin needs the log of the base training, and this base model has none")
    return Detected(scores=-evidence.margins)
