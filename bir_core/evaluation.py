"""Evaluate a model on images: model, images -> probabilities. What they say of a model is in ``comparison``.

Shapes: N samples, L classes.
"""

import numpy as np
import torch

from bir_core import pictures
from bir_core.model_records import ModelState
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.records import Floats, Images, Progress, no_progress


@torch.no_grad()
def believe(
    state: ModelState,
    images: Images,
    *,
    device: torch.device,
    batch_size: int = 1000,
    progress: Progress = no_progress,
) -> Floats:
    """(N, L) float32, the probabilities that a model gives to every class; rows sum to 1.

    Args:
        state: the model; not changed.
        images: (N, C, H, W).
        device: where to compute.
        batch_size: most samples per pass; it changes nothing but speed.
        progress: told (samples done, N).
    """
    network = networks.restore(state, device).eval()
    batch_size = layer_groups.pass_size(network, images.shape[1:], batch_size)
    found = np.empty((len(images), state.num_classes), dtype=np.float32)
    for chosen, batch in pictures.stream(images, batch_size):
        found[chosen] = network(torch.tensor(batch, device=device)).softmax(1).cpu().numpy()
        progress(chosen.stop, len(images))
    return found
