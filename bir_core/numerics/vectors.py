"""A network's parameters as one flat vector, and back. Torch's own functions refuse weights with the channels last."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def flatten(parameters: Iterable[Tensor]) -> Tensor:
    """(P,) all parameters one after the other, each in the order of its indices, whatever its layout in memory."""
    return torch.cat([parameter.reshape(-1) for parameter in parameters])


@torch.no_grad()
def assign(parameters: Iterable[nn.Parameter], vector: Tensor) -> None:
    """Write (P,) numbers into the parameters, which keep their layout; what ``flatten`` then gives is ``vector``."""
    start = 0
    for parameter in parameters:
        parameter.copy_(vector[start : start + parameter.numel()].view(parameter.shape))
        start += parameter.numel()
