"""Networks from elsewhere: what they are taken apart into, and that nothing about them changes by it."""

import ast
import inspect
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer

from bir_core import alignment, base_config, enhancement, scoring, storage, training
from bir_core.card import Card
from bir_core.config import EnhanceConfig
from bir_core.errors import InputError
from bir_core.exports import weights
from bir_core.model_records import ModelState, TrainedModel
from bir_core.models import foreign, grouping, layers, networks, origins, pixels
from bir_core.models.foreign import Foreign
from bir_core.numerics import losses
from bir_core.records import LabelledImages
from bir_core.training import Schedule
from tests import cases, tiny_networks

ALL = ("resnet", "group_normed", "mobilenet", "efficientnet", "convnext", "vit", "plain", "returns_table")
CHAINED = ("resnet", "group_normed", "mobilenet", "efficientnet", "convnext")
SCHEDULE = Schedule(learning_rate=1e-3, batch_size=8, max_epochs=1, patience=None)


def samples(num: int = 20) -> LabelledImages:
    draw = np.random.default_rng(0)
    images = draw.random((num, *tiny_networks.SHAPE), dtype=np.float32)
    numbers = np.arange(num, dtype=np.int64)
    return LabelledImages(images=images, labels=numbers % tiny_networks.NUM_CLASSES, ids=numbers)


def own(name: str, state: ModelState) -> nn.Module:
    """The network as its owner has it, with these weights."""
    module = getattr(tiny_networks, name)(num_classes=tiny_networks.NUM_CLASSES)
    module.load_state_dict({key: torch.tensor(value) for key, value in state.tensors.items()})
    return module.eval()


