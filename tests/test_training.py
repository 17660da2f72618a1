import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bir_core import training
from bir_core.errors import StageFailed
from bir_core.model_records import ModelState
from bir_core.models import layers, networks
from bir_core.numerics import losses
from bir_core.training import Schedule
from tests import cases

SCHEDULE = Schedule(learning_rate=1e-3, batch_size=16, max_epochs=3, patience=None)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tensors(num: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    samples = cases.digits(num)
    labels = torch.tensor(samples.labels)
    return torch.tensor(samples.images), losses.one_hot(labels, 10), labels


@pytest.fixture
def batch_normed(monkeypatch: pytest.MonkeyPatch) -> nn.Sequential:
    monkeypatch.setitem(networks.NETWORKS, "batch_normed", cases.batch_normed)
    network = networks.restore(cases.fresh_model("batch_normed"), cases.CPU)
    inputs, targets, labels = tensors()
    training.fit(network, inputs, targets, (inputs, labels), schedule=SCHEDULE, generator=generator())
    return network


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("chosen", [("layer1",), ("layer2",), ("layer3",), ("layer1", "layer2")])
def test_fine_tune_moves_the_chosen_layers_and_nothing_else(
    batch_normed: nn.Sequential, chosen: tuple[str, ...]
) -> None:
    inputs, targets, _ = tensors()
    before = snapshot(batch_normed)
    training.fine_tune(batch_normed, chosen, inputs, targets, schedule=SCHEDULE, generator=generator())
    for name, value in batch_normed.state_dict().items():
        is_statistic = "running" in name or "num_batches" in name
        should_stay = name.split(".")[0] not in chosen or is_statistic
        assert torch.equal(value, before[name]) == should_stay, name


def test_fine_tune_leaves_the_statistics_of_a_resnet_alone() -> None:
    network = networks.build("resnet20", (1, 8, 8), 10, generator())
    inputs, targets = torch.rand(20, 1, 8, 8, generator=generator()), torch.eye(10).repeat(2, 1)
    before = snapshot(network)
    training.fine_tune(network, ("layer4",), inputs, targets, schedule=SCHEDULE, generator=generator())
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name, _ in network.named_parameters() if name.startswith("layer4")}


