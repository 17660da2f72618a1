"""Score every training sample by its change of loss: base, enhanced -> Scores."""

import numpy as np
import torch
from torch import nn

from bir_core import pictures
from bir_core.model_records import ModelState
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.records import Doubles, LabelledImages, Progress, Scores, no_progress


@torch.no_grad()
def score(
    base: ModelState,
    enhanced: ModelState,
    train: LabelledImages,
    *,
    device: torch.device,
    batch_size: int = 500,
    progress: Progress = no_progress,
) -> Scores:
    """Loss of every sample under both models (equation 1 of the paper); higher change = more suspect.

    The leading layers that both models share run once per batch; the loss is taken per sample from log-softmax, never
    from a rounded probability.

    Args:
        base: the base model.
        enhanced: the enhanced model, of the same architecture.
        train: (N) samples with their given labels.
        device: where to compute.
        batch_size: most samples per pass; it changes nothing but speed.
        progress: told (samples done, N).
    """
    before, after = (networks.restore(state, device).eval() for state in (base, enhanced))
    batch_size = layer_groups.pass_size(before, train.images.shape[1:], batch_size)
    shared = layer_groups.shared_prefix(before, after)
    prefix, tails = before[:shared], (before[shared:], after[shared:])
    parts = []
    for chosen, batch in pictures.stream(train.images, batch_size):
        images = torch.tensor(batch, device=device)
        labels = torch.tensor(train.labels[chosen], device=device)
        parts.append(_score_batch(prefix, tails, images, labels))
        progress(chosen.stop, len(train))
    loss_before, loss_after, predictions, soft_labels = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    return Scores(
        loss_before=loss_before.astype(np.float64),
        loss_after=loss_after.astype(np.float64),
        base_predictions=predictions.astype(np.int64),
        soft_labels=soft_labels,
    )


@torch.no_grad()
def losses_under(
    model: ModelState,
    samples: LabelledImages,
    *,
    device: torch.device,
    batch_size: int = 500,
    progress: Progress = no_progress,
) -> Doubles:
    """(N,) loss in nats of every sample's given label under one model; higher = less believed.

    Args:
        model: the model; not changed.
        samples: (N) with their given labels.
        device: where to compute.
        batch_size: most samples per pass; it changes nothing but speed.
        progress: told (samples done, N).
    """
    network = networks.restore(model, device).eval()
    batch_size = layer_groups.pass_size(network, samples.images.shape[1:], batch_size)
    found = np.empty(len(samples), dtype=np.float64)
    for chosen, batch in pictures.stream(samples.images, batch_size):
        images = torch.tensor(batch, device=device)
        labels = torch.tensor(samples.labels[chosen], device=device)
        found[chosen] = losses.per_sample_cross_entropy(network(images), labels).cpu().numpy()
        progress(chosen.stop, len(samples))
    return found


def _score_batch(
    prefix: nn.Sequential, tails: tuple[nn.Sequential, nn.Sequential], images: torch.Tensor, labels: torch.Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    features = prefix(images)
    first, second = (tail(features) for tail in tails)
    columns = (
        losses.per_sample_cross_entropy(first, labels),
        losses.per_sample_cross_entropy(second, labels),
        first.argmax(1),
        second.softmax(1),
    )
    return tuple(column.cpu().numpy() for column in columns)  # type: ignore[return-value]
