from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bir_core import tensors
from bir_core.models import networks
from bir_core.numerics import gradients
from bir_core.numerics.gradients import FlatNetwork
from tests import cases


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FlatNetwork:
    """Convolutions, batch norm and a linear layer, in float64, left in train mode for ``FlatNetwork`` to see to."""
    monkeypatch.setitem(networks.NETWORKS, "batch_normed", cases.batch_normed)
    network = networks.restore(cases.fresh_model("batch_normed"), cases.CPU).double()
    network.train()
    return FlatNetwork(network)


@pytest.fixture
def samples() -> tuple[Tensor, Tensor]:
    images, labels = tensors.labelled(cases.digits(23), cases.CPU)
    return images.double(), labels


def slow_rows(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """(N, P) one sample at a time by ordinary backward passes."""
    rows = []
    for image, label in zip(images, labels, strict=True):
        network.zero_grad()
        functional.cross_entropy(network(image[None]), label[None]).backward()
        rows.append(torch.cat([value.grad.flatten() for value in network.parameters() if value.grad is not None]))
    return torch.stack(rows)


def direction(model: FlatNetwork) -> Tensor:
    draw = torch.Generator().manual_seed(5)
    return torch.randn(model.theta.shape, generator=draw, dtype=model.theta.dtype)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_rows_are_each_samples_own_gradient(model: FlatNetwork, samples: tuple[Tensor, Tensor]) -> None:
    close(gradients.matrix(model, *samples), slow_rows(model.network, *samples))


def test_dots_are_the_rows_times_the_direction(model: FlatNetwork, samples: tuple[Tensor, Tensor]) -> None:
    """T5: one forward-mode pass for all."""
    rows = slow_rows(model.network, *samples)
    close(gradients.dots(model, *samples, direction(model)), rows @ direction(model))


def test_mean_is_the_mean_of_the_rows(model: FlatNetwork, samples: tuple[Tensor, Tensor]) -> None:
    close(gradients.mean(model, *samples), slow_rows(model.network, *samples).mean(0))


def test_fisher_squares_single_samples_and_not_their_mean(model: FlatNetwork, samples: tuple[Tensor, Tensor]) -> None:
    rows = slow_rows(model.network, *samples)
    found = gradients.fisher_diagonal(model, *samples)
    close(found, rows.square().mean(0))
    assert float((found - rows.mean(0).square()).abs().max()) > 0.1 * float(found.max())


WHOLE: dict[str, Callable[[FlatNetwork, Tensor, Tensor], Tensor]] = {
    "matrix": gradients.matrix,
    "mean": gradients.mean,
    "fisher_diagonal": gradients.fisher_diagonal,
    "dots": lambda model, images, labels: gradients.dots(model, images, labels, direction(model)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_chunks_change_nothing(
    name: str, model: FlatNetwork, samples: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = WHOLE[name](model, *samples)
    monkeypatch.setattr(gradients, "BATCH", 5)
    close(WHOLE[name](model, *samples), whole)


def test_chunks_of_single_samples_stay_within_the_memory(
    model: FlatNetwork, samples: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradients, "CHUNK_BYTES", 4 * 8 * model.theta.numel() + 7)
    assert [len(chunk) for chunk in gradients.per_sample(model, *samples)] == [4, 4, 4, 4, 4, 3]
    monkeypatch.setattr(gradients, "CHUNK_BYTES", 1)
    assert {len(chunk) for chunk in gradients.per_sample(model, *samples)} == {1}


def test_batch_norm_keeps_its_statistics(model: FlatNetwork, samples: tuple[Tensor, Tensor]) -> None:
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    for whole in WHOLE.values():
        whole(model, *samples)
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_dropout_is_off() -> None:
    """A network that draws in train mode gives the same gradients twice."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    draw = np.random.default_rng(0)
    images = torch.tensor(draw.random((6, 1, 2, 2), dtype=np.float32))
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    model = FlatNetwork(network)
    assert torch.equal(gradients.matrix(model, images, labels), gradients.matrix(model, images, labels))
    assert torch.equal(gradients.mean(model, images, labels), gradients.mean(model, images, labels))
