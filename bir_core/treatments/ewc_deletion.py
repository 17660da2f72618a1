"""EWC-deletion (Tanno et al. 2022, as used by Huang et al. 2023; section 7 of the specification)."""

import math

import torch
from torch import Tensor, nn

from bir_core import repair, seeding, tensors, training
from bir_core.method_config import EwcDeletionOptions
from bir_core.model_records import TrainedModel
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import gradients, losses
from bir_core.numerics.anchor import IMPORTANCE_FLOOR, Anchor
from bir_core.numerics.gradients import FlatNetwork
from bir_core.training import Schedule, Training
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """All layers trained to lower J = -(a/K) sum_C min(L, log L) + (1/K) sum_kept L + (lam/2) sum_j F_j (change_j)^2.

    C is what is forgotten (``case.forgotten``, K samples): its loss is raised until its labels are at chance. Kept are
    as many trusted samples; F is the Fisher diagonal of all remaining samples, and lam = strength * N / K.

    Raises:
        StageFailed: nothing remains, or the loss is not a number any more.
    """
    num_forgotten = len(case.treated.others_than)
    if num_forgotten == 0:
        return Outcome(model=repair.unchanged(case.base))
    options = case.config.methods.ewc_deletion
    network = networks.restore(case.base, case.device)
    strength = options.strength * len(case.train) / num_forgotten
    outcome = _learn(network, _anchor(network, case, strength), case, options)
    state = networks.capture(network, case.base)
    model = TrainedModel(state=state, epochs=outcome.epochs, kept_epoch=outcome.kept_epoch)
    return Outcome(model=model, facts={"strength": strength, "objective": outcome.epochs[-1].loss})


def capped_ascent(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of w_i min(L_i, log L) where a sample's weight w_i is negative, and of w_i L_i where it is positive.

    -L is unbounded below, so a label at chance is not pushed further.

    Args:
        logits: (N, L).
        targets: (N, L) w_i at the sample's label, 0 elsewhere.
    """
    weighted = -(targets * logits.log_softmax(1)).sum(1)
    lowest = targets.sum(1).clamp(max=0) * math.log(logits.shape[1])
    return torch.where(targets.sum(1) < 0, weighted.maximum(lowest), weighted).mean()


def _anchor(network: nn.Sequential, case: Case, strength: float) -> Anchor:
    """The Fisher of the remaining samples themselves, which is (N F - K F_C) / (N - K) without its rounding."""
    model = FlatNetwork(network)
    fisher = gradients.fisher_diagonal(model, *tensors.labelled(case.remaining, case.device))
    return Anchor(centre=model.theta, importance=fisher + IMPORTANCE_FLOOR, strength=strength)


def _learn(network: nn.Sequential, anchor: Anchor, case: Case, options: EwcDeletionOptions) -> Training:
    images, labels = tensors.labelled(repair.join(case.forgotten, case.trusted), case.device)
    return training.fine_tune(
        network,
        layer_groups.names(network),
        images,
        _signed_targets(labels, len(case.forgotten), case.base.num_classes, options.ascent),
        schedule=_schedule(options),
        generator=torch.Generator().manual_seed(seeding.derive(case.seed, "shuffle")),
        loss=capped_ascent,
        penalty=anchor,
        progress=case.progress,
    )


def _signed_targets(labels: Tensor, num_forgotten: int, num_classes: int, ascent: float) -> Tensor:
    """Such weights that the mean over all samples is the first two terms of J."""
    weights = torch.full((len(labels), 1), len(labels) / num_forgotten, device=labels.device)
    weights[:num_forgotten] *= -ascent
    return weights * losses.one_hot(labels, num_classes)


def _schedule(options: EwcDeletionOptions) -> Schedule:
    return Schedule(
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        max_epochs=options.max_epochs,
        patience=options.patience,
    )
