"""Every solver against a dense solution in float64."""

import math

import pytest
import torch
from torch import Tensor, nn

from bir_core.errors import StageFailed
from bir_core.numerics import curvature, gradients
from bir_core.numerics.curvature import EmpiricalFisher, Limits, Product
from bir_core.numerics.gradients import FlatNetwork
from tests import cases

EXACT = Limits(max_iterations=1000, tolerance=1e-12)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def points(num: int = 30, num_classes: int = 3) -> tuple[Tensor, Tensor]:
    return draw(num, 1, 1, 2), torch.arange(num) % num_classes


def two_layers() -> FlatNetwork:
    torch.manual_seed(0)
    return FlatNetwork(cases.two_layers((1, 1, 2), 3).double())


def softmax_regression() -> FlatNetwork:
    torch.manual_seed(0)
    return FlatNetwork(nn.Sequential(nn.Flatten(), nn.Linear(2, 3)).double())


def dense(product: Product, size: int) -> Tensor:
    """(P, P) the matrix, column by column."""
    return torch.stack([product(column) for column in torch.eye(size, dtype=torch.float64)], dim=1)


def dense_gauss_newton(model: FlatNetwork, inputs: Tensor) -> Tensor:
    """(P, P) by full Jacobians."""
    jacobian = torch.func.jacrev(model.logits)(model.theta, inputs)
    p = model.logits(model.theta, inputs).softmax(1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    return torch.einsum("nkp,nkl,nlq->pq", jacobian, middle, jacobian) / len(inputs)


def spectrum(values: Tensor) -> Tensor:
    """A symmetric matrix with these eigenvalues and no axis of the coordinates."""
    turned = torch.linalg.qr(draw(len(values), len(values), seed=3))[0]
    return turned @ torch.diag(values) @ turned.T


def test_gauss_newton_product_is_the_dense_matrix() -> None:
    model, (inputs, _) = two_layers(), points()
    found = dense(lambda vector: curvature.gauss_newton_product(model, inputs, vector), model.theta.numel())
    torch.testing.assert_close(found, dense_gauss_newton(model, inputs), rtol=1e-9, atol=1e-12)


def test_gauss_newton_is_the_hessian_of_softmax_regression() -> None:
    """T5; and it is not for a network with a hidden layer, which is why it is not called the Hessian."""
    (inputs, labels), linear, deep = points(), softmax_regression(), two_layers()

    def hessian(model: FlatNetwork) -> Tensor:
        slope = torch.func.grad(lambda theta: model.losses(theta, inputs, labels).mean())
        return torch.func.jacrev(slope)(model.theta)

    torch.testing.assert_close(dense_gauss_newton(linear, inputs), hessian(linear), rtol=1e-9, atol=1e-12)
    assert float((dense_gauss_newton(deep, inputs) - hessian(deep)).abs().max()) > 1e-3


def test_gauss_newton_product_does_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (inputs, _) = two_layers(), points()
    whole = curvature.gauss_newton_product(model, inputs, model.theta)
    monkeypatch.setattr(gradients, "BATCH", 7)
    torch.testing.assert_close(curvature.gauss_newton_product(model, inputs, model.theta), whole)


@pytest.mark.parametrize("damping", [1e-3, 1e-2, 1e-1])
def test_conjugate_gradients_solve_gauss_newton(damping: float) -> None:
    """T5: as a dense solution does."""
    model, (inputs, labels) = two_layers(), points()
    target = gradients.mean(model, inputs, labels)
    found = curvature.conjugate_gradients(
        lambda vector: curvature.gauss_newton_product(model, inputs, vector), target, damping=damping, limits=EXACT
    )
    matrix = dense_gauss_newton(model, inputs) + damping * torch.eye(len(target), dtype=torch.float64)
    torch.testing.assert_close(found.vector, torch.linalg.solve(matrix, target), rtol=1e-8, atol=1e-10)
    assert (found.damping, found.raised) == (damping, 0)
    assert found.residual < 1e-11


@pytest.mark.parametrize("num", [30, 400])
@pytest.mark.parametrize("damping", [1e-3, 1e-1])
def test_woodbury_solves_the_full_fisher(num: int, damping: float) -> None:
    """With fewer samples than parameters, and with more of them."""
    model, (inputs, labels) = two_layers(), points(num)
    rows, target = gradients.matrix(model, inputs, labels), draw(model.theta.numel(), seed=9)
    found = EmpiricalFisher.of(rows).solve(target, damping)
    matrix = rows.T @ rows / num + damping * torch.eye(len(target), dtype=torch.float64)
    torch.testing.assert_close(found.vector, torch.linalg.solve(matrix, target), rtol=1e-8, atol=1e-10)
    assert found.residual < 1e-12


def test_woodbury_in_float32_is_as_good_as_float32_can_be() -> None:
    model, (inputs, labels) = two_layers(), points(400)
    rows, target = gradients.matrix(model, inputs, labels), draw(model.theta.numel(), seed=9)
    exact = EmpiricalFisher.of(rows).solve(target, 1e-3)
    found = EmpiricalFisher.of(rows.float()).solve(target.float(), 1e-3)
    torch.testing.assert_close(found.vector.double(), exact.vector, rtol=1e-3, atol=1e-3 * float(exact.vector.norm()))
    assert 0 < found.residual < 1e-4


def test_residual_is_that_of_the_system_and_not_what_the_solver_believes() -> None:
    matrix, target = spectrum(torch.logspace(-3, 2, 40, dtype=torch.float64)), draw(40)
    limits = Limits(max_iterations=5, tolerance=1e-12)
    found = curvature.conjugate_gradients(lambda vector: matrix @ vector, target, damping=1e-4, limits=limits)
    left = target - matrix @ found.vector - 1e-4 * found.vector
    assert found.iterations == 5
    assert found.residual == pytest.approx(float(left.norm() / target.norm()))
    assert found.residual > 1e-3


def test_conjugate_gradients_stop_at_the_tolerance() -> None:
    matrix, target = spectrum(torch.logspace(-3, 2, 40, dtype=torch.float64)), draw(40)
    loose, tight = (
        curvature.conjugate_gradients(
            lambda vector: matrix @ vector, target, damping=1e-4, limits=Limits(max_iterations=500, tolerance=tolerance)
        )
        for tolerance in (1e-1, 1e-6)
    )
    assert loose.iterations < tight.iterations < 500
    assert tight.residual <= 1e-6 < loose.residual <= 1e-1


def test_indefinite_curvature_raises_the_damping_until_it_is_positive_definite() -> None:
    """The lowest eigenvalue is -0.5: 0.01 and 0.1 are too little, 1 is enough."""
    matrix, target = spectrum(torch.tensor([-0.5, -0.2, 0.3, 1.0, 4.0], dtype=torch.float64)), draw(5)
    found = curvature.conjugate_gradients(lambda vector: matrix @ vector, target, damping=0.01, limits=EXACT)
    assert (found.damping, found.raised) == (1.0, 2)
    expected = torch.linalg.solve(matrix + torch.eye(5, dtype=torch.float64), target)
    torch.testing.assert_close(found.vector, expected, rtol=1e-9, atol=1e-12)


def test_singular_curvature_is_seen() -> None:
    """-d I has d I added: a direction without any curvature."""
    found = curvature.conjugate_gradients(lambda vector: -0.5 * vector, draw(5), damping=0.5, limits=EXACT)
    assert (found.damping, found.raised) == (5.0, 1)


def test_singular_products_raise_woodburys_damping() -> None:
    """Rounding that leaves the products of the gradients indefinite is met like an indefinite curvature."""
    fisher = EmpiricalFisher(rows=torch.zeros(2, 3, dtype=torch.float64), gram=-torch.eye(2, dtype=torch.float64))
    found = fisher.solve(draw(3), 0.1)
    assert (found.damping, found.raised) == (1.0, 1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_gradients_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(StageFailed, match="not positive definite even with damping"):
        curvature.conjugate_gradients(lambda vector: bad * vector, draw(5), damping=0.1, limits=EXACT)
    with pytest.raises(StageFailed, match="not positive definite even with damping"):
        curvature.conjugate_gradients(lambda vector: vector, bad * draw(5), damping=0.1, limits=EXACT)
    with pytest.raises(StageFailed, match="not positive definite even with damping"):
        EmpiricalFisher.of(bad * draw(2, 5)).solve(draw(5), 0.1)


def test_nothing_to_solve_is_solved_by_nothing() -> None:
    zero = torch.zeros(5, dtype=torch.float64)
    found = curvature.conjugate_gradients(lambda vector: vector, zero, damping=0.1, limits=EXACT)
    assert torch.equal(found.vector, zero)
    assert (found.iterations, found.residual) == (0, 0.0)


def test_influence_of_ridge_regression_is_leave_one_out_but_for_its_leverage() -> None:
    """T2b: influence / leave-one-out step = 1 - x_i^T (X^T X + lam I)^-1 x_i, in every coordinate."""
    x, y, lam = draw(20, 4), draw(20, seed=1), 0.7
    eye = torch.eye(4, dtype=torch.float64)
    theta = torch.linalg.solve(x.T @ x + lam * eye, x.T @ y)
    for sample in range(5):
        others = torch.arange(20) != sample
        refit = torch.linalg.solve(x[others].T @ x[others] + lam * eye, x[others].T @ y[others])
        slope = (x[sample] @ theta - y[sample]) * x[sample]
        step = curvature.conjugate_gradients(lambda v: x.T @ (x @ v), slope, damping=lam, limits=EXACT).vector
        leverage = x[sample] @ torch.linalg.solve(x.T @ x + lam * eye, x[sample])
        torch.testing.assert_close(step / (refit - theta), (1 - leverage).expand(4), rtol=1e-7, atol=0)
