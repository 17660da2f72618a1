"""Curvature of the mean loss in the weights, and v = (H + d I)^-1 g for it. N samples, P parameters.

Section 9 of the specification. No solver says that it is done when it is not: each reports the damping that was in
force at the end and how far its answer is from solving the system.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import vjp

from bir_core.errors import StageFailed
from bir_core.numerics import gradients
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import Progress, no_progress

Product = Callable[[Tensor], Tensor]
"""A symmetric (P, P) matrix as what it does to a (P,) vector."""

MOST_RAISES = 12
"""A matrix that is not positive definite with 10^12 times the damping asked for is no curvature at all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """What a solver found.

    Attributes:
        vector: (P,) v of (H + d I) v = g.
        damping: the d in force in the end.
        raised: how often it had to be raised tenfold because H + d I was not positive definite.
        iterations: steps that the solver took, 0 for a direct one.
        residual: ||(H + d I) v - g|| / ||g||, measured.
    """

    vector: Tensor
    damping: float
    raised: int = 0
    iterations: int = 0
    residual: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When conjugate gradients stop: at a relative residual, or after so many iterations."""

    max_iterations: int
    tolerance: float


def gauss_newton_product(model: FlatNetwork, inputs: Tensor, direction: Tensor) -> Tensor:
    """(P,) the Gauss-Newton matrix (1/N) sum_i J_i^T (diag p_i - p_i p_i^T) J_i times ``direction`` (P,).

    It is positive semi-definite, needs no labels, and is the Hessian where the logits are linear in the parameters.
    """
    found = torch.zeros_like(direction)
    for batch in inputs.split(gradients.BATCH):

        def logits_at(theta: Tensor, batch: Tensor = batch) -> Tensor:
            return model.logits(theta, batch)

        logits, moved = gradients.along(logits_at, model.theta, direction)
        weighted = logits.softmax(1) * moved
        curved = weighted - logits.softmax(1) * weighted.sum(1, keepdim=True)
        found += vjp(logits_at, model.theta)[1](curved)[0]
    return found / len(inputs)


def conjugate_gradients(
    product: Product, target: Tensor, *, damping: float, limits: Limits, progress: Progress = no_progress
) -> Solution:
    """The v of (H + d I) v = target by conjugate gradients (Hestenes and Stiefel 1952).

    A direction p with p^T (H + d I) p <= 0 shows that the matrix is singular or indefinite, for which the method is
    not made: the damping is raised tenfold and the solution begun anew.

    Args:
        product: H.
        target: (P,).
        damping: d > 0, the first one tried.
        limits: when to stop.
        progress: told (iterations done, most there can be).

    Raises:
        StageFailed: no damping makes the matrix positive definite, because its products are not numbers.
    """

    def attempt(tried: float) -> Solution | None:
        return _descend(lambda vector: product(vector) + tried * vector, target, tried, limits, progress=progress)

    return _with_enough_damping(attempt, damping)


@dataclass(frozen=True, kw_only=True, eq=False)
class EmpiricalFisher:
    """The full empirical Fisher matrix (1/N) G^T G of N samples' gradients G, never formed.

    Attributes:
        rows: (N, P) G, one sample's gradient a row.
        gram: (N, N) G G^T in float64 on the CPU, computed once for every damping and every target.
    """

    rows: Tensor
    gram: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> "EmpiricalFisher":
        """From the (N, P) gradients."""
        return cls(rows=rows, gram=(rows @ rows.T).cpu().double())

    @staticmethod
    def bytes_needed(num_samples: int, num_parameters: int, element_size: int = 4) -> int:
        """What G, its products and their factor take, from N and P alone."""
        return element_size * num_samples * num_parameters + (element_size + 3 * 8) * num_samples**2

    def product(self, vector: Tensor) -> Tensor:
        """(P,) the matrix times a (P,) vector."""
        return self.rows.T @ (self.rows @ vector) / len(self.rows)

    def solve(self, target: Tensor, damping: float) -> Solution:
        """The v = (1/d) [g - G^T (N d I + G G^T)^-1 G g] of Woodbury's identity: exact, by one (N, N) factor.

        The small system is solved in float64, and the answer corrected once by what its residual asks for.

        Args:
            target: (P,) g.
            damping: d > 0; raised tenfold where rounding leaves N d I + G G^T not positive definite.

        Raises:
            StageFailed: no damping makes the matrix positive definite, because the gradients are not numbers.
        """
        return _with_enough_damping(lambda tried: self._attempt(target, tried), damping)

    def _attempt(self, target: Tensor, damping: float) -> Solution | None:
        shifted = self.gram.clone()
        shifted.diagonal().add_(len(self.rows) * damping)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        if int(failed) or not bool(factor.isfinite().all()):
            return None

        def woodbury(wanted: Tensor) -> Tensor:
            right = (self.rows @ wanted).cpu().double()[:, None]
            weights = torch.cholesky_solve(right, factor).squeeze(1).to(wanted)
            return (wanted - self.rows.T @ weights) / damping

        vector = woodbury(target)
        vector = vector + woodbury(self._left(vector, target, damping))
        left = _relative(self._left(vector, target, damping), target)
        return Solution(vector=vector, damping=damping, residual=left)

    def _left(self, vector: Tensor, target: Tensor, damping: float) -> Tensor:
        return target - self.product(vector) - damping * vector


def _with_enough_damping(attempt: Callable[[float], Solution | None], damping: float) -> Solution:
    """The first attempt that finds its matrix positive definite: at the damping asked for, ten times it, and so on."""
    for raised in range(MOST_RAISES + 1):
        found = attempt(damping * 10**raised)
        if found is not None:
            return dataclasses.replace(found, raised=raised)
    raise StageFailed(
        f"the curvature is not positive definite even with damping {damping * 10**MOST_RAISES:g}: the base model's "
        "gradients are probably not finite numbers"
    )


def _descend(
    product: Product, target: Tensor, damping: float, limits: Limits, *, progress: Progress
) -> Solution | None:
    """Conjugate gradients from zero; None once a direction of no positive curvature turns up."""
    found, left = torch.zeros_like(target), target.clone()
    direction, size = left.clone(), float(left @ left)
    enough = (limits.tolerance**2) * size
    iterations = 0
    if not math.isfinite(size):
        return None
    while iterations < limits.max_iterations and size > enough:
        pushed = product(direction)
        curved = float(direction @ pushed)
        if not 0 < curved < math.inf:
            return None
        found += (size / curved) * direction
        left -= (size / curved) * pushed
        before, size = size, float(left @ left)
        direction = left + (size / before) * direction
        iterations += 1
        progress(iterations, limits.max_iterations)
    residual = _relative(target - product(found), target)
    return Solution(vector=found, damping=damping, iterations=iterations, residual=residual)


def _relative(left: Tensor, target: Tensor) -> float:
    length = float(target.norm())
    return float(left.norm()) / length if length else 0.0
