"""Newton-update removal (Guo et al. 2020; section 9 of the specification)."""

import torch
from torch import Tensor

from bir_core import repair, tensors
from bir_core.method_config import NewtonRemovalOptions
from bir_core.model_records import TrainedModel
from bir_core.models import networks
from bir_core.numerics import curvature, gradients, vectors
from bir_core.numerics.curvature import Limits, Product, Solution
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import Progress, no_progress
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """One step up the loss of what is removed, theta' = theta + [sum_R H_i + d |R| I]^-1 sum_C g_i.

    C is what is forgotten (``case.forgotten``), R the remaining samples, H the Gauss-Newton matrix. A step longer than
    ``trust`` times the weights is shortened to that.

    Raises:
        StageFailed: nothing remains, or a gradient is not a number.
    """
    if len(case.treated.others_than) == 0:
        return Outcome(model=repair.unchanged(case.base))
    options = case.config.methods.newton_removal
    network = networks.restore(case.base, case.device)
    model = FlatNetwork(network)
    solution = _solve(model, case)
    share, moved = within_trust(solution.vector, model.theta, options.trust)
    vectors.assign(network.parameters(), model.theta + moved)
    facts = {
        "step_kept": share,
        "relative_step": float(moved.norm() / model.theta.norm()),
        "damping": solution.damping,
        "damping_raised": solution.raised,
        "iterations": solution.iterations,
        "relative_residual": solution.residual,
    }
    return Outcome(model=TrainedModel(state=networks.capture(network, case.base), epochs=(), kept_epoch=0), facts=facts)


def removal_step(
    remaining: Product,
    num_remaining: int,
    removed: Tensor,
    options: NewtonRemovalOptions,
    *,
    progress: Progress = no_progress,
) -> Solution:
    """The (P,) step [sum_R H_i + d |R| I]^-1 sum_C g_i that is ADDED to the weights; exact for quadratic losses.

    Args:
        remaining: (1/|R|) sum_R H_i.
        num_remaining: |R|.
        removed: (P,) sum_C g_i.
        options: d per remaining sample, and when the conjugate gradients stop.
        progress: told (iterations done, most there can be).

    Raises:
        StageFailed: no damping makes the curvature positive definite.
    """
    limits = Limits(max_iterations=options.max_iterations, tolerance=options.tolerance)
    return curvature.conjugate_gradients(
        remaining, removed / num_remaining, damping=options.damping, limits=limits, progress=progress
    )


def within_trust(step: Tensor, theta: Tensor, trust: float) -> tuple[float, Tensor]:
    """(share kept, step): the step, shortened to ``trust`` * ||theta|| where it is longer; 1 = kept whole."""
    length, most = float(torch.linalg.vector_norm(step)), trust * float(torch.linalg.vector_norm(theta))
    share = min(1.0, most / length) if length else 1.0
    return share, share * step


def _solve(model: FlatNetwork, case: Case) -> Solution:
    inputs, _ = tensors.labelled(case.remaining, case.device)
    forgotten = case.forgotten
    removed = len(forgotten) * gradients.mean(model, *tensors.labelled(forgotten, case.device))
    return removal_step(
        lambda vector: curvature.gauss_newton_product(model, inputs, vector),
        len(inputs),
        removed,
        case.config.methods.newton_removal,
        progress=case.progress,
    )