@pytest.mark.parametrize("name", ["batch_normed", "resnet20", "conv4"])
def test_without_a_cache_the_same_weights_come_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Bit for bit: convolutions round alike whatever the batch."""
    monkeypatch.setitem(networks.NETWORKS, "batch_normed", cases.batch_normed)
    inputs, targets, _ = tensors(64)
    found = []
    for limit in (1 << 30, 0):
        monkeypatch.setattr(training, "LARGEST_CACHE", limit)
        network = networks.restore(cases.fresh_model(name), cases.CPU)
        training.fine_tune(network, ("layer3",), inputs, targets, schedule=SCHEDULE, generator=generator())
        found.append(network.state_dict())
    for key, value in found[0].items():
        assert torch.equal(value, found[1][key]), key


def test_fit_learns_batch_norm_statistics(batch_normed: nn.Sequential) -> None:
    """The negative control of the test above: a whole training does move the buffers."""
    fresh = networks.restore(cases.fresh_model("batch_normed"), cases.CPU)
    assert not torch.equal(
        fresh.state_dict()["layer1.1.running_mean"], batch_normed.state_dict()["layer1.1.running_mean"]
    )


def test_a_lone_last_sample_joins_the_batch_before_it_where_batch_norm_learns() -> None:
    """65 samples in batches of 16, with maps of one pixel; Adam by hand over three batches of 16 and one of 17."""

    def one_pixel() -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 6, 16), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(6, 10))

    network, plain = one_pixel(), one_pixel()
    inputs, targets, labels = tensors(65)
    schedule = replace(SCHEDULE, max_epochs=1)
    training.fit(network, inputs, targets, (inputs, labels), schedule=schedule, generator=generator(3))

    optimizer = torch.optim.Adam(plain.parameters(), lr=schedule.learning_rate)
    for batch in torch.randperm(65, generator=generator(3)).split([16, 16, 16, 17]):
        optimizer.zero_grad()
        nn.functional.cross_entropy(plain(inputs[batch]), targets[batch]).backward()
        optimizer.step()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    assert int(network.state_dict()["1.num_batches_tracked"]) == 4


def test_without_learning_batch_norm_a_lone_last_sample_goes_alone(batch_normed: nn.Sequential) -> None:
    """Other networks, and batch norm that keeps its statistics, take the steps that they always took."""
    order = torch.arange(33)
    for network in (networks.restore(cases.fresh_model(), cases.CPU).train(), batch_normed.eval()):
        assert [len(batch) for batch in training._batches(order, 16, network)] == [16, 16, 1]
    assert [len(batch) for batch in training._batches(order, 16, batch_normed.train())] == [16, 17]
    assert [len(batch) for batch in training._batches(order[:1], 16, batch_normed.train())] == [1]


@pytest.mark.parametrize("label", ["2", "4", "5", "1-3"])
def test_shared_prefix_equals_the_plain_computation(label: str) -> None:
    """In float64, Adam by hand over the whole network, every step through every layer."""
    state = cases.fresh_model()
    quick, plain = (networks.restore(state, cases.CPU).double() for _ in range(2))
    chosen = layers.parse(label, layers.names(quick))
    inputs, targets, _ = (value.double() for value in tensors())
    training.fine_tune(quick, chosen, inputs, targets, schedule=SCHEDULE, generator=generator(3))

    optimizer = torch.optim.Adam(layers.parameters(plain, chosen), lr=SCHEDULE.learning_rate)
    shuffle = generator(3)
    for _ in range(SCHEDULE.max_epochs):
        for batch in torch.randperm(len(inputs), generator=shuffle).split(SCHEDULE.batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(plain(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(quick.state_dict()[name], value, rtol=1e-9, atol=1e-11)


def test_another_loss_and_short_gradients_equal_the_plain_computation() -> None:
    def away(logits: Tensor, targets: Tensor) -> Tensor:
        return losses.signed_cross_entropy(logits, -targets)

    schedule = replace(SCHEDULE, clip_norm=0.005)
    state = cases.fresh_model()
    quick, plain, unclipped = (networks.restore(state, cases.CPU).double() for _ in range(3))
    inputs, targets, _ = (value.double() for value in tensors())
    chosen = ("layer4", "layer5")
    log = training.fine_tune(quick, chosen, inputs, targets, schedule=schedule, generator=generator(3), loss=away)
    training.fine_tune(unclipped, chosen, inputs, targets, schedule=SCHEDULE, generator=generator(3), loss=away)

    learning = layers.parameters(plain, chosen)
    optimizer = torch.optim.Adam(learning, lr=schedule.learning_rate)
    shuffle = generator(3)
    for epoch in range(schedule.max_epochs):
        for batch in torch.randperm(len(inputs), generator=shuffle).split(schedule.batch_size):
            optimizer.zero_grad()
            away(plain(inputs[batch]), targets[batch]).backward()
            nn.utils.clip_grad_norm_(learning, 0.005)
            optimizer.step()
        assert log.epochs[epoch].loss == pytest.approx(float(away(plain(inputs), targets).detach()), rel=1e-9)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(quick.state_dict()[name], value, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(unclipped.state_dict()["layer5.0.weight"], plain.state_dict()["layer5.0.weight"])


def test_same_seed_same_bits_and_another_seed_other_bits() -> None:
    def run(seed: int) -> dict[str, Tensor]:
        network = networks.restore(cases.fresh_model(), cases.CPU)
        inputs, targets, labels = tensors()
        training.fit(network, inputs, targets, (inputs, labels), schedule=SCHEDULE, generator=generator(seed))
        return snapshot(network)

    first, again, other = run(1), run(1), run(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_early_stop_keeps_the_epoch_of_the_lowest_validation_loss() -> None:
    network = networks.restore(cases.fresh_model(), cases.CPU)
    inputs, targets, labels = tensors()
    wrong = (inputs, (labels + 1) % 10)
    schedule = Schedule(learning_rate=1e-2, batch_size=16, max_epochs=30, patience=2)
    outcome = training.fit(network, inputs, targets, wrong, schedule=schedule, generator=generator())
    validation = [epoch.validation_loss or 0.0 for epoch in outcome.epochs]
    assert outcome.kept_epoch == 1 + int(np.argmin(validation))
    assert len(validation) == outcome.kept_epoch + 2 < 30
    kept = float(losses.per_sample_cross_entropy(network(wrong[0]).detach(), wrong[1]).mean())
    assert kept == pytest.approx(min(validation), rel=1e-6)


def test_patience_counts_epochs_without_a_lower_loss() -> None:
    watch = training._Watch(patience=2)
    ended = []
    for loss in (3.0, 2.0, 2.0, 2.5):
        watch.improved(loss)
        ended.append(watch.ended)
    assert ended == [False, False, False, True]
    assert watch.best_epoch == 2


def test_denormal_numbers_are_zero_in_every_step() -> None:
    smallest, seen = torch.tensor([torch.finfo(torch.float32).tiny]), set[float]()

    def watched(logits: Tensor, targets: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            seen.add(float(smallest / 2))
        return losses.soft_cross_entropy(logits, targets)

    network = networks.restore(cases.fresh_model(), cases.CPU)
    inputs, targets, _ = tensors()
    training.fine_tune(network, ("layer5",), inputs, targets, schedule=SCHEDULE, generator=generator(), loss=watched)
    assert seen == {0.0}
    assert float(smallest / 2) > 0


def test_nan_loss_is_refused_by_name() -> None:
    network = networks.restore(cases.fresh_model(), cases.CPU)
    inputs, targets, _ = tensors()
    inputs[0] = math.nan
    with pytest.raises(StageFailed, match=r"loss became nan in epoch 1: lower the learning rate \(now 0.001\)"):
        training.fine_tune(network, ("layer1",), inputs, targets, schedule=SCHEDULE, generator=generator())


def test_restored_models_do_not_share_memory_with_their_record() -> None:
    state: ModelState = cases.fresh_model()
    before = {name: value.copy() for name, value in state.tensors.items()}
    network = networks.restore(state, cases.CPU)
    inputs, targets, _ = tensors()
    training.fine_tune(network, layers.names(network), inputs, targets, schedule=SCHEDULE, generator=generator())
    assert all(np.array_equal(before[name], state.tensors[name]) for name in before)
