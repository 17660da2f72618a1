"""EWC-influence (Tanno et al. 2022, as used by Huang et al. 2023; section 7 of the specification)."""

import numpy as np
import torch
from torch import Tensor, nn

from bir_core import scoring, seeding, tensors, training
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.method_config import EwcInfluenceOptions
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import gradients, losses
from bir_core.numerics.anchor import IMPORTANCE_FLOOR, Anchor
from bir_core.numerics.gradients import FlatNetwork
from bir_core.training import Schedule, Training


def detect(evidence: Evidence) -> Detected:
    """h_i = L(z_i; theta_F) - L(z_i; base), where theta_F has learned the base model's failures on the reserved set.

    All layers learn the misclassified reserved samples D_f, held by an anchor of the training part's Fisher diagonal
    with lam = strength * N / |D_f|, the weight that a Laplace posterior gives. Without failures there is nothing to
    learn, and every score is 0.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    network = networks.restore(evidence.base, evidence.device)
    images, labels = _failures(network, evidence)
    if len(labels) == 0:
        return Detected(scores=np.zeros(len(evidence.train)), facts={"num_failures": 0})
    options = evidence.config.methods.ewc_influence
    strength = options.strength * len(evidence.train) / len(labels)
    outcome = _learn(network, images, labels, _anchor(network, evidence, strength), evidence=evidence)
    learned = networks.capture(network, evidence.base)
    change = scoring.score(evidence.base, learned, evidence.train, device=evidence.device)
    facts = {
        "num_failures": len(labels),
        "strength": strength,
        "num_epochs": len(outcome.epochs),
        "penalised_loss": outcome.epochs[-1].loss,
    }
    return Detected(scores=change.score, facts=facts)


@torch.no_grad()
def _failures(network: nn.Sequential, evidence: Evidence) -> tuple[Tensor, Tensor]:
    images, labels = tensors.labelled(evidence.reserved, evidence.device)
    beliefs = layer_groups.activations(network, images)
    wrong = beliefs.argmax(1) != labels
    return images[wrong], labels[wrong]


def _anchor(network: nn.Sequential, evidence: Evidence, strength: float) -> Anchor:
    model = FlatNetwork(network)
    fisher = gradients.fisher_diagonal(model, *tensors.labelled(evidence.train, evidence.device))
    return Anchor(centre=model.theta, importance=fisher + IMPORTANCE_FLOOR, strength=strength)


def _learn(network: nn.Sequential, images: Tensor, labels: Tensor, anchor: Anchor, *, evidence: Evidence) -> Training:
    return training.fine_tune(
        network,
        layer_groups.names(network),
        images,
        losses.one_hot(labels, evidence.base.num_classes),
        schedule=_schedule(evidence.config.methods.ewc_influence),
        generator=torch.Generator().manual_seed(seeding.derive(evidence.seed, "shuffle")),
        penalty=anchor,
        progress=evidence.progress,
    )


def _schedule(options: EwcInfluenceOptions) -> Schedule:
    return Schedule(
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        max_epochs=options.max_epochs,
        patience=options.patience,
    )
