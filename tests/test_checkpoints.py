"""Weights that somebody gives: usual wrappings are taken off, and what does not fit is listed."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bir_core import base, checkpoints, config, pretrained
from bir_core.base_config import BaseConfig
from bir_core.errors import InputError
from bir_core.model_records import TrainedModel
from bir_core.models import networks
from bir_core.records import LabelledImages
from tests import cases, tiny_networks

RESNET = "factory:tests.tiny_networks:resnet"
Weights = dict[str, Tensor]


@pytest.fixture
def given() -> Weights:
    """The weights of a tiny ResNet, by its own names."""
    return {name: torch.tensor(value) for name, value in tiny_networks.stirred("resnet").tensors.items()}


def data(num: int = 10, num_classes: int = tiny_networks.NUM_CLASSES) -> LabelledImages:
    numbers = np.arange(num, dtype=np.int64)
    images = np.random.default_rng(0).random((num, *tiny_networks.SHAPE), dtype=np.float32)
    return LabelledImages(images=images, labels=numbers % num_classes, ids=numbers)


def take(path: Path, num_classes: int = tiny_networks.NUM_CLASSES, **more: object) -> TrainedModel:
    values = {"network": RESNET, "preset": "trained", "start": str(path), "card": tiny_networks.CARD, **more}
    settings = BaseConfig.model_validate(values)
    return base.base_model(data(), data(), num_classes, settings, seed=0, device=cases.CPU)


def prefixed(prefix: str) -> Callable[[Weights], object]:
    return lambda weights: {prefix + name: value for name, value in weights.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {"model_state_dict": weights, "optimizer": {"lr": 0.1}},
        lambda weights: {"model": weights},
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("backbone."),
        lambda weights: {"state_dict": prefixed("module.model.")(weights)},
    ],
)
def test_usual_wrappings_come_off(given: Weights, wrap: Callable[[Weights], object], tmp_path: Path) -> None:
    torch.save(wrap(given), tmp_path / "a.pt")
    found = take(tmp_path / "a.pt")
    assert (found.kept_epoch, found.epochs, found.margins) == (0, (), None)
    assert found.start.startswith("a file: a.pt, sha256 ")
    assert found.state.tensors.keys() == given.keys()
    assert all(np.array_equal(value, given[name].numpy()) for name, value in found.state.tensors.items())


def test_a_prefix_that_the_network_has_itself_stays(tmp_path: Path) -> None:
    network = torch.nn.Sequential()
    network.add_module("model", torch.nn.Linear(2, 3))
    weights = {"model.weight": torch.ones(3, 2), "model.bias": torch.ones(3)}
    assert checkpoints.fill(network, weights, tmp_path, fresh_head=False) == ""
    assert torch.equal(network.get_parameter("model.weight"), torch.ones(3, 2))


def test_a_prefix_of_some_names_alone_is_none(given: Weights, tmp_path: Path) -> None:
    half = {f"backbone.{name}" if name.startswith("layer") else name: value for name, value in given.items()}
    torch.save(half, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"missing: layer1.*unexpected: backbone.layer1"):
        take(tmp_path / "a.pt")


def test_half_precision_becomes_single(given: Weights, tmp_path: Path) -> None:
    half = {name: value.half() if value.is_floating_point() else value for name, value in given.items()}
    save_file(half, tmp_path / "a.safetensors")
    found = take(tmp_path / "a.safetensors").state.tensors["fc.weight"]
    assert found.dtype == np.float32
    assert np.array_equal(found, half["fc.weight"].float().numpy())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(given: Weights, value: float, tmp_path: Path) -> None:
    given["layer2.0.conv1.weight"][0, 0, 0, 0] = value
    torch.save(given, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"NaN or infinite values in layer2.0.conv1.weight: .*an earlier epoch"):
        take(tmp_path / "a.pt")


def test_every_misfit_is_listed_up_to_ten(given: Weights, tmp_path: Path) -> None:
    other = tiny_networks.stirred("mobilenet").tensors
    wrong = {**{name: torch.tensor(value) for name, value in other.items()}, "conv1.weight": torch.zeros(2, 3)}
    torch.save(wrong, tmp_path / "a.pt")
    with pytest.raises(InputError) as caught:
        take(tmp_path / "a.pt")
    text = str(caught.value)
    missing = [name for name in given if name not in wrong and not name.endswith("num_batches_tracked")]
    assert f"{len(missing)} missing: {', '.join(missing[:10])} and {len(missing) - 10} more;" in text
    assert f"{len(other)} unexpected: features.0.0.weight, " in text
    assert "1 of another shape: conv1.weight (2 x 3 instead of 64 x 3 x 7 x 7)" in text
    assert text.endswith("choose the network they are for")


def test_a_head_for_other_classes_is_refused_where_nothing_is_trained(given: Weights, tmp_path: Path) -> None:
    given["fc.weight"], given["fc.bias"] = torch.zeros(7, 512), torch.zeros(7)
    torch.save(given, tmp_path / "a.pt")
    with pytest.raises(InputError, match="the checkpoint has 7 outputs, the images 5 classes"):
        take(tmp_path / "a.pt")
    network = networks.fresh(tiny_networks.describe("resnet"), torch.Generator().manual_seed(0))
    said = pretrained.begin(network, str(tmp_path / "a.pt"))
    assert said.endswith(", last layer fresh (the checkpoint has 7 outputs, the images 5 classes)")
    assert torch.equal(network.state_dict()["stem.conv1.weight"], given["conv1.weight"])


class _Writes:
    """What a pickle can do to whoever loads it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo owned > {self.target}",)


