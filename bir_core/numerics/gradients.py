"""Gradients of the loss in the weights, sample by sample and on average, as flat vectors.

N samples, P parameters, L classes. The network is always in eval mode: its batch norm uses, and keeps, the statistics
that it has (section 12 of the specification).
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap

from bir_core.numerics import losses, vectors

BATCH = 250
"""Samples per pass where no gradient of a single sample is kept."""
CHUNK_BYTES = 2**24
"""Most that the gradients of one chunk of single samples take, unless one is larger; with a half or four times of it
the Fisher diagonal of LeNet takes as long, with a sixteenth three times as long."""


@dataclass(frozen=True, eq=False)
class FlatNetwork:
    """A network as a function of one flat vector of its parameters, in the order in which it names them."""

    network: nn.Module

    def __post_init__(self) -> None:
        self.network.eval()

    @cached_property
    def theta(self) -> Tensor:
        """(P,) the parameters that the network has, a copy."""
        return vectors.flatten(self.network.parameters()).detach()

    def logits(self, theta: Tensor, inputs: Tensor) -> Tensor:
        """(N, L) at the parameters ``theta`` (P,)."""
        named = dict(self.network.named_parameters())
        # One split and not a slice each: the gradient of a slice is a vector of P numbers, nearly all of them zeros.
        parts = theta.split([parameter.numel() for parameter in named.values()])
        weights = {name: part.view(named[name].shape) for name, part in zip(named, parts, strict=True)}
        return functional_call(self.network, weights, (inputs,))  # type: ignore[no-any-return]

    def losses(self, theta: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """(N,) -log p_y in nats at the parameters ``theta`` (P,)."""
        return losses.per_sample_cross_entropy(self.logits(theta, inputs), labels)


def per_sample(model: FlatNetwork, inputs: Tensor, labels: Tensor) -> Iterator[Tensor]:
    """Gradients of every sample's own loss at ``model.theta``, as (n, P) chunks in the order of the samples.

    A chunk takes at most ``CHUNK_BYTES``, so P decides how many samples are in it.
    """

    def loss_of_one(theta: Tensor, image: Tensor, label: Tensor) -> Tensor:
        return model.losses(theta, image[None], label[None]).squeeze(0)

    of_many = vmap(grad(loss_of_one), in_dims=(None, 0, 0), randomness="error")
    size = max(1, CHUNK_BYTES // (model.theta.numel() * model.theta.element_size()))
    for batch, wanted in zip(inputs.split(min(size, BATCH)), labels.split(min(size, BATCH)), strict=True):
        yield of_many(model.theta, batch, wanted)


def matrix(model: FlatNetwork, inputs: Tensor, labels: Tensor) -> Tensor:
    """(N, P) the gradient of every sample's own loss; the caller sees to it that it fits the memory."""
    found = model.theta.new_empty(len(inputs), model.theta.numel())
    start = 0
    for chunk in per_sample(model, inputs, labels):
        found[start : start + len(chunk)] = chunk
        start += len(chunk)
    return found


def dots(model: FlatNetwork, inputs: Tensor, labels: Tensor, direction: Tensor) -> Tensor:
    """(N,) <g_i, direction> of every sample's gradient with one (P,) direction.

    One forward-mode pass per batch gives them all, and no gradient of a single sample is ever stored.
    """
    found = []
    for batch, wanted in zip(inputs.split(BATCH), labels.split(BATCH), strict=True):

        def losses_at(theta: Tensor, batch: Tensor = batch, wanted: Tensor = wanted) -> Tensor:
            return model.losses(theta, batch, wanted)

        found.append(along(losses_at, model.theta, direction)[1])
    return torch.cat(found)


def along(function: Callable[[Tensor], Tensor], theta: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """(function(theta), its derivative along ``direction``), by one forward-mode pass."""
    with warnings.catch_warnings():
        # At its first forward-mode pass torch loads rules of its own, and warns of its own use of torch.jit.script.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
        return jvp(function, (theta,), (direction,))[:2]


def mean(model: FlatNetwork, inputs: Tensor, labels: Tensor) -> Tensor:
    """(P,) gradient of the mean loss over all samples."""

    def total_loss(theta: Tensor, batch: Tensor, wanted: Tensor) -> Tensor:
        return model.losses(theta, batch, wanted).sum()

    found = torch.zeros_like(model.theta)
    for batch, wanted in zip(inputs.split(BATCH), labels.split(BATCH), strict=True):
        found += grad(total_loss)(model.theta, batch, wanted)
    return found / len(inputs)


def fisher_diagonal(model: FlatNetwork, inputs: Tensor, labels: Tensor) -> Tensor:
    """(P,) diagonal of the empirical Fisher matrix, F_j = (1/N) sum_i g_ij^2 (section 7 of the specification).

    The squares are those of single samples; squares of a batch's mean gradient would be something else.
    """
    found = torch.zeros_like(model.theta)
    for chunk in per_sample(model, inputs, labels):
        found += chunk.square().sum(0)
    return found / len(inputs)
