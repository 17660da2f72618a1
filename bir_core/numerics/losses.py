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


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) the label's logit minus the best other logit, from (N, L) logits; higher = the label is believed more."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return own.squeeze(1) - others.amax(1)


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """(N, L) float32 probability targets from (N,) hard labels."""
    return functional.one_hot(labels, num_classes).to(torch.float32)
