"""Networks by name: built fresh from a generator, or from a stored state."""

import math
from collections.abc import Callable

import torch
from torch import nn

from bir_core.errors import InputError, nearest
from bir_core.models.conv4 import conv4
from bir_core.models.lenet import lenet
from bir_core.records import ModelState

Builder = Callable[[tuple[int, int, int], int], nn.Sequential]

NETWORKS: dict[str, Builder] = {"lenet": lenet, "conv4": conv4}


def build(name: str, image_shape: tuple[int, int, int], num_classes: int, generator: torch.Generator) -> nn.Sequential:
    """A network with fresh weights: torch's default distributions, drawn from ``generator`` (on the CPU).

    Raises:
        InputError: the name is unknown, or the images do not fit the network.
    """
    network = _skeleton(name, image_shape, num_classes)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            _initialise(module, generator)
        elif isinstance(module, nn.modules.batchnorm._NormBase):
            module.reset_parameters()
    return network


def restore(state: ModelState, device: torch.device) -> nn.Sequential:
    """The network that ``state`` describes, on ``device``; ``state`` is copied, so training it changes nothing else.

    Raises:
        InputError: the tensors do not fit the network.
    """
    network = _skeleton(state.network, state.image_shape, state.num_classes)
    tensors = {name: torch.tensor(value) for name, value in state.tensors.items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"these weights do not fit a {state.network}: {error}") from None
    return network.to(device)


def capture(network: nn.Sequential, like: ModelState) -> ModelState:
    """A frozen copy of the network's parameters and buffers; name and shapes are those of ``like``."""
    tensors = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
    return ModelState(network=like.network, image_shape=like.image_shape, num_classes=like.num_classes, tensors=tensors)


def describe(name: str, image_shape: tuple[int, int, int], num_classes: int) -> ModelState:
    """A state without tensors, which names a network."""
    return ModelState(network=name, image_shape=image_shape, num_classes=num_classes, tensors={})


def _skeleton(name: str, image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}: {nearest(name, NETWORKS)}")
    with torch.device("meta"):
        network = NETWORKS[name](image_shape, num_classes)
    return network.to_empty(device="cpu")


def _initialise(module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """Torch's defaults for Conv2d and Linear, which it can only draw from its global generator."""
    nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
    if module.bias is not None:
        bound = 1 / math.sqrt(module.weight[0].numel())
        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
