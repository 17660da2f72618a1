"""RDIA: the suspects are trained away from their given labels (Kong, Shen, Huang 2022).

All layers of the base model learn, on the suspects and on as many remaining samples with their given labels
(section 10 of the specification).
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bir_core import repair, seeding, training
from bir_core.model_records import TrainedModel
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.stepping import Loss
from bir_core.training import Schedule
from bir_core.treatments.case import Case, Outcome

CLIP_NORM = 5.0
"""Of the dynamic loss: where the label of a suspect is believed, its gradient would drown the others'."""


def treat(case: Case) -> Outcome:
    """The dynamic version of the authors' deep code: -log(1 - p_m) of a suspect labelled m, taken anew at every step.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    away = -losses.one_hot(torch.tensor(case.suspects.labels), case.base.num_classes)
    return Outcome(model=_tune(case, away, loss=losses.signed_cross_entropy, clip_norm=CLIP_NORM))


def treat_static(case: Case) -> Outcome:
    """The suspects with the labels that RDIA gives them at the base model, see ``static_targets``.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    network = networks.restore(case.base, case.device)
    logits = layer_groups.activations(network, torch.tensor(case.suspects.images, device=case.device)).cpu()
    targets = static_targets(logits, torch.tensor(case.suspects.labels))
    model = _tune(case, targets, loss=losses.soft_cross_entropy, clip_norm=None)
    return Outcome(model=model, facts={"mean_label_sum": float(targets.sum(1).mean()) if len(targets) else 0.0})


def static_targets(logits: Tensor, labels: Tensor) -> Tensor:
    """(K, L) float32 targets of RDIA, from (K, L) logits and (K,) given labels m.

    t_m = 0 and t_k = log(1 - p_m) / ((L - 1) log p_k), each in 0..1/(L - 1), so that -sum_k t_k log p_k is
    -log(1 - p_m). With two classes they are the flipped label; with more they do **not** sum to 1, and stay so.
    """
    given = functional.one_hot(labels, logits.shape[1]).bool()
    log_beliefs = logits.double().log_softmax(1)
    log_rest = log_beliefs.masked_fill(given, -torch.inf).logsumexp(1, keepdim=True)
    # 0 / 0, where another class has all the belief there is: the ratio's limit is 1.
    ratio = (log_rest / log_beliefs).nan_to_num(nan=1.0)
    return (ratio.masked_fill(given, 0) / (logits.shape[1] - 1)).float()


def _tune(case: Case, targets: Tensor, *, loss: Loss, clip_norm: float | None) -> TrainedModel:
    """All layers of the base model trained on the suspects with these targets, and on what is trusted."""
    if len(case.treated) == 0:
        return repair.unchanged(case.base)
    network, config = networks.restore(case.base, case.device), case.config.repair
    trusted = losses.one_hot(torch.tensor(case.trusted.labels), case.base.num_classes)
    images = np.concatenate([case.suspects.images, case.trusted.images])
    outcome = training.fine_tune(
        network,
        layer_groups.names(network),
        torch.tensor(images, device=case.device),
        torch.cat([targets, trusted]).to(case.device),
        schedule=Schedule(
            learning_rate=config.learning_rate,
            batch_size=config.batch_size,
            max_epochs=config.max_epochs,
            patience=config.patience,
            clip_norm=clip_norm,
        ),
        generator=torch.Generator().manual_seed(seeding.derive(case.seed, "shuffle")),
        loss=loss,
        progress=case.progress,
    )
    return TrainedModel(
        state=networks.capture(network, case.base), epochs=outcome.epochs, kept_epoch=outcome.kept_epoch
    )
