"""SGD influence against true leave-one-out trainings (T6 of the specification), in float64."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bir_core import base, detection, seeding
from bir_core.detectors import sgd_influence
from bir_core.detectors.evidence import Evidence
from bir_core.errors import StageFailed
from bir_core.models import networks
from bir_core.numerics import sgd
from bir_core.numerics.gradients import FlatNetwork
from tests import cases, toys

NUM, WIDTH, RATE, BATCH = 12, 3, 0.15, 5
DRAW = torch.Generator().manual_seed(0)
SLOPES = torch.randn(NUM, WIDTH, dtype=torch.float64, generator=DRAW)
OFFSETS = torch.randn(NUM, dtype=torch.float64, generator=DRAW)
START = torch.randn(WIDTH, dtype=torch.float64, generator=DRAW)
DIRECTION = torch.randn(WIDTH, dtype=torch.float64, generator=DRAW)


def squares(theta: Tensor, chosen: Tensor) -> Tensor:
    return 0.5 * (SLOPES[chosen] @ theta - OFFSETS[chosen]) ** 2


def orders(epochs: int) -> tuple[Tensor, ...]:
    draw = torch.Generator().manual_seed(1)
    return tuple(torch.randperm(NUM, generator=draw) for _ in range(epochs))


def descend(epochs: int) -> sgd.Descent:
    return sgd.descend(squares, START, orders(epochs), learning_rate=RATE, batch_size=BATCH)


def train_by_hand(order: Tensor, start: Tensor, left_out: int | None = None) -> Tensor:
    """One epoch; the sample that is left out adds nothing, and the batch is divided by its size as it was."""
    theta = start
    for batch in order.split(BATCH):
        gradient = torch.zeros(WIDTH, dtype=torch.float64)
        for sample in batch.tolist():
            if sample != left_out:
                gradient += SLOPES[sample] * (SLOPES[sample] @ theta - OFFSETS[sample])
        theta = theta - RATE * gradient / len(batch)
    return theta


def recursion(descent: sgd.Descent, hessian_part: Callable[[int], float], epochs: int) -> Tensor:
    """Section 8, densely; ``hessian_part(|S|)`` is what the sum of the batch's Hessians is multiplied by."""
    direction, influence = DIRECTION, torch.zeros(NUM, dtype=torch.float64)
    for order, start in reversed(list(zip(descent.orders[-epochs:], descent.starts[-epochs:], strict=True))):
        before, batches = [start], order.split(BATCH)
        for batch in batches:
            residual = SLOPES[batch] @ before[-1] - OFFSETS[batch]
            before.append(before[-1] - RATE * SLOPES[batch].T @ residual / len(batch))
        for batch, theta in zip(reversed(batches), reversed(before[:-1]), strict=True):
            gradients = SLOPES[batch] * (SLOPES[batch] @ theta - OFFSETS[batch])[:, None]
            influence[batch] += RATE / len(batch) * gradients @ direction
            curvature = SLOPES[batch].T @ SLOPES[batch]
            direction = direction - RATE * hessian_part(len(batch)) * curvature @ direction
    return influence


def leave_one_out() -> Tensor:
    (order,) = orders(1)
    whole = train_by_hand(order, START)
    return torch.stack([DIRECTION @ (train_by_hand(order, START, sample) - whole) for sample in range(NUM)])


def test_one_epoch_on_a_quadratic_is_leave_one_out_exactly() -> None:
    descent = descend(1)
    torch.testing.assert_close(descent.final, train_by_hand(orders(1)[0], START), rtol=0, atol=1e-14)
    trace = sgd.trace_back(squares, descent, DIRECTION)
    torch.testing.assert_close(trace.influence, leave_one_out(), rtol=0, atol=1e-14)
    assert trace.num_steps == 3


def test_dividing_the_curvature_by_the_batch_again_fails() -> None:
    """The slip of a public script; and a sign or a batch of its own size would fail as well."""
    truth = leave_one_out()
    torch.testing.assert_close(recursion(descend(1), lambda size: 1 / size, 1), truth, rtol=0, atol=1e-14)
    for wrong in (lambda size: 1 / size**2, lambda _: 0.0, lambda size: -1 / size, lambda _: 1 / BATCH):
        assert (recursion(descend(1), wrong, 1) - truth).abs().max() > 0.01 * truth.abs().max()


@pytest.mark.parametrize("last", [1, 2, 3])
def test_several_epochs_follow_the_recursion(last: int) -> None:
    descent, told = descend(3), list[tuple[int, int]]()
    trace = sgd.trace_back(
        squares, descent, DIRECTION, last_epochs=last, progress=lambda done, of: told.append((done, of))
    )
    expected = recursion(descent, lambda size: 1 / size, last)
    torch.testing.assert_close(trace.influence, expected, rtol=0, atol=1e-13)
    assert trace.num_steps == 3 * last
    assert told == [(done, last) for done in range(1, last + 1)]