@pytest.mark.parametrize("name", ["a.pt", "a.pth"])
def test_a_file_that_would_run_code_is_refused_by_name_and_runs_nothing(
    given: Weights, name: str, tmp_path: Path
) -> None:
    target = tmp_path / "owned"
    torch.save({"state_dict": given, "extra": _Writes(target)}, tmp_path / name)
    with pytest.raises(InputError, match=rf"{name}: .* would run (posix|nt)\.system, which is refused"):
        take(tmp_path / name)
    assert not target.exists()
    torch.load(tmp_path / name, weights_only=False)  # the file is armed: whoever trusts it is hit
    assert target.exists()


def test_given_weights_are_the_base_and_training_anew_begins_from_scratch(given: Weights, tmp_path: Path) -> None:
    torch.save(given, tmp_path / "a.pt")
    settings = BaseConfig.model_validate(
        {"network": RESNET, "preset": "trained", "start": str(tmp_path / "a.pt"), "card": tiny_networks.CARD}
    )
    settings = settings.model_copy(update={"max_epochs": 1, "learning_rate": 1e-9})
    anew = base.train_base(data(), data(), 5, settings, seed=0, device=cases.CPU)
    assert (anew.start, len(anew.epochs)) == ("scratch", 1)
    assert not np.allclose(anew.state.tensors["conv1.weight"], given["conv1.weight"].numpy(), atol=1e-3)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"preset": "trained"}, "preset \"trained\" takes the weights of a file: name it in start, got 'scratch'"),
        ({"network": "torch:resnet18"}, "networks come from torchvision, timm, factory, export, got 'torch:resnet18'"),
        ({"network": "torchvision:../x"}, r"expected the form torchvision:resnet18, got 'torchvision:\.\./x'"),
        ({"network": "timm:hf-hub:me/evil"}, "expected the form timm:resnet18"),
        ({"network": "factory:os.system"}, "expected the form factory:mypackage.models:build"),
        ({"network": "export:model.pt"}, r"expected the form export:FILE\.pt2"),
        ({"network": "export:m.pt2"}, "cannot be trained from the start: choose preset \"trained\".*'early_stop'"),
        ({"groups": {"a": ["layer1"]}}, "groups are for networks from elsewhere; those of lenet are built in"),
        ({"network": "torchvision:resnet18", "groups": {"1": ["fc"]}}, "a letter first, got '1'"),
        ({"card": {"mean": [0.5, 0.5, 0.5]}}, "lenet takes pixels in .* normalises them itself"),
    ],
)
def test_a_base_that_cannot_be_is_refused(values: Mapping[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        config.parse({"base": values}, origin="my.toml")


def test_cards_and_groups_survive_a_config_and_unused_ones_leave_no_trace(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        '[base]\nnetwork = "torchvision:resnet18"\n[base.card]\nsize = [32, 32]\n'
        '[base.groups]\nbody = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]\nhead = ["fc"]\n'
    )
    loaded = config.load(tmp_path / "a.toml")
    assert loaded.base.layer_groups[1] == ("head", ("fc",))
    assert loaded.base.wanted_card == loaded.base.card
    assert config.parse(loaded.model_dump(), origin="x") == loaded
    assert config.parse(json.loads(loaded.model_dump_json()), origin="x") == loaded
    assert not {"card", "groups"} & BaseConfig().model_dump().keys()
    assert BaseConfig().wanted_card is None
    usual = BaseConfig(network="torchvision:resnet18").wanted_card
    assert usual is not None
    assert (usual.image_shape, usual.resize, usual.mean) == ((3, 224, 224), 256, (0.485, 0.456, 0.406))


def test_a_factory_comes_from_a_config_file_and_never_from_a_browser(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f'[base]\nnetwork = "{RESNET}"\n')
    assert config.load(tmp_path / "a.toml").base.network == RESNET
    with pytest.raises(InputError, match=r"new run: base.network .* runs code, which only a config file may ask for"):
        config.parse_form({"base": {"network": RESNET}}, origin="new run")
    assert config.parse_form({"base": {"network": "torchvision:resnet18"}}, origin="x").base.preset == "early_stop"
