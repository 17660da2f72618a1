"""The energy of an input under a classifier (equation 3 of the paper): lower = more typical of clean data."""

from collections.abc import Callable

import torch
from torch import Tensor


def energy(logits: Tensor) -> Tensor:
    """(N,) -logsumexp over the classes of (N, L) logits."""
    return -torch.logsumexp(logits, dim=1)


def energy_and_gradient(network: Callable[[Tensor], Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Energy (N,) of every input and its gradient with respect to that input, in the inputs' shape.

    The *sum* over the batch is differentiated, so a sample's gradient does not depend on its company.
    """
    inputs = inputs.detach().requires_grad_(True)
    energies = energy(network(inputs))
    (gradient,) = torch.autograd.grad(energies.sum(), inputs)
    return energies.detach(), gradient
