"""A network as an ordered list of named layer groups, and subsets of them.

A subset is written as the paper writes it: "3" is the third layer alone, "1-3" the first three.
The layers before the first selected one are the **prefix**: they stay as they are, so what they put out for an
image is computed once and shared by everything that follows.
"""

import math
from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from bir_core.errors import InputError
from bir_core.models.foreign import Foreign
from bir_core.models.pixels import Resize

NUMBERS_A_PASS = 1 << 24
"""Of what one pass receives, after enlarging: 64 MiB, and many times that inside a deep network."""


def names(network: nn.Sequential) -> tuple[str, ...]:
    """Names of the layer groups, first to last."""
    if _is_whole(network):
        return tuple(name for name, _ in network.groups)
    return tuple(name for name, _ in network.named_children())


def candidate_labels(num_layers: int) -> tuple[str, ...]:
    """The paper's candidate subsets: each layer alone, the first two, the first three, all (section 2)."""
    ranges = [f"1-{last}" for last in (2, 3, num_layers) if last <= num_layers]
    return tuple(dict.fromkeys([str(layer) for layer in range(1, num_layers + 1)] + ranges))


def parse(label: str, available: Sequence[str]) -> tuple[str, ...]:
    """Names of the layers that ``label`` selects.

    Raises:
        InputError: the label selects layers that the network does not have.
    """
    first, _, last = label.partition("-")
    start, stop = int(first), int(last or first)
    if not 1 <= start <= stop <= len(available):
        raise InputError(f"layer subset {label!r} does not fit a network of layers 1 to {len(available)}")
    return tuple(available[start - 1 : stop])


def parameters(network: nn.Sequential, layers: Sequence[str]) -> list[nn.Parameter]:
    """The parameters of the selected layers, selected by name."""
    chosen = set(layers)
    return [value for name, value in network.named_parameters() if _group(network, name) in chosen]


def table(network: nn.Sequential) -> tuple[tuple[str, int], ...]:
    """Every layer group with the number of its parameters, first to last."""
    return tuple((name, sum(value.numel() for value in parameters(network, (name,)))) for name in names(network))


def split(network: nn.Sequential, layers: Sequence[str]) -> tuple[nn.Sequential, nn.Sequential]:
    """(prefix, rest): the layers before the first selected one, and the others. Both share the network's modules.

    A network that is one whole (see ``foreign``) has no prefix.
    """
    if _is_whole(network):
        return nn.Sequential(), network
    first = min(names(network).index(name) for name in layers)
    return network[:first], network[first:]


def shared_prefix(first: nn.Sequential, second: nn.Sequential) -> int:
    """How many leading layer groups of two networks of one architecture hold bit-identical tensors; 0 of wholes."""
    count = 0
    if _is_whole(first) or _is_whole(second):
        return count
    for one, other in zip(first, second, strict=True):
        ours, theirs = one.state_dict(), other.state_dict()
        if any(not torch.equal(ours[name], theirs[name]) for name in ours):
            return count
        count += 1
    return count


def last_of(network: nn.Module, kind: type[nn.Module]) -> nn.Module | None:
    """The last module of a kind, in the order in which the network names them; None if there is none."""
    return next((module for module in reversed(list(network.modules())) if isinstance(module, kind)), None)


def pass_size(network: nn.Module, sample_shape: Sequence[int], wanted: int, *, gradient: bool = False) -> int:
    """How many samples one pass may take: ``wanted``, or fewer where the network enlarges them or they are large.

    Args:
        network: what they go through.
        sample_shape: (C, H, W) of one sample.
        wanted: the most.
        gradient: what a layer puts out is kept for its gradient, so that a pass must be smaller.
    """
    enlarged = [3 * module.side**2 for module in network.modules() if isinstance(module, Resize)]
    numbers = max(math.prod(sample_shape), *enlarged, 1)
    return max(1, min(wanted, NUMBERS_A_PASS // (4 if gradient else 1) // numbers))


@torch.no_grad()
def activations(prefix: nn.Sequential, inputs: Tensor, batch_size: int = 500) -> Tensor:
    """What the prefix puts out for (N, C, H, W) inputs, in eval mode; an empty prefix returns the inputs.

    No pass takes more than ``batch_size`` samples.
    """
    if len(prefix) == 0:
        return inputs
    prefix.eval()
    return torch.cat([prefix(batch) for batch in inputs.split(pass_size(prefix, inputs.shape[1:], batch_size))])


def _is_whole(network: nn.Sequential) -> TypeGuard[Foreign]:
    return isinstance(network, Foreign) and not network.chained


def _group(network: nn.Sequential, name: str) -> str:
    """The layer group of a parameter by its name among ours."""
    return network.owner[network.theirs[name]] if _is_whole(network) else name.partition(".")[0]
