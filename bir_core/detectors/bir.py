"""BIR's change of loss, from the base model on (Huang et al. 2023, equation 1)."""

from bir_core import enhancement, scoring, seeding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.records import Scores


def detect(evidence: Evidence) -> Detected:
    """s_i = L(z_i; enhanced) - L(z_i; base); the same numbers that the stages of a run find.

    Raises:
        StageFailed: a loss is not a number any more.
    """
    scores, label = change_of_loss(evidence)
    return Detected(scores=scores.score, facts={"layers": label})


def change_of_loss(evidence: Evidence) -> tuple[Scores, str]:
    """Both losses of every training sample, and the layer subset that was chosen on the way."""
    config, root = evidence.config, evidence.config.seed
    choice = enhancement.choose_layers(
        evidence.base,
        evidence.reserved,
        config.enhance,
        seed=seeding.derive(root, "select"),
        device=evidence.device,
    )
    enhanced = enhancement.enhance(
        evidence.base,
        evidence.reserved,
        choice.layers,
        config.enhance,
        seed=seeding.derive(root, "enhance"),
        device=evidence.device,
        progress=evidence.progress,
    )
    return scoring.score(evidence.base, enhanced.state, evidence.train, device=evidence.device), choice.label
