"""Networks by name, built in or from elsewhere: built fresh from a generator, or from a stored state."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from bir_core.card import Card
from bir_core.errors import InputError, nearest
from bir_core.model_records import Groups, ModelState
from bir_core.models import origins
from bir_core.models.conv4 import conv4
from bir_core.models.foreign import Foreign
from bir_core.models.lenet import lenet
from bir_core.models.pixels import Normalise
from bir_core.models.resnet20 import resnet20
from bir_core.models.resnet50 import resnet50

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
    return fresh(describe(name, image_shape, num_classes), generator)


def fresh(like: ModelState, generator: torch.Generator) -> nn.Sequential:
    """The network that ``like`` names with fresh weights; one from elsewhere draws them as its constructor does.

    Raises:
        InputError: the name is unknown, or the images, the classes or the groups do not fit the network.
    """
    if origins.is_program(like.network):
        raise InputError(
            f"{like.network} cannot be trained anew: an exported program was made for answering, without dropout and "
            "with fixed batch norm. It can be scored, aligned, and fine-tuned on chosen layers; to retrain, name the "
            "network by torchvision:, timm: or factory:"
        )
    if origins.is_foreign(like.network):
        return origins.build(like, int(torch.randint(2**62, (), generator=generator)))
    network = _outline(like).to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            _initialise(module, generator)
        elif isinstance(module, nn.modules.batchnorm._NormBase | Normalise):
            module.reset_parameters()
    return _laid_out(network, like.network)


def as_exported(like: ModelState) -> nn.Sequential:
    """The exported program that ``like`` names, with the weights of its file.

    Raises:
        InputError: the file cannot be read, or does not fit the images, the classes or the groups.
    """
    return origins.build(like, 0)


def restore(state: ModelState, device: torch.device) -> nn.Sequential:
    """The network that ``state`` describes, on ``device``; ``state`` is copied, so training it changes nothing else.

    Raises:
        InputError: the tensors do not fit the network.
    """
    network = _empty(state)
    tensors = {name: torch.tensor(value) for name, value in state.tensors.items()}
    if isinstance(network, Foreign):
        ours = {theirs: name for name, theirs in network.theirs.items()}
        tensors = {ours.get(name, name): value for name, value in tensors.items()}
    filled = network.state_dict()  # and not a plain table: a network may look for the version that is noted on it
    for name in filled.keys() - tensors.keys():
        del filled[name]
    filled.update(tensors)
    try:
        network.load_state_dict(filled)
    except RuntimeError as error:
        raise InputError(f"these weights do not fit a {state.network}: {error}") from None
    return _laid_out(network, state.network).to(device)


def capture(network: nn.Sequential, like: ModelState) -> ModelState:
    """A frozen copy of the network's parameters and buffers; name, shapes and card are those of ``like``."""
    tensors = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
    if isinstance(network, Foreign):
        tensors = {network.theirs[name]: value for name, value in tensors.items()}
        like = replace(like, groups=network.groups)
    return replace(like, tensors=tensors)


def describe(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    card: Card | None = None,
    groups: Groups = (),
) -> ModelState:
    """A state without tensors, which names a network."""
    return ModelState(
        network=name, image_shape=image_shape, num_classes=num_classes, tensors={}, card=card, groups=groups
    )


def num_parameters(state: ModelState) -> int:
    """How many numbers are learnt; buffers, such as the statistics of batch norm, do not count."""
    network = origins.build(state, 0) if origins.is_foreign(state.network) else _outline(state)
    return sum(parameter.numel() for parameter in network.parameters())


def _outline(like: ModelState) -> nn.Sequential:
    if like.network not in NETWORKS:
        raise InputError(f"unknown network {like.network!r}: {nearest(like.network, NETWORKS)}")
    with torch.device("meta"):
        return NETWORKS[like.network](like.image_shape, like.num_classes)


def _empty(like: ModelState) -> nn.Sequential:
    """The network, whose weights are still to come."""
    return origins.build(like, 0) if origins.is_foreign(like.network) else _outline(like).to_empty(device="cpu")


def _laid_out(network: nn.Sequential, name: str) -> nn.Sequential:
    return network.to(memory_format=torch.channels_last) if name in CHANNELS_LAST else network


def _initialise(module: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """Torch's defaults for Conv2d and Linear, which it can only draw from its global generator."""
    nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
    if module.bias is not None:
        bound = 1 / math.sqrt(module.weight[0].numel())
        nn.init.uniform_(module.bias, -bound, bound, generator=generator)
