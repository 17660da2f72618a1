import numpy as np
import pytest
import torch

from bir_core import base, enhancement, training
from bir_core.base_config import BaseConfig
from bir_core.config import EnhanceConfig
from bir_core.errors import InputError
from bir_core.model_records import LayerChoice, ModelState
from bir_core.models import networks
from bir_core.numerics import losses
from tests import cases

RESERVED = cases.digits(40, seed=1)


@pytest.fixture(scope="module")
def trained() -> ModelState:
    samples = cases.digits(120)
    config = BaseConfig(preset="memorised", memorised_epochs=3)
    return base.train_base(samples, samples, 10, config, seed=0, device=cases.CPU).state


@pytest.fixture(scope="module")
def choice(trained: ModelState) -> LayerChoice:
    return enhancement.choose_layers(trained, RESERVED, EnhanceConfig(), seed=0, device=cases.CPU)


def test_the_whole_table_is_kept_and_its_lowest_loss_chosen(choice: LayerChoice) -> None:
    assert [row.label for row in choice.candidates] == ["1", "2", "3", "4", "5", "1-2", "1-3", "1-5"]
    best = min(choice.candidates, key=lambda row: row.loss)
    assert (choice.label, choice.layers, choice.chosen_by) == (best.label, best.layers, "engine")


def test_each_loss_is_that_of_one_plain_epoch(trained: ModelState, choice: LayerChoice) -> None:
    """Every candidate again, alone and on the raw images: no features shared between candidates."""
    for row in choice.candidates:
        alone = enhancement.enhance(
            trained, RESERVED, row.layers, EnhanceConfig(max_epochs=1), seed=0, device=cases.CPU
        )
        network = networks.restore(alone.state, cases.CPU).eval()
        targets = losses.one_hot(torch.tensor(RESERVED.labels), 10)
        plain = training.mean_loss(network, torch.tensor(RESERVED.images), targets)
        assert row.loss == pytest.approx(plain, rel=1e-4), row.label


def test_the_base_model_is_not_changed(trained: ModelState) -> None:
    before = {name: value.copy() for name, value in trained.tensors.items()}
    enhancement.choose_layers(trained, RESERVED, EnhanceConfig(), seed=0, device=cases.CPU)
    enhancement.enhance(trained, RESERVED, ("layer1",), EnhanceConfig(max_epochs=2), seed=0, device=cases.CPU)
    assert all(np.array_equal(before[name], trained.tensors[name]) for name in before)


def test_only_the_chosen_layers_differ_from_the_base(trained: ModelState) -> None:
    layers = ("layer2", "layer3")
    after = enhancement.enhance(trained, RESERVED, layers, EnhanceConfig(max_epochs=2), seed=0, device=cases.CPU).state
    for name, value in after.tensors.items():
        assert np.array_equal(value, trained.tensors[name]) == (name.split(".")[0] not in layers), name


def test_enhancing_lowers_the_reserved_loss(trained: ModelState) -> None:
    outcome = enhancement.enhance(trained, RESERVED, ("layer5",), EnhanceConfig(), seed=0, device=cases.CPU)
    network = networks.restore(trained, cases.CPU).eval()
    targets = losses.one_hot(torch.tensor(RESERVED.labels), 10)
    before = training.mean_loss(network, torch.tensor(RESERVED.images), targets)
    assert outcome.epochs[-1].loss < before


def test_a_subset_fixed_by_the_config_is_taken_but_the_table_still_measured(trained: ModelState) -> None:
    choice = enhancement.choose_layers(trained, RESERVED, EnhanceConfig(layers="2"), seed=0, device=cases.CPU)
    assert (choice.label, choice.layers, choice.chosen_by) == ("2", ("layer2",), "config")
    assert len(choice.candidates) == 8


def test_a_subset_that_the_network_lacks_is_refused(trained: ModelState) -> None:
    with pytest.raises(InputError, match="'7' does not fit a network of layers 1 to 5"):
        enhancement.choose_layers(trained, RESERVED, EnhanceConfig(layers="7"), seed=0, device=cases.CPU)
