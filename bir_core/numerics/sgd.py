"""Plain SGD whose every step can be traced back (Hara, Nitanda, Maehara 2019). N samples, P parameters, B a batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bir_core.errors import StageFailed
from bir_core.records import Progress, no_progress

Losses = Callable[[Tensor, Tensor], Tensor]
"""(P,) parameters and (B,) positions of samples -> (B,) losses of these."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Descent:
    """A training by plain SGD: enough of it to take every step again, not the steps themselves.

    Attributes:
        starts: (P,) the parameters at the start of each epoch.
        orders: (N,) the order of the samples in each epoch.
        final: (P,) the parameters at the end.
        learning_rate: of every step.
        batch_size: samples per step; the last batch of an epoch may have fewer, and is divided by its own number.
    """

    starts: tuple[Tensor, ...]
    orders: tuple[Tensor, ...]
    final: Tensor
    learning_rate: float
    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""
        return math.ceil(len(self.orders[0]) / self.batch_size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """What came out of tracing the steps back.

    Attributes:
        influence: (N,) float64; positive = the training with the sample is better for what ``direction`` measures.
        direction: (P,) what is left of the direction at the first step that was traced.
        num_steps: how many steps were traced.
    """

    influence: Tensor
    direction: Tensor
    num_steps: int


def descend(
    losses: Losses,
    start: Tensor,
    orders: tuple[Tensor, ...],
    *,
    learning_rate: float,
    batch_size: int,
    progress: Progress = no_progress,
) -> Descent:
    """Train by theta <- theta - learning_rate * gradient of the batch's mean loss, without momentum.

    Args:
        losses: of the samples under any parameters.
        start: (P,).
        orders: (N,) a permutation of the samples for each epoch, at least one.
        learning_rate: of every step.
        batch_size: samples per step.
        progress: told (epochs done, epochs).

    Raises:
        StageFailed: a parameter is not a finite number any more.
    """
    starts, parameters = list[Tensor](), start
    for order in orders:
        starts.append(parameters)
        for batch in order.split(batch_size):
            parameters = _step(losses, parameters, batch, learning_rate)
        if not torch.isfinite(parameters).all():
            raise StageFailed(
                f"plain SGD diverged in epoch {len(starts)}: lower its learning rate (now {learning_rate:g})"
            )
        progress(len(starts), len(orders))
    return Descent(
        starts=tuple(starts), orders=orders, final=parameters, learning_rate=learning_rate, batch_size=batch_size
    )


def trace_back(
    losses: Losses,
    descent: Descent,
    direction: Tensor,
    *,
    last_epochs: int | None = None,
    progress: Progress = no_progress,
) -> Trace:
    """How far leaving each sample out of its steps would move the final parameters along ``direction``, to first order.

    The counterfactual keeps the denominators of the batches. Going backwards over the steps, with g_i and H of the
    *mean* loss of the batch S at the parameters before the step (section 8 of the specification):

        influence_i += learning_rate / |S| * u.g_i  for i in S;    u <- u - learning_rate * H u

    Each epoch's steps are taken again from its start, so P x (epochs + steps per epoch) numbers are held.

    Args:
        losses: those that ``descend`` was given.
        descent: the training.
        direction: (P,) u at the end, such as the gradient of the loss on clean samples.
        last_epochs: trace only so many back; None = all.
        progress: told (epochs done, epochs to trace).

    Raises:
        StageFailed: the direction is not finite any more, as where the training stepped along negative curvature.
    """
    num = min(last_epochs or len(descent.orders), len(descent.orders))
    influence = torch.zeros(len(descent.orders[0]), dtype=torch.float64, device="cpu")
    for done in range(num):
        batches, before = descent.orders[-1 - done].split(descent.batch_size), [descent.starts[-1 - done]]
        for batch in batches[:-1]:
            before.append(_step(losses, before[-1], batch, descent.learning_rate))
        for batch, parameters in zip(reversed(batches), reversed(before), strict=True):
            dots, product = dots_and_product(losses, parameters, batch, direction)
            influence[batch.cpu()] += descent.learning_rate / len(batch) * dots.cpu().double()
            direction = direction - descent.learning_rate * product
        if not torch.isfinite(direction).all():
            raise StageFailed(
                f"tracing back plain SGD grew beyond all numbers {done + 1} epochs before its end: "
                f"lower its learning rate (now {descent.learning_rate:g}) or trace fewer epochs back"
            )
        progress(done + 1, num)
    return Trace(influence=influence, direction=direction, num_steps=num * descent.steps_per_epoch)


def dots_and_product(losses: Losses, parameters: Tensor, batch: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """((B,) u.g_i of every sample, (P,) H u) at ``parameters``, with H the Hessian of the batch's mean loss.

    One double backward gives both: with weights w_i = 1 / B, the gradient of u.(sum_i w_i g_i) is H u with respect to
    the parameters, and u.g_i with respect to w_i.
    """
    theta = parameters.detach().requires_grad_()
    found = losses(theta, batch)
    weights = torch.full_like(found, 1 / len(batch)).requires_grad_()
    (gradient,) = torch.autograd.grad(weights @ found, theta, create_graph=True)
    product, dots = torch.autograd.grad(gradient @ direction, (theta, weights))
    return dots, product


def _step(losses: Losses, parameters: Tensor, batch: Tensor, learning_rate: float) -> Tensor:
    """The parameters after one step; the same ones and the same batch give the same bits again."""
    theta = parameters.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(losses(theta, batch).mean(), theta)
    return parameters - learning_rate * gradient
