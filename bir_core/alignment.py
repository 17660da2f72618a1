"""Align the inputs: one energy step on each, and the enhanced model's soft label there: suspects -> Aligned."""

import numpy as np
import torch

from bir_core.config import AlignConfig
from bir_core.model_records import ModelState
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import energy as energies
from bir_core.records import Aligned, Floats, Integers, LabelledImages, Progress, no_progress

LARGEST_AUTOMATIC_STEP = 1.0
"""The paper's own step size; "auto" never goes beyond it."""


def align(
    enhanced: ModelState,
    train: LabelledImages,
    indices: Integers,
    *,
    eta: float,
    clamp: bool,
    device: torch.device,
    batch_size: int = 500,
    progress: Progress = no_progress,
) -> Aligned:
    """x~ = x - eta dE/dx and y~ = softmax f(x~) under the enhanced model (equations 3 to 5 of the paper).

    The step is taken in the space of the pixels that the network receives, [0, 1]. The given labels play no part.

    Args:
        enhanced: the enhanced model; not changed.
        train: (N) samples.
        indices: (M,) positions to align.
        eta: step size; 0 leaves the inputs and gives soft labels only.
        clamp: keep the aligned pixels in [0, 1].
        device: where to compute.
        batch_size: most samples per pass; it changes nothing but speed.
        progress: told (samples done, M).
    """
    network = networks.restore(enhanced, device).eval().requires_grad_(False)
    batch_size = layer_groups.pass_size(network, enhanced.image_shape, batch_size, gradient=True)
    parts = []
    for start in range(0, len(indices), batch_size):
        images = torch.tensor(train.images[indices[start : start + batch_size]], device=device)
        parts.append(_align_batch(network, images, eta, clamp))
        progress(min(start + batch_size, len(indices)), len(indices))
    if not parts:
        parts = [_align_batch(network, torch.zeros((0, *enhanced.image_shape), device=device), eta, clamp)]
    moved, soft_labels, before, after, steps = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Aligned(
        indices=indices,
        images=moved,
        soft_labels=soft_labels,
        energy_before=before.astype(np.float64),
        energy_after=after.astype(np.float64),
        relative_step=steps.astype(np.float64),
        eta=eta,
    )


def step_size(
    enhanced: ModelState,
    train: LabelledImages,
    indices: Integers,
    config: AlignConfig,
    *,
    device: torch.device,
    batch_size: int = 500,
) -> float:
    """The config's eta; "auto" is the largest, up to 1, whose mean ||x~ - x|| / ||x|| over ``indices`` is within bound.

    The step is linear in eta, so one gradient per sample decides it. Clamping, which can only shorten a step, and
    black images, which have no length to compare with, are left out of account.
    """
    if config.eta != "auto":
        return float(config.eta)
    network = networks.restore(enhanced, device).eval().requires_grad_(False)
    batch_size = layer_groups.pass_size(network, enhanced.image_shape, batch_size, gradient=True)
    ratios = [np.zeros(0)]
    for start in range(0, len(indices), batch_size):
        images = torch.tensor(train.images[indices[start : start + batch_size]], device=device)
        _, gradient = energies.energy_and_gradient(network, images)
        ratios.append(_relative_norm(gradient, images)[images.flatten(1).any(1).cpu().numpy()])
    mean = float(np.concatenate(ratios).mean()) if sum(map(len, ratios)) else 0.0
    return min(LARGEST_AUTOMATIC_STEP, config.relative_step / mean) if mean > 0 else LARGEST_AUTOMATIC_STEP


def which_to_align(ranking: Integers, num_suspects: int, sample_bytes: int, limit_bytes: int) -> Integers:
    """Positions to align, ascending: every sample where that fits the limit, else the suspects and those nearest below.

    Args:
        ranking: (N,) positions, most suspect first.
        num_suspects: K; these are aligned whatever it takes.
        sample_bytes: size of one aligned image.
        limit_bytes: size that all may have.
    """
    count = max(num_suspects, min(len(ranking), limit_bytes // sample_bytes))
    return np.sort(ranking[:count])


def out_of_range(images: Floats) -> float:
    """Share of pixels outside [0, 1]; 0 for no images."""
    return float(((images < 0) | (images > 1)).mean()) if images.size else 0.0


def _align_batch(
    network: torch.nn.Sequential, images: torch.Tensor, eta: float, clamp: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    before, gradient = energies.energy_and_gradient(network, images)
    moved = images - eta * gradient
    if clamp:
        moved = moved.clamp(0, 1)
    with torch.no_grad():
        logits = network(moved)
    return (
        moved.cpu().numpy(),
        logits.softmax(1).cpu().numpy(),
        before.cpu().numpy(),
        energies.energy(logits).cpu().numpy(),
        _relative_norm(moved - images, images),
    )


def _relative_norm(step: torch.Tensor, images: torch.Tensor) -> np.ndarray:
    """(N,) ||step|| / ||x||; 0 where both are black."""
    lengths = images.flatten(1).norm(dim=1)
    ratios = step.flatten(1).norm(dim=1) / lengths.clamp_min(torch.finfo(images.dtype).tiny)
    return torch.where(lengths > 0, ratios, torch.zeros_like(ratios)).cpu().numpy()
