"""A step of Adam: what it moves and by how much; on CUDA, that a recorded step is the step."""

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from bir_core import stepping
from bir_core.models import networks
from bir_core.models.foreign import Foreign
from bir_core.numerics import losses
from bir_core.stepping import WARM_UP, Replayed, Step

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def linear(seed: int = 0) -> nn.Linear:
    network = nn.Linear(3, 4)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network


def step_of(network: nn.Module, *, learning_rate: float = 0.1, clip_norm: float | None = None) -> Step:
    learning = tuple(network.parameters())
    return Step(
        network=network,
        learning=learning,
        optimizer=stepping.adam(learning, learning_rate),
        loss=losses.soft_cross_entropy,
        clip_norm=clip_norm,
    )


def batch_of(num: int, shape: tuple[int, ...] = (3,), classes: int = 4, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(num, *shape, generator=generator), torch.rand(num, classes, generator=generator).softmax(1)


def test_the_first_step_of_adam_is_the_sign_of_the_gradient_times_the_learning_rate() -> None:
    network, (batch, targets) = linear(), batch_of(5)
    before = network.weight.detach().clone()
    logits = network(batch).detach()
    gradient = (logits.softmax(1) - targets).T @ batch / 5
    loss, found = step_of(network)(batch, targets)
    torch.testing.assert_close(network.weight.detach(), before - 0.1 * gradient.sign(), rtol=0, atol=1e-5)
    assert torch.equal(found, logits)
    assert float(loss) == pytest.approx(float(-(targets * logits.log_softmax(1)).sum(1).mean()), rel=1e-6)


def test_a_penalty_is_lowered_and_counted() -> None:
    network, (batch, targets) = linear(), batch_of(5)
    plain = float(step_of(linear())(batch, targets)[0])
    learning = tuple(network.parameters())
    step = Step(
        network=network,
        learning=learning,
        optimizer=stepping.adam(learning, 0.1),
        loss=losses.soft_cross_entropy,
        penalty=lambda parameters: 1e6 * parameters[1].sum(),
    )
    bias = network.bias.detach().clone()
    loss, _ = step(batch, targets)
    assert float(loss) == pytest.approx(plain + 1e6 * float(bias.sum()), rel=1e-6)
    torch.testing.assert_close(network.bias.detach(), bias - 0.1)


def test_a_gradient_is_cut_to_its_longest() -> None:
    network, (batch, targets) = linear(), batch_of(5)
    step_of(network, clip_norm=1e-3)(batch, targets)
    total = sum(
        float(parameter.grad.square().sum()) for parameter in network.parameters() if parameter.grad is not None
    )
    assert total**0.5 == pytest.approx(1e-3, rel=1e-3)


def test_on_the_cpu_steps_are_taken_as_they_are() -> None:
    network = linear()
    step = step_of(network)
    assert stepping.fastest(step, network) is step


# ---------------------------------------------------------------- CUDA


def resnet(device: str = "cuda") -> nn.Sequential:
    like = networks.describe("resnet20", (3, 32, 32), 10)
    return networks.fresh(like, torch.Generator().manual_seed(0)).to(device)


def trained(*, replayed: bool, sizes: tuple[int, ...]) -> tuple[nn.Sequential, list[float], list[Tensor]]:
    network = resnet().train()
    direct = step_of(network, learning_rate=1e-3)
    step = Replayed(step=direct) if replayed else direct
    found, logits = [], []
    for number, size in enumerate(sizes):
        batch, targets = batch_of(size, (3, 32, 32), 10, seed=number)
        loss, said = step(batch.cuda(), targets.cuda())
        found.append(float(loss))
        logits.append(said.clone())
    return network, found, logits


@needs_cuda
def test_a_recorded_step_is_the_step() -> None:
    sizes = (16,) * (WARM_UP + 6) + (7,) + (16,) * 4
    torch.use_deterministic_algorithms(True)
    one, losses_of_one, logits_of_one = trained(replayed=False, sizes=sizes)
    other, losses_of_other, logits_of_other = trained(replayed=True, sizes=sizes)
    assert losses_of_other == pytest.approx(losses_of_one, rel=1e-3)
    for said, again in zip(logits_of_one, logits_of_other, strict=True):
        assert said.shape == again.shape
        torch.testing.assert_close(again, said, rtol=0.02, atol=0.02)
    counts = [
        {name: int(value) for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
        for network in (one, other)
    ]
    assert counts[0] == counts[1]
    assert set(counts[0].values()) == {len(sizes)}


@needs_cuda
def test_recorded_steps_repeat_bit_for_bit() -> None:
    torch.use_deterministic_algorithms(True)
    one, losses_of_one, _ = trained(replayed=True, sizes=(16,) * 12)
    other, losses_of_other, _ = trained(replayed=True, sizes=(16,) * 12)
    assert losses_of_one == losses_of_other
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@needs_cuda
def test_networks_from_elsewhere_are_never_recorded() -> None:
    network = linear().cuda()
    step = step_of(network)
    assert isinstance(stepping.fastest(step, network), Replayed)
    assert stepping.fastest(step, Foreign(OrderedDict(whole=network))) is step


def test_denormal_numbers_are_zero_within_and_are_back_afterwards() -> None:
    smallest = torch.tensor([torch.finfo(torch.float32).tiny])
    with stepping.without_denormals():
        assert float(smallest / 2) == 0
    assert float(smallest / 2) > 0
