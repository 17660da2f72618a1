"""Losses in nats. N samples, L classes."""

import torch
from torch import Tensor
from torch.nn import functional


def per_sample_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) -log p_y from (N, L) logits and (N,) int64 labels; no reduction, no weight decay."""
    return functional.cross_entropy(logits, labels, reduction="none")


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of -sum_k t_k log p_k over (N, L) logits and (N, L) probability targets; the entropy of t is its floor."""
    return functional.cross_entropy(logits, targets)


def signed_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of -sum_k t_k log p_k over positive targets and of t_k log(1 - p_k) over negative ones, (N, L) each.

    A row with -1 at class m trains a sample away from m, whatever else it may be: -log(1 - p_m), the dynamic loss of
    RDIA (Kong, Shen, Huang 2022; section 10 of the specification). 1 - p is held in [1e-7, 1], so a label that is
    believed without any doubt gives no gradient.
    """
    pull = -(targets.clamp(min=0) * logits.log_softmax(1)).sum(1)
    push = (targets.clamp(max=0) * (1 - logits.softmax(1)).clamp(1e-7, 1).log()).sum(1)
    return (pull + push).mean()


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) the label's logit minus the best other logit, from (N, L) logits; higher = the label is believed more."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return own.squeeze(1) - others.amax(1)


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """(N, L) float32 probability targets from (N,) hard labels."""
    return functional.one_hot(labels, num_classes).to(torch.float32)
