"""timm's own smallest models, as our networks: nothing is downloaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch

from bir_core import base, config, enhancement, inspection, scoring
from bir_core.card import Card
from bir_core.config import EnhanceConfig
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import grouping, layers, networks
from bir_core.records import LabelledImages
from tests import cases, own_images

SIDE, NUM_CLASSES = 32, 3
CARD = Card(size=(SIDE, SIDE), mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))
NAMES = ("test_resnet", "test_efficientnet", "test_convnext", "test_byobnet", "test_vit")


def drawn(name: str) -> ModelState:
    like = networks.describe(f"timm:{name}", (3, SIDE, SIDE), NUM_CLASSES, card=CARD)
    return networks.capture(networks.fresh(like, torch.Generator().manual_seed(0)), like)


def samples(num: int) -> LabelledImages:
    images = np.random.default_rng(0).random((num, 3, SIDE, SIDE), dtype=np.float32)
    numbers = np.arange(num, dtype=np.int64)
    return LabelledImages(images=images, labels=numbers % NUM_CLASSES, ids=numbers)


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_those_of_timm(name: str) -> None:
    state = drawn(name)
    size: dict[str, Any] = {"img_size": SIDE} if name == "test_vit" else {}
    own = timm.create_model(name, pretrained=False, num_classes=NUM_CLASSES, **size).eval()
    own.load_state_dict({key: torch.tensor(value) for key, value in state.tensors.items()})
    images = torch.tensor(samples(4).images)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (CARD.mean, CARD.std))
    with torch.no_grad():
        expected = own((images - mean) / std)
        found = networks.restore(state, cases.CPU).eval()(images)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_that_was_trained_with_timm_is_taken(tmp_path: Path) -> None:
    own = timm.create_model("test_vit", pretrained=False, num_classes=NUM_CLASSES, img_size=SIDE).eval()
    torch.save({"state_dict": {f"module.{key}": value for key, value in own.state_dict().items()}}, tmp_path / "vit.pt")
    card = {"size": [SIDE, SIDE]}
    values = {"network": "timm:test_vit", "start": str(tmp_path / "vit.pt"), "preset": "trained", "card": card}
    run = config.parse({"name": "trained", "base": values}, origin="test")
    _, network, start = base.begin(run.base, (3, SIDE, SIDE), NUM_CLASSES, seed=0)
    images = torch.tensor(samples(4).images)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), own(images), rtol=1e-5, atol=1e-6)
    assert start.startswith("a file")


@pytest.mark.parametrize("name", NAMES)
def test_the_head_alone_is_enhanced_and_scores_follow(name: str) -> None:
    before, data = drawn(name), samples(24)
    network = networks.restore(before, cases.CPU)
    assert 5 <= len(layers.names(network)) <= 6
    tuning = EnhanceConfig(max_epochs=2, learning_rate=1e-2)
    after = enhancement.enhance(before, data, layers.names(network)[-1:], tuning, seed=0, device=cases.CPU).state
    inside = dict(after.groups)[layers.names(network)[-1]]
    for key, value in after.tensors.items():
        if not key.startswith(inside):
            assert np.array_equal(value, before.tensors[key]), key
    assert np.abs(scoring.score(before, after, data, device=cases.CPU).score).max() > 0


@pytest.mark.parametrize("size", [(3, 32, 48), (1, 64, 64)])
def test_a_transformer_takes_the_size_and_the_channels_of_the_images(size: tuple[int, int, int]) -> None:
    like = networks.describe("timm:test_vit", size, NUM_CLASSES)
    network = networks.fresh(like, torch.Generator().manual_seed(0)).eval()
    assert network(torch.zeros(2, *size)).shape == (2, NUM_CLASSES)


@pytest.mark.parametrize(("name", "stages"), [("fastvit_t8", 4), ("levit_128s", 3), ("xception41", 4), ("resnet18", 4)])
def test_a_stem_of_several_layers_is_no_stage(name: str, stages: int) -> None:
    """Of the first three, stem and body are a row of layers each."""
    with torch.device("meta"):
        groups = grouping.derive(timm.create_model(name, pretrained=False))
    names = [group for group, _ in groups]
    assert (names[0], names[-1], len(names)) == ("stem", "head", stages + 2)


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"timm has no model 'resnet19': did you mean .*resnet18"):
        drawn("resnet19")


OTHERWISE = "timm's own test_vit is trained with mean [0.5, 0.5, 0.5] and std [0.5, 0.5, 0.5], and this run takes"


@pytest.mark.parametrize(
    ("name", "of_a_file", "card", "doubt"),
    [
        ("test_vit", True, None, OTHERWISE),
        ("test_vit", False, None, ""),
        ("test_vit", True, {"size": [224, 224], "mean": [0.4] * 3, "std": [0.2] * 3}, ""),
        ("resnet18", True, None, ""),
    ],
)
def test_weights_that_may_have_seen_other_pixels_are_doubted(
    name: str, of_a_file: bool, card: dict[str, Any] | None, doubt: str, tmp_path: Path
) -> None:
    images = own_images.imported("digits", own_images.write_folder(tmp_path / "digits", range(60)))
    values: dict[str, Any] = {"network": f"timm:{name}", "card": card}
    if of_a_file:
        size: dict[str, Any] = {"img_size": 224} if name == "test_vit" else {}
        own = timm.create_model(name, pretrained=False, num_classes=len(images.class_names), **size)
        torch.save(own.state_dict(), tmp_path / "own.pt")
        values["start"] = str(tmp_path / "own.pt")
    run = {"name": "timm", "data": {"source": "own", "images": "digits"}, "base": values}
    found = inspection.inspect(config.parse(run, origin="test"))
    assert found.doubt.startswith(doubt)
    assert bool(doubt) == bool(found.doubt)