def test_dots_and_product_of_a_network_equal_the_plain_derivatives() -> None:
    samples, network = cases.digits(6), networks.restore(cases.fresh_model(), cases.CPU).double().eval()
    exact = replace(samples, images=np.asarray(samples.images, dtype=np.float64))
    parameters, chosen = list(network.parameters()), torch.tensor([4, 0, 5])
    theta = nn.utils.parameters_to_vector(parameters).detach()
    direction = torch.randn(len(theta), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    dots, product = sgd.dots_and_product(
        sgd_influence._losses(FlatNetwork(network), exact, cases.CPU), theta, chosen, direction
    )

    plain = nn.functional.cross_entropy(
        network(torch.tensor(exact.images)[chosen]), torch.tensor(exact.labels)[chosen], reduction="none"
    )
    for dot, loss in zip(dots, plain, strict=True):
        gradient = flat(torch.autograd.grad(loss, parameters, retain_graph=True))
        torch.testing.assert_close(dot, gradient @ direction)
    mean = flat(torch.autograd.grad(plain.mean(), parameters, create_graph=True))
    torch.testing.assert_close(product, flat(torch.autograd.grad(mean @ direction, parameters)))


def flat(values: Sequence[Tensor]) -> Tensor:
    return torch.cat([value.reshape(-1) for value in values])


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> Evidence:
    toys.register(monkeypatch)
    return toys.flipped_blobs()[0]


def with_options(evidence: Evidence, **options: object) -> Evidence:
    chosen = evidence.config.methods.model_copy(
        update={"sgd_influence": evidence.config.methods.sgd_influence.model_copy(update=options)}
    )
    return replace(evidence, config=evidence.config.model_copy(update={"methods": chosen}))


def test_the_twin_starts_at_the_base_models_first_weights(blobs: Evidence) -> None:
    settings = blobs.config.base.model_copy(update={"memorised_epochs": 1, "learning_rate": 1e-30})
    first = base.train_base(
        blobs.train, blobs.validation, 3, settings, seed=seeding.derive(blobs.config.seed, "base"), device=cases.CPU
    )
    for name, value in sgd_influence._twin(blobs).state_dict().items():
        torch.testing.assert_close(value, torch.tensor(first.state.tensors[name]), rtol=0, atol=1e-12)


def test_the_twin_starts_at_a_file_where_the_base_model_does(blobs: Evidence, tmp_path: Path) -> None:
    first = {name: torch.tensor(value) + 1 for name, value in blobs.base.tensors.items()}
    save_file(first, tmp_path / "first.safetensors")
    settings = blobs.config.base.model_copy(update={"start": str(tmp_path / "first.safetensors")})
    begun = replace(blobs, config=blobs.config.model_copy(update={"base": settings}))
    for name, value in sgd_influence._twin(begun).state_dict().items():
        assert torch.equal(value, first[name])


def test_what_the_facts_say_of_the_twin(blobs: Evidence) -> None:
    told: list[tuple[int, int]] = []
    watched = replace(blobs, progress=lambda done, of: told.append((done, of)))
    facts = detection.detect("sgd_influence", with_options(watched, epochs=4, last_epochs=2)).facts
    assert facts["steps"] == 4 * 10
    assert facts["epochs_traced"] == 2
    assert facts["twin_accuracy"] > 60
    assert facts["growth"] > 0
    assert told == [(done, 6) for done in range(1, 7)]


def test_the_last_epochs_are_at_most_all(blobs: Evidence) -> None:
    some, more, every = (
        detection.detect("sgd_influence", with_options(blobs, epochs=3, last_epochs=last)) for last in (2, 9, None)
    )
    assert np.array_equal(more.scores, every.scores)
    assert every.facts["epochs_traced"] == 3
    assert not np.allclose(some.scores, every.scores)


def test_a_twin_that_diverges_names_the_option(blobs: Evidence) -> None:
    expected = r"plain SGD diverged in epoch \d: lower its learning rate \(now 1e\+20\).*methods\.sgd_influence"
    with pytest.raises(StageFailed, match=expected):
        detection.detect("sgd_influence", with_options(blobs, learning_rate=1e20))


def test_a_trace_that_grows_beyond_all_numbers_is_refused() -> None:
    """Steps far beyond the stable size from a start where every gradient is zero: the training stands, u explodes."""
    start, rate, theta = torch.zeros(1, dtype=torch.float32), 1e10, torch.ones(1)
    descent = sgd.descend(
        lambda at, chosen: 0.5 * at.expand(len(chosen)) ** 2,
        start,
        (torch.arange(8),) * 2,
        learning_rate=rate,
        batch_size=2,
    )
    assert torch.equal(descent.final, start)
    with pytest.raises(StageFailed, match="grew beyond all numbers 1 epochs before its end"):
        sgd.trace_back(lambda at, chosen: 0.5 * at.expand(len(chosen)) ** 2, descent, theta)
