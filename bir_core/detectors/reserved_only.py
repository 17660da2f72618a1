"""The loss under a fresh network of the base model's architecture that has seen nothing but the reserved set."""

from bir_core import base, scoring
from bir_core.detectors.evidence import Detected, Evidence


def detect(evidence: Evidence) -> Detected:
    """h_i = L(z_i; a network trained on the reserved set alone, for a fixed number of epochs).

    Raises:
        StageFailed: the loss is not a number any more.
    """
    options = evidence.config.methods.reserved_only
    recipe = evidence.config.base.model_copy(
        update={
            "network": evidence.base.network,
            "start": evidence.config.base.fresh_start,
            "preset": "memorised",
            "memorised_epochs": options.epochs,
            "learning_rate": options.learning_rate,
            "batch_size": options.batch_size,
        }
    )
    trained = base.train_base(
        evidence.reserved,
        evidence.reserved,  # nothing is chosen by it; its loss in eval mode is what the facts report
        evidence.base.num_classes,
        recipe,
        seed=evidence.seed,
        device=evidence.device,
        progress=evidence.progress,
    )
    facts = {"epochs": len(trained.epochs), "reserved_loss": trained.epochs[-1].validation_loss}
    return Detected(scores=scoring.losses_under(trained.state, evidence.train, device=evidence.device), facts=facts)
