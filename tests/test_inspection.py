"""A network looked at before its run: the layers it will have, and what would stop it, in the run's own words."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from bir_core import base, config, inspection
from bir_core.config import RunConfig
from bir_core.data import sources
from bir_core.data_config import IMAGE_SHAPES, NUM_CLASSES, Source
from bir_core.errors import InputError
from bir_core.models import layers as layer_groups
from tests import own_images

HOME = Path(__file__).parents[1]


def wanted(**sections: dict[str, Any]) -> RunConfig:
    return config.parse({"name": "looked-at", **sections}, origin="test")


def layers(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bir_core", "layers", *words],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_lenet_has_its_layers_and_their_parameters() -> None:
    found = inspection.inspect(wanted())
    numbers = [layer.num_parameters for layer in found.layers]
    assert numbers == [6 * 25 + 6, 16 * 6 * 25 + 16, 120 * 400 + 120, 84 * 120 + 84, 10 * 84 + 10]
    assert (found.image_shape, found.num_classes, found.start) == ((1, 28, 28), 10, "scratch")
    assert found.candidates == ("1", "2", "3", "4", "5", "1-2", "1-3", "1-5")
    assert found.shares_prefix
    assert not any(layer.beginnings for layer in found.layers)


def test_every_data_set_by_name_has_the_shape_that_is_said() -> None:
    assert set(IMAGE_SHAPES) == set(get_args(Source))
    assert sources.load("mnist5k").training.images.shape[1:] == IMAGE_SHAPES["mnist5k"]


def parameter_names(run: RunConfig, image_shape: tuple[int, int, int], num_classes: int) -> Sequence[str]:
    _, network, _ = base.begin(run.base, image_shape, num_classes, seed=0)
    theirs: dict[str, str] = network.theirs  # type: ignore[assignment]
    return [theirs[name] for name, _ in network.named_parameters()]


@pytest.mark.parametrize(("network", "shares"), [("torchvision:resnet18", True), ("torchvision:vit_b_32", False)])
def test_the_groups_of_a_network_from_elsewhere_hold_every_parameter_once(
    network: str, shares: bool, tmp_path: Path
) -> None:
    own_images.imported("digits", own_images.write_folder(tmp_path / "digits", range(60)))
    run = wanted(
        data={"source": "own", "images": "digits"},
        base={"network": network, "card": {"channels": 3, "size": [32, 32]}},
    )
    found = inspection.inspect(run)
    assert (found.image_shape, found.num_classes, found.shares_prefix) == ((3, 32, 32), 10, shares)
    names = parameter_names(run, found.image_shape, found.num_classes)
    owners = [
        [
            layer.name
            for layer in found.layers
            if any(name == start or name.startswith(f"{start}.") for start in layer.beginnings)
        ]
        for name in names
    ]
    assert all(len(one) == 1 for one in owners)
    every = tuple(layer.name for layer in found.layers)
    assert layer_groups.parse(found.candidates[-1], every) == every


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"network": "torchvision:resnet18"},
            "the images are 1 x 28 x 28, and torchvision:resnet18 takes 3 x 224 x 224",
        ),
        ({"start": "/nowhere/mine.pt"}, "cannot read the weights /nowhere/mine.pt"),
    ],
)
def test_what_would_stop_the_run_is_said(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        inspection.inspect(wanted(base=values))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"network": "torchvision:resnet19"}, "torchvision has no classifier 'resnet19': did you mean resnet18"),
        ({"network": "torchvision:resnet18", "groups": {"head": ["fc"]}}, "base.groups: every parameter needs a group"),
    ],
)
def test_what_would_stop_a_run_of_own_images_is_said(values: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    own_images.imported("digits", own_images.write_folder(tmp_path / "digits", range(60)))
    card = {"card": {"channels": 3, "size": [32, 32]}}
    with pytest.raises(InputError) as error:
        inspection.inspect(wanted(data={"source": "own", "images": "digits"}, base=values | card))
    assert sentence in str(error.value)


def test_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[base]\nnetwork = "resnet20"\n[data]\nsource = "cifar10"\n')
    table = layers(str(file))
    assert table.returncode == 0, table.stderr
    assert "resnet20 for images of 3 x 32 x 32 and 10 classes, starts from scratch" in table.stdout
    told = json.loads(layers(str(file), "--json").stdout)
    for layer in told["layers"]:
        assert f"{layer['num_parameters']:,}" in table.stdout
    assert told["num_classes"] == NUM_CLASSES
    file.write_text('[base]\nstart = "/nowhere.pt"\n')
    wrong = layers(str(file), "--json")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("Error: cannot read the weights /nowhere.pt")
