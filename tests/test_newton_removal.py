"""Newton removal (sections 9 and 14 of the specification)."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from bir_core import scoring, tensors, treatment
from bir_core.config import ReviewConfig
from bir_core.detectors.evidence import Evidence
from bir_core.errors import StageFailed
from bir_core.method_config import MethodsConfig, NewtonRemovalOptions
from bir_core.models import networks
from bir_core.numerics import gradients
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import Flags
from bir_core.treatments import newton_removal
from bir_core.treatments.case import Case
from tests import cases, removals, toys

WHOLE_STEP = {"damping": 0.1, "tolerance": 1e-6, "trust": 1e6}


@pytest.fixture(autouse=True)
def _known_network(monkeypatch: pytest.MonkeyPatch) -> None:
    toys.register(monkeypatch)


@pytest.fixture
def toy() -> tuple[Evidence, Flags]:
    return toys.flipped_blobs()


def removal(
    evidence: Evidence,
    suspects: Sequence[int],
    options: dict[str, float] | None = None,
    people: ReviewConfig = removals.NO_REVIEW,
) -> Case:
    chosen = MethodsConfig(newton_removal=NewtonRemovalOptions.model_validate(options or {}))
    return removals.case(evidence, suspects, chosen, people)


def flat(case: Case) -> Tensor:
    network = networks.restore(treatment.treat("newton_removal", case).model.state, cases.CPU)
    return FlatNetwork(network).theta.double()


def dense_step(case: Case, damping: float) -> Tensor:
    """[sum_R H + d |R| I]^-1 sum_C g in float64, all written out."""
    model = FlatNetwork(networks.restore(case.base, cases.CPU).double())
    inputs = torch.tensor(case.remaining.images).double()
    jacobian = torch.func.jacrev(model.logits)(model.theta, inputs)
    p = model.logits(model.theta, inputs).softmax(1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    curvature = torch.einsum("nkp,nkl,nlq->pq", jacobian, middle, jacobian)
    images, labels = tensors.labelled(case.forgotten, cases.CPU)
    removed = gradients.matrix(model, images.double(), labels).sum(0)
    eye = torch.eye(len(removed), dtype=torch.float64)
    return torch.linalg.solve(curvature + damping * len(inputs) * eye, removed)


def ridge(num: int = 30) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(num, 4, dtype=torch.float64, generator=draw)
    return x, torch.randn(num, dtype=torch.float64, generator=draw)


@pytest.mark.parametrize("num_removed", [1, 7, 20])
def test_ridge_regression_is_refitted_exactly(num_removed: int) -> None:
    """T2: a regulariser that stays when samples go, so |R| d = lam."""
    (x, y), lam, eye = ridge(), 0.7, torch.eye(4, dtype=torch.float64)
    theta = torch.linalg.solve(x.T @ x + lam * eye, x.T @ y)
    (gone, seen), (rest, known) = (x[:num_removed], y[:num_removed]), (x[num_removed:], y[num_removed:])
    found = newton_removal.removal_step(
        lambda vector: rest.T @ (rest @ vector) / len(rest),
        len(rest),
        gone.T @ (gone @ theta - seen),
        NewtonRemovalOptions(damping=lam / len(rest), tolerance=1e-14),
    )
    refit = torch.linalg.solve(rest.T @ rest + lam * eye, rest.T @ known)
    torch.testing.assert_close(theta + found.vector, refit, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("num_removed", [1, 7, 20])
def test_ridge_regression_with_a_regulariser_per_sample_is_refitted_exactly(num_removed: int) -> None:
    """T3: each sample takes its own share of the regulariser away with it."""
    (x, y), lam, eye = ridge(), 0.05, torch.eye(4, dtype=torch.float64)
    theta = torch.linalg.solve(x.T @ x + lam * len(x) * eye, x.T @ y)
    (gone, seen), (rest, known) = (x[:num_removed], y[:num_removed]), (x[num_removed:], y[num_removed:])
    found = newton_removal.removal_step(
        lambda vector: rest.T @ (rest @ vector) / len(rest),
        len(rest),
        gone.T @ (gone @ theta - seen) + lam * len(gone) * theta,
        NewtonRemovalOptions(damping=lam, tolerance=1e-14),
    )
    refit = torch.linalg.solve(rest.T @ rest + lam * len(rest) * eye, rest.T @ known)
    torch.testing.assert_close(theta + found.vector, refit, rtol=1e-10, atol=1e-12)


def test_step_is_that_of_the_dense_matrix(toy: tuple[Evidence, Flags]) -> None:
    case = removal(toy[0], np.flatnonzero(toy[1]).tolist(), WHOLE_STEP)
    moved = flat(case) - FlatNetwork(networks.restore(case.base, cases.CPU)).theta.double()
    expected = dense_step(case, 0.1)
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))
    facts = treatment.treat("newton_removal", case).facts
    assert (facts["step_kept"], facts["damping"], facts["damping_raised"]) == (1.0, 0.1, 0)


def test_removed_labels_are_believed_less(toy: tuple[Evidence, Flags]) -> None:
    """The step goes UP their loss, also where the trust region shortens it."""
    for trust in (1e6, 0.01):
        case = removal(toy[0], np.flatnonzero(toy[1]).tolist(), {"trust": trust})
        state = treatment.treat("newton_removal", case).model.state
        before, after = (
            scoring.losses_under(model, case.forgotten, device=cases.CPU).mean() for model in (case.base, state)
        )
        assert after > before


def test_long_step_is_shortened_to_the_trust_region(toy: tuple[Evidence, Flags]) -> None:
    suspects = np.flatnonzero(toy[1]).tolist()
    theta = FlatNetwork(networks.restore(toy[0].base, cases.CPU)).theta.double()
    whole = flat(removal(toy[0], suspects, WHOLE_STEP)) - theta
    case = removal(toy[0], suspects, {**WHOLE_STEP, "trust": 0.01})
    short = flat(case) - theta
    facts = treatment.treat("newton_removal", case).facts
    assert float(short.norm() / theta.norm()) == pytest.approx(0.01, rel=1e-4) == facts["relative_step"]
    assert facts["step_kept"] == pytest.approx(float(short.norm() / whole.norm()), rel=1e-4)
    torch.testing.assert_close(short / short.norm(), whole / whole.norm(), rtol=0, atol=1e-4)


def test_removed_and_relabelled_samples_go_and_kept_ones_stay(toy: tuple[Evidence, Flags]) -> None:
    people = ReviewConfig(keep=(3,), remove=(7,), relabel=((8, 1),))
    judged = removal(toy[0], [3, 4, 5], WHOLE_STEP, people)
    plain = removal(toy[0], [8, 7, 5, 4], WHOLE_STEP)
    torch.testing.assert_close(flat(judged), flat(plain), rtol=0, atol=1e-6)


def test_nothing_to_remove_changes_nothing(toy: tuple[Evidence, Flags]) -> None:
    outcome = treatment.treat("newton_removal", removal(toy[0], []))
    assert outcome.model.state is toy[0].base


def test_everything_suspect_is_refused(toy: tuple[Evidence, Flags]) -> None:
    with pytest.raises(StageFailed, match="nothing remains to hold on to"):
        treatment.treat("newton_removal", removal(toy[0], range(150)))


def test_base_model_is_not_changed(toy: tuple[Evidence, Flags]) -> None:
    before = {name: value.copy() for name, value in toy[0].base.tensors.items()}
    treatment.treat("newton_removal", removal(toy[0], [1, 2, 3]))
    assert all(np.array_equal(before[name], toy[0].base.tensors[name]) for name in before)
