"""Influence of every sample on the reserved loss, to first order (Koh and Liang 2017; section 9 of the specification).

The damping decides how good this detector is, so its scores can be had for a whole grid of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bir_core import tensors
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.method_config import Curvature, LinearInfluenceOptions
from bir_core.models import networks
from bir_core.numerics import curvature, gradients
from bir_core.numerics.curvature import EmpiricalFisher, Limits, Solution
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import Doubles, Progress

DAMPINGS = (1e-3, 1e-2, 1e-1)
"""The grid that is published beside every comparison."""
DEFAULT_DAMPING: dict[Curvature, float] = {
    "identity": 0.0,
    "diagonal_fisher": 1e-3,
    "empirical_fisher": 1e-1,
    "gauss_newton": 1e-2,
}

Solve = Callable[[Tensor, float], Solution]
"""(P,) g and d -> v of (H + d I) v = g."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    model: FlatNetwork
    inputs: Tensor
    labels: Tensor
    options: LinearInfluenceOptions
    progress: Progress

    @property
    def fisher_bytes(self) -> int:
        theta = self.model.theta
        return EmpiricalFisher.bytes_needed(len(self.inputs), theta.numel(), theta.element_size())

    @property
    def curvature(self) -> Curvature:
        """The one asked for; "auto" takes the full Fisher where it fits."""
        if self.options.curvature != "auto":
            return self.options.curvature
        fits = self.fisher_bytes <= self.options.memory_mb * 2**20
        return "empirical_fisher" if fits else "gauss_newton"


def detect(evidence: Evidence) -> Detected:
    """h_i = -g_r^T (H + d I)^-1 g_i, where g_r is the gradient of the mean reserved loss at the base model.

    Up-weighting a sample with a positive h_i raises the reserved loss. The curvature H is the mean over the training
    part. With "identity" there is neither curvature nor damping: the agreement of gradients.

    Raises:
        InputError: the full Fisher was asked for and needs more memory than allowed.
        StageFailed: a gradient is not a number.
    """
    task = _task(evidence)
    damping = DEFAULT_DAMPING[task.curvature] if task.options.damping is None else task.options.damping
    solution = SOLVERS[task.curvature](task)(_reserved_gradient(task, evidence), damping)
    facts = {
        "curvature": task.curvature,
        "damping": solution.damping,
        "damping_raised": solution.raised,
        "iterations": solution.iterations,
        "relative_residual": solution.residual,
        "full_fisher_mb": round(task.fisher_bytes / 2**20),
    }
    return Detected(scores=_scores(task, solution), facts=facts)


def scores_by_damping(evidence: Evidence, dampings: Sequence[float] = DAMPINGS) -> dict[float, Doubles]:
    """(N,) scores like ``detect``'s for each damping, of one curvature that is prepared only once; raises the same.

    The full Fisher's Gram matrix and the Fisher diagonal are shared; Gauss-Newton is solved anew for each damping.
    """
    task = _task(evidence)
    solve, target = SOLVERS[task.curvature](task), _reserved_gradient(task, evidence)
    return {damping: _scores(task, solve(target, damping)) for damping in dampings}


def _task(evidence: Evidence) -> _Task:
    inputs, labels = tensors.labelled(evidence.train, evidence.device)
    return _Task(
        model=FlatNetwork(networks.restore(evidence.base, evidence.device)),
        inputs=inputs,
        labels=labels,
        options=evidence.config.methods.linear_influence,
        progress=evidence.progress,
    )


def _reserved_gradient(task: _Task, evidence: Evidence) -> Tensor:
    return gradients.mean(task.model, *tensors.labelled(evidence.reserved, evidence.device))


def _scores(task: _Task, solution: Solution) -> Doubles:
    found = -gradients.dots(task.model, task.inputs, task.labels, solution.vector)
    return found.to("cpu", torch.float64).numpy()


def _identity(_task: _Task) -> Solve:
    return lambda target, _damping: Solution(vector=target, damping=0.0)


def _diagonal_fisher(task: _Task) -> Solve:
    diagonal = gradients.fisher_diagonal(task.model, task.inputs, task.labels)
    return lambda target, damping: Solution(vector=target / (diagonal + damping), damping=damping)


def _empirical_fisher(task: _Task) -> Solve:
    options = task.options
    if task.fisher_bytes > options.memory_mb * 2**20:
        raise InputError(
            f"the full Fisher of {len(task.inputs):,} samples and {task.model.theta.numel():,} parameters needs "
            f"{task.fisher_bytes / 2**30:.3g} GB, and methods.linear_influence.memory_mb allows "
            f"{options.memory_mb / 2**10:.3g} GB: raise it, or set curvature to gauss_newton or diagonal_fisher"
        )
    return EmpiricalFisher.of(gradients.matrix(task.model, task.inputs, task.labels)).solve


def _gauss_newton(task: _Task) -> Solve:
    limits = Limits(max_iterations=task.options.max_iterations, tolerance=task.options.tolerance)

    def solve(target: Tensor, damping: float) -> Solution:
        return curvature.conjugate_gradients(
            lambda vector: curvature.gauss_newton_product(task.model, task.inputs, vector),
            target,
            damping=damping,
            limits=limits,
            progress=task.progress,
        )

    return solve


SOLVERS: dict[Curvature, Callable[[_Task], Solve]] = {
    "identity": _identity,
    "diagonal_fisher": _diagonal_fisher,
    "empirical_fisher": _empirical_fisher,
    "gauss_newton": _gauss_newton,
}
