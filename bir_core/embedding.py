"""Lay the samples out by their features under the enhanced model: enhanced, samples -> Embedding.

Shapes: N training samples, R reserved samples, B samples of a pass, d features.
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from bir_core import pictures
from bir_core.config import EmbedConfig
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.records import Embedding, Floats, Images, LabelledImages, Progress, no_progress

UMAP_FITTED_ON = 50_000
"""Of more samples than this, a seeded draw of so many shapes the UMAP layout; the others are placed into it."""
FEWEST_FOR_UMAP = 20
"""Fewer samples have too few neighbours for UMAP and are laid out by PCA."""


def embed(
    enhanced: ModelState,
    train: LabelledImages,
    reserved: LabelledImages,
    config: EmbedConfig,
    *,
    seed: int,
    device: torch.device,
    batch_size: int = 500,
    progress: Progress = no_progress,
) -> Embedding:
    """Penultimate features of both sets, and two coordinates of every training sample. Labels play no part.

    Args:
        enhanced: the enhanced model; not changed.
        train: (N) samples.
        reserved: (R) samples.
        config: the layout.
        seed: of UMAP's draws; PCA draws nothing.
        device: where to compute the features.
        batch_size: most samples per pass; it changes nothing but speed.
        progress: told (samples done, N + R).

    Raises:
        InputError: UMAP is wanted and not installed.
    """
    if config.layout == "umap":
        check_umap()
    total = len(train) + len(reserved)
    network = networks.restore(enhanced, device).eval()
    ours = features(network, train.images, batch_size, lambda done, _: progress(done, total))
    theirs = features(network, reserved.images, batch_size, lambda done, _: progress(len(train) + done, total))
    layout = "umap" if config.layout == "umap" and len(train) >= FEWEST_FOR_UMAP else "pca"
    coordinates = umap(ours, seed=seed) if layout == "umap" else principal_components(ours)
    return Embedding(features=ours, reserved_features=theirs, coordinates=coordinates, layout=layout)


@torch.no_grad()
def features(network: nn.Sequential, images: Images, batch_size: int, progress: Progress = no_progress) -> Floats:
    """(N, d) float32, penultimate features of each of the (N, C, H, W) images: what the last linear layer receives.

    A network may have none. What its last convolution receives, averaged over the pixels, is then the nearest to it,
    as in SqueezeNet, which averages behind that convolution. Where that is no module either, as in an exported program,
    the logits stand in.
    """
    device = next(network.parameters()).device
    batch_size = layer_groups.pass_size(network, images.shape[1:], batch_size)
    with _reading(network) as read:
        width = read(torch.zeros(1, *images.shape[1:], device=device)).shape[1]
        found = np.empty((len(images), width), dtype=np.float32)
        for chosen, batch in pictures.stream(images, batch_size):
            found[chosen] = read(torch.tensor(batch, device=device)).cpu().numpy()
            progress(chosen.stop, len(images))
    return found


def principal_components(values: Floats, *, batch_size: int = 4096) -> Floats:
    """(N, 2) float32, the samples along the two directions of most variance, the first one first.

    The covariance is summed over batches in float64, so only (d, d) numbers are held beside the features. A direction
    has two signs; the one is taken that makes its largest weight positive, so the same features give the same map.
    A direction without variance, as with one sample or one feature, gives zeros.
    """
    num, width = values.shape
    placed = np.zeros((num, 2), dtype=np.float32)
    if num < 2:
        return placed
    batches = [slice(start, start + batch_size) for start in range(0, num, batch_size)]
    mean = sum(values[rows].sum(axis=0, dtype=np.float64) for rows in batches) / num
    covariance = np.zeros((width, width))
    for rows in batches:
        centred = values[rows] - mean
        covariance += centred.T @ centred / num
    variances, directions = np.linalg.eigh(covariance)
    kept = [at for at in range(width - 1, max(width - 3, -1), -1) if variances[at] > 1e-12 * variances[-1]]
    axes = directions[:, kept]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(len(kept))] < 0, -1, 1)
    for rows in batches:
        placed[rows, : len(kept)] = (values[rows] - mean) @ axes
    return placed


def umap(values: Floats, *, seed: int) -> Floats:
    """(N, 2) float32, UMAP of the features (McInnes, Healy, Melville 2018), repeatable by its seed.

    Raises:
        InputError: it is not installed.
    """
    check_umap()
    draw = np.random.default_rng(seed)
    fitted = np.sort(draw.permutation(len(values))[:UMAP_FITTED_ON])
    reducer = importlib.import_module("umap").UMAP(random_state=seed % 2**32, n_jobs=1)
    placed = np.empty((len(values), 2), dtype=np.float32)
    placed[fitted] = reducer.fit_transform(values[fitted])
    others = np.setdiff1d(np.arange(len(values)), fitted)
    if len(others):
        placed[others] = reducer.transform(values[others])
    return placed


def check_umap() -> None:
    """Raises InputError, with what to do, when UMAP is not installed."""
    if importlib.util.find_spec("umap") is None:
        raise InputError(
            'embed.layout is "umap", which needs a package that is not installed: install it with '
            '"pip install umap-learn", or choose "pca"'
        )


@contextmanager
def _reading(network: nn.Sequential) -> Iterator[Callable[[Tensor], Tensor]]:
    """What turns (B, C, H, W) images into their (B, d) features, as long as the context lasts."""
    last = layer_groups.last_of(network, nn.Linear) or layer_groups.last_of(network, nn.Conv2d)
    if last is None:
        yield network
        return
    received: list[Tensor] = []

    def keep(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        received.append(inputs[0].mean((2, 3)) if isinstance(last, nn.Conv2d) else inputs[0])

    def read(images: Tensor) -> Tensor:
        network(images)
        return received.pop()

    handle = last.register_forward_pre_hook(keep)
    try:
        yield read
    finally:
        handle.remove()