@pytest.mark.parametrize("name", ALL)
def test_tensors_keep_their_names_and_pixels_are_normalised_in_front(name: str) -> None:
    state = tiny_networks.stirred(name)
    images = torch.tensor(samples(4).images)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (tiny_networks.CARD.mean, tiny_networks.CARD.std))
    network = networks.restore(state, cases.CPU).eval()
    assert isinstance(network, Foreign)
    assert network.chained == (name in CHAINED)
    with torch.no_grad():
        expected = foreign.logits_of(own(name, state)((images - mean) / std), tiny_networks.NUM_CLASSES)
        torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-6)
        assert not torch.allclose(network(images[:1]), network(images[1:2]), atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_round_trips_are_exact(name: str, tmp_path: Path) -> None:
    state = tiny_networks.fresh(name)
    storage.save_model(tmp_path, "m", TrainedModel(state=state, epochs=(), kept_epoch=0))
    loaded = storage.load_model(tmp_path, "m").state
    assert (loaded.card, loaded.groups) == (state.card, state.groups)
    again = networks.capture(networks.restore(loaded, cases.CPU), loaded)
    assert again.tensors.keys() == state.tensors.keys()
    assert all(np.array_equal(value, again.tensors[key]) for key, value in state.tensors.items())
    assert again.facts() == state.facts()


def test_weights_hang_on_the_seed_alone_and_torchs_own_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (tiny_networks.fresh("resnet", seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(first.tensors["conv1.weight"], again.tensors["conv1.weight"])
    assert not np.array_equal(first.tensors["conv1.weight"], other.tensors["conv1.weight"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet", ["stem", "layer1", "layer2", "layer3", "layer4", "head"]),
        ("mobilenet", ["stem", "stage1", "stage2", "stage3", "stage4", "head"]),
        ("efficientnet", ["stem", "stage1", "stage2", "stage3", "stage4", "head"]),
        ("convnext", ["stem", "stage1", "stage2", "stage3", "head"]),
        ("vit", ["stem", "blocks1", "blocks2", "blocks3", "head"]),
        ("plain", ["stem", "stage1", "head"]),
    ],
)
def test_groups_follow_the_structure(name: str, expected: list[str]) -> None:
    network = networks.restore(tiny_networks.fresh(name), cases.CPU)
    assert list(layers.names(network)) == expected
    assert sum(size for _, size in layers.table(network)) == sum(value.numel() for value in network.parameters())
    assert all(size > 0 for _, size in layers.table(network))
    assert layers.candidate_labels(len(expected))[-1] == f"1-{len(expected)}"


def test_a_transformer_is_cut_into_thirds() -> None:
    network = VisionTransformer(16, 8, 7, 2, 16, 32, num_classes=5)
    groups = dict(grouping.derive(network))
    assert groups["stem"] == ("class_token", "conv_proj", "encoder.pos_embedding")
    assert [len(groups[f"blocks{at}"]) for at in (1, 2, 3)] == [2, 2, 3]
    assert groups["head"] == ("encoder.ln", "heads")


def test_a_wrapped_network_is_opened() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = tiny_networks.resnet(5)

    groups = grouping.derive(Wrapped())
    assert [name for name, _ in groups] == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    assert groups[-1] == ("head", ("backbone.fc",))


@pytest.mark.parametrize("name", ["skips", "zero_head"])
def test_a_zero_head_hides_no_difference_from_the_proof(name: str) -> None:
    network = networks.restore(tiny_networks.fresh(name), cases.CPU)
    assert isinstance(network, Foreign)
    assert not network.chained


def test_dropout_as_a_function_survives() -> None:
    network = networks.fresh(tiny_networks.describe("plain"), torch.Generator().manual_seed(0))
    images = torch.tensor(samples(4).images)
    assert not torch.equal(network.train()(images), network(images))
    assert torch.equal(network.eval()(images), network(images))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("at", [0, -1])
def test_training_chosen_layers_changes_only_these(name: str, at: int) -> None:
    state = tiny_networks.stirred(name)
    network = networks.restore(state, cases.CPU)
    chosen = layers.names(network)[at]
    data = samples()
    targets = losses.one_hot(torch.tensor(data.labels), tiny_networks.NUM_CLASSES)
    generator = torch.Generator().manual_seed(0)
    training.fine_tune(network, (chosen,), torch.tensor(data.images), targets, schedule=SCHEDULE, generator=generator)
    after = networks.capture(network, state)
    changed = {key for key, value in after.tensors.items() if not np.array_equal(value, state.tensors[key])}
    beginnings = dict(after.groups)[chosen]
    inside = {key for key in state.tensors if any(key == one or key.startswith(f"{one}.") for one in beginnings)}
    assert changed
    assert changed <= inside


@pytest.mark.parametrize("name", CHAINED)
def test_the_plain_path_gives_the_same_scores(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base, data = tiny_networks.stirred(name), samples()
    config = EnhanceConfig(max_epochs=2, learning_rate=1e-2)

    def scores(chained: bool) -> np.ndarray:
        network = networks.restore(base, cases.CPU)
        assert isinstance(network, Foreign)
        assert network.chained == chained
        head = layers.names(network)[-1:]
        after = enhancement.enhance(base, data, head, config, seed=0, device=cases.CPU).state
        return scoring.score(base, after, data, device=cases.CPU).score

    quick = scores(True)
    monkeypatch.setattr(foreign, "_chain", lambda *_: None)
    np.testing.assert_allclose(scores(False), quick, atol=1e-5)
    assert np.abs(quick).max() > 1e-3


@pytest.mark.parametrize("name", ALL)
def test_the_energy_goes_down_along_its_gradient(name: str) -> None:
    state = tiny_networks.stirred(name)
    found = alignment.align(state, samples(6), np.arange(6), eta=1e-3, clamp=False, device=cases.CPU)
    assert found.relative_step.min() > 0
    assert (found.energy_after <= found.energy_before + 1e-5).all()


@pytest.mark.parametrize("name", ["returns_tuple", "returns_table", "returns_object"])
def test_logits_are_found_in_what_a_network_returns(name: str) -> None:
    state = tiny_networks.fresh(name)
    images = torch.tensor(samples(3).images)
    with torch.no_grad():
        plain = replace(state, network="factory:tests.tiny_networks:plain")
        assert torch.equal(
            networks.restore(state, cases.CPU).eval()(images), networks.restore(plain, cases.CPU).eval()(images)
        )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("returns_two", r"returns a tuple with 2 tensors of 5 columns \(one per class\): let it return the logits"),
        ("returns_maps", r"shape \(2, 5, 14, 14\) for 2 images, expected logits of shape \(2, 5\)"),
        ("seven_outputs", "seven_outputs has 7 outputs, the images 5 classes"),
        ("no_module", "gives a Tensor, expected a torch.nn.Module"),
        ("absent", "cannot be imported .*absent.*PYTHONPATH"),
        ("factory:no_such_package.models:build", "cannot be imported .*no_such_package"),
        ("factory:tests.tiny_networks:fresh", "cannot be made for 5 classes: .*num_classes"),
        ("torchvision:resnet19", "torchvision has no classifier 'resnet19': did you mean resnet1"),
        ("torchvision:vit_b_32", "cannot be made for 5 classes: Input shape indivisible by patch size"),
    ],
)
def test_what_cannot_be_a_classifier_is_said(name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        networks.fresh(tiny_networks.describe(name), torch.Generator())


def test_images_that_do_not_fit_are_said() -> None:
    grey = networks.describe("torchvision:resnet18", (1, 28, 28), 5, card=tiny_networks.CARD)
    with pytest.raises(InputError, match=r"the images are 1 x 28 x 28, and torchvision:resnet18 takes 3 x 16 x 16"):
        networks.fresh(grey, torch.Generator())
    odd = networks.describe("factory:tests.tiny_networks:resnet", (1, 16, 16), 5)
    with pytest.raises(InputError, match=r"does not take images of 1 x 16 x 16 pixels \(.*\): give the channels"):
        networks.fresh(odd, torch.Generator())


def test_timm_says_what_to_install_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match='needs a package that is not installed: install it with "pip install timm"'):
        networks.fresh(tiny_networks.describe("timm:resnet18"), torch.Generator())


def with_groups(**groups: tuple[str, ...]) -> ModelState:
    return replace(tiny_networks.describe("resnet"), groups=tuple(groups.items()))


def test_given_groups_are_taken_in_the_networks_order() -> None:
    given = with_groups(end=("layer4.0.conv2", "layer4.0.bn2", "layer4.0.downsample", "fc"), start=("conv1", "bn1"))
    rest = ("layer1", "layer2", "layer3", "layer4.0.conv1", "layer4.0.bn1")
    network = networks.fresh(replace(given, groups=(*given.groups, ("middle", rest))), torch.Generator())
    assert isinstance(network, Foreign)
    assert layers.names(network) == ("start", "middle", "end")
    assert not network.chained  # the cut goes through a residual block
    halves = networks.fresh(
        with_groups(b=("layer3", "layer4", "fc"), a=("conv1", "bn1", "layer1", "layer2")), torch.Generator()
    )
    assert isinstance(halves, Foreign)
    assert halves.chained
    assert layers.names(halves) == ("a", "b")


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ({"a": ("layer5",)}, "a names 'layer5', which has no parameters in this network: did you mean layer"),
        ({"a": ("conv1", "fc")}, "bn1.weight, .* and [0-9]+ more have none"),
        (
            {"a": ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"), "b": ("layer4.0.bn2",)},
            r"have two: layer4.0.bn2.weight \(a and b\), layer4.0.bn2.bias \(a and b\)",
        ),
    ],
)
def test_groups_that_do_not_fit_are_named(groups: dict[str, tuple[str, ...]], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        networks.fresh(with_groups(**groups), torch.Generator())


def test_a_value_range_is_applied_before_mean_and_deviation() -> None:
    front = pixels.of_card(Card(size=(16, 16), value_range=(0.0, 255.0), mean=(100.0, 50.0, 0.0), std=(2.0, 4.0, 8.0)))
    assert front is not None
    images = torch.rand(2, 3, 4, 4)
    expected = (images * 255 - torch.tensor([100.0, 50, 0]).view(3, 1, 1)) / torch.tensor([2.0, 4, 8]).view(3, 1, 1)
    torch.testing.assert_close(front(images), expected)
    assert pixels.of_card(Card()) is None


def test_exported_weights_load_into_the_owners_network(tmp_path: Path) -> None:
    state = tiny_networks.fresh("resnet")
    weights.write(tmp_path, state, {"class_names": list("abcde")})
    with zipfile.ZipFile(tmp_path / weights.ARCHIVE) as archive:
        archive.extractall(tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == tiny_networks.resnet(5).state_dict().keys()
    text = (tmp_path / "load_model.py").read_text()
    assert "bir_core" not in re.sub(r'"""[^"]*"""', "", text)
    scope: dict[str, object] = {"__file__": str(tmp_path / "load_model.py"), "__name__": "load_model"}
    exec(text, scope)  # noqa: S102 - our own text, as its reader runs it
    built = scope["load"](tiny_networks.resnet(5))  # type: ignore[operator]
    images = torch.tensor(samples(3).images)
    with torch.no_grad():
        torch.testing.assert_close(built(images), networks.restore(state, cases.CPU).eval()(images))


def statements(network: str) -> tuple[str, list[str]]:
    """The loader's own statement of which network it is for, and all others."""
    tree = ast.parse(weights.loader(replace(tiny_networks.fresh("resnet"), network=network)))
    found = [ast.unparse(node) for node in tree.body]
    (named,) = (one for one in found if one.startswith("NETWORK = "))
    return named, [one for one in found if one != named]


@pytest.mark.parametrize(
    "name",
    ['x""";raise SystemExit;""".pt2', "x''';raise SystemExit;'''.pt2", "a\\", "a\n\u2028raise 1\n#\0\ud800", "{mean}"],
)
def test_the_name_of_a_file_is_no_code_in_the_loader(name: str) -> None:
    named, others = statements(f"export:/models/{name}")
    assert ast.literal_eval(named.removeprefix("NETWORK = ")) == f"export:/models/{name}"
    assert others == statements("export:plain.pt2")[1]


def test_every_origin_has_a_maker() -> None:
    assert set(origins.MAKERS) == set(base_config.ORIGINS)
    assert all(inspect.isfunction(maker) for maker in origins.MAKERS.values())
