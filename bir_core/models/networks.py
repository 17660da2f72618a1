"""Networks by name: built fresh from a generator, or from a stored state."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from bir_core.errors import InputError, nearest
from bir_core.models.conv4 import conv4
from bir_core.models.lenet import lenet
from bir_core.models.pixels import Normalise
from bir_core.models.resnet20 import resnet20
from bir_core.models.resnet50 import resnet50
from bir_core.records import ModelState

Builder = Callable[[tuple[int, int, int], int], nn.Sequential]

NETWORKS: dict[str, Builder] = {
    "lenet": lenet,
    "conv4": conv4,
    "resnet20": resnet20,
    "resnet50": resnet50,
    "resnet50-64": partial(resnet50, side=64),
}

CHANNELS_LAST = frozenset(NETWORKS) - {"lenet"}
"""Networks whose weights are laid out with the channels last, which a CPU convolves faster; activations follow them."""


def build(name: str, image_shape: tuple[int, int, int], num_classes: int, generator: torch.Generator) -> nn.Sequential:
    """A network with fresh weights: torch's default distributions, drawn from ``generator`` (on the CPU).

    Raises:
        InputError: the name is unknown, or the images do not fit the network.
    """
    network = _skeleton(name, image_shape, num_classes)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            _initialise(module, generator)
        elif isinstance(module, nn.modules.batchnorm._NormBase | Normalise):
            module.reset_parameters()
    return _laid_out(network, name)


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
    return _laid_out(network, state.network).to(device)


def capture(network: nn.Sequential, like: ModelState) -> ModelState:
    """A frozen copy of the network's parameters and buffers; name and shapes are those of ``like``."""
    tensors = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
    return ModelState(network=like.network, image_shape=like.image_shape, num_classes=like.num_classes, tensors=tensors)


def describe(name: str, image_shape: tuple[int, int, int], num_classes: int) -> ModelState:
    """A state without tensors, which names a network."""
    return ModelState(network=name, image_shape=image_shape, num_classes=num_classes, tensors={})


def num_parameters(state: ModelState) -> int:
    """How many numbers are learnt; buffers, such as the statistics of batch norm, do not count."""
    network = _outline(state.network, state.image_shape, state.num_classes)
    return sum(parameter.numel() for parameter in network.parameters())


def _outline(name: str, image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}: {nearest(name, NETWORKS)}")
    with torch.device("meta"):
        return NETWORKS[name](image_shape, num_classes)


def _skeleton(name: str, image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    return _outline(name, image_shape, num_classes).to_empty(device="cpu")


def _laid_out(network: nn.Sequential, name: str) -> nn.Sequential:
    return network.to(memory_format=torch.channels_last) if name in CHANNELS_LAST else network


def _initialise(module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """Torch's defaults for Conv2d and Linear, which it can only draw from its global generator."""
    nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
    if module.bias is not None:
        bound = 1 / math.sqrt(module.weight[0].numel())
        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
