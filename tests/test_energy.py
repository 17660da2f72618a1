"""T4 of the specification: the energy of a linear classifier in closed form."""

import pytest
import torch
from torch import nn

from bir_core.numerics import energy


@pytest.fixture
def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, 4).double().requires_grad_(False)


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_gradient_is_minus_weights_times_probabilities(linear: nn.Linear, inputs: torch.Tensor) -> None:
    _, gradient = energy.energy_and_gradient(linear, inputs)
    torch.testing.assert_close(gradient, -(linear(inputs).softmax(1) @ linear.weight), rtol=0, atol=1e-15)


@pytest.mark.parametrize("eta", [1e-3, 0.1, 1.0, 30.0])
def test_a_step_lowers_the_energy_at_least_by_eta_times_the_squared_gradient(
    linear: nn.Linear, inputs: torch.Tensor, eta: float
) -> None:
    """The energy is concave here, so this holds for every eta; steps the other way can only raise it less."""
    before, gradient = energy.energy_and_gradient(linear, inputs)
    squared = (gradient**2).sum(1)
    after = energy.energy(linear(inputs - eta * gradient))
    assert (after <= before - eta * squared + 1e-12).all()
    uphill = energy.energy(linear(inputs + eta * gradient))
    assert not (uphill <= before - eta * squared + 1e-12).any()


def test_hessian_is_minus_the_probability_covariance(linear: nn.Linear, inputs: torch.Tensor) -> None:
    point = inputs[0]
    probabilities = linear(point).softmax(0)
    covariance = torch.diag(probabilities) - torch.outer(probabilities, probabilities)
    hessian = torch.autograd.functional.hessian(lambda x: energy.energy(linear(x)[None])[0], point)
    torch.testing.assert_close(hessian, -(linear.weight.T @ covariance @ linear.weight), rtol=0, atol=1e-14)


def test_energy_survives_logits_that_would_overflow() -> None:
    logits = torch.tensor([[1000.0, 0.0], [-1000.0, -1000.0]])
    torch.testing.assert_close(energy.energy(logits), torch.tensor([-1000.0, 1000.0 - 0.6931472]))


def test_a_samples_gradient_does_not_depend_on_its_company(linear: nn.Linear, inputs: torch.Tensor) -> None:
    _, together = energy.energy_and_gradient(linear, inputs)
    _, alone = energy.energy_and_gradient(linear, inputs[2:3])
    torch.testing.assert_close(together[2:3], alone, rtol=0, atol=1e-15)
