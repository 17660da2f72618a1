import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from bir_core import pretrained
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import layers, networks, pixels, resnet20
from tests import cases

DATA = Path(os.environ.get("BIR_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def test_lenet_has_the_published_size() -> None:
    network = networks.build("lenet", (1, 28, 28), 10, torch.Generator())
    assert sum(value.numel() for value in network.parameters()) == 61_706


def test_conv4_has_four_blocks_of_64_channels() -> None:
    network = networks.build("conv4", (1, 28, 28), 10, torch.Generator())
    # 3 x 3 x 1 x 64 + 64, three times 3 x 3 x 64 x 64 + 64, and 64 x 10 + 10 behind four poolings of 28 pixels
    assert sum(value.numel() for value in network.parameters()) == 640 + 3 * 36_928 + 650


@pytest.mark.parametrize("name", ["lenet", "conv4", "resnet20"])
def test_fresh_weights_follow_torch_defaults(name: str) -> None:
    """Same draws as torch's own constructors make from its global generator."""
    drawn = networks.build(name, (1, 28, 28), 10, torch.Generator().manual_seed(5))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = networks.NETWORKS[name]((1, 28, 28), 10)
    for (key, ours), theirs in zip(drawn.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), key


def test_fresh_weights_leave_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    networks.build("lenet", (1, 28, 28), 10, torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.random.get_rng_state())


def test_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown network 'vgg': choose one of lenet, conv4, resnet20, resnet50"):
        networks.build("vgg", (1, 28, 28), 10, torch.Generator())


@pytest.mark.parametrize(("name", "size"), [("lenet", 8), ("conv4", 12)])
def test_too_small_images_are_refused(name: str, size: int) -> None:
    with pytest.raises(InputError, match=f"{name} needs images of at least .* got {size} x {size}"):
        networks.build(name, (1, size, size), 10, torch.Generator())


def test_foreign_weights_are_refused() -> None:
    state = cases.fresh_model()
    foreign = ModelState(network="conv4", image_shape=state.image_shape, num_classes=10, tensors=state.tensors)
    with pytest.raises(InputError, match="do not fit a conv4"):
        networks.restore(foreign, cases.CPU)


def test_candidates_are_the_papers() -> None:
    assert layers.candidate_labels(5) == ("1", "2", "3", "4", "5", "1-2", "1-3", "1-5")
    assert layers.candidate_labels(6) == ("1", "2", "3", "4", "5", "6", "1-2", "1-3", "1-6")
    assert layers.candidate_labels(2) == ("1", "2", "1-2")


def test_subset_beyond_the_network_is_refused() -> None:
    with pytest.raises(InputError, match="'1-6' does not fit a network of layers 1 to 5"):
        layers.parse("1-6", [f"layer{index}" for index in range(1, 6)])


def test_prefix_and_rest_make_the_whole_network() -> None:
    network = networks.restore(cases.fresh_model(), cases.CPU).eval()
    inputs = torch.tensor(cases.digits(20).images)
    prefix, rest = layers.split(network, ("layer3", "layer4"))
    assert len(prefix) == 2
    torch.testing.assert_close(rest(layers.activations(prefix, inputs, batch_size=7)), network(inputs))


def test_shared_prefix_ends_at_the_first_difference() -> None:
    first, second = (networks.restore(cases.fresh_model(), cases.CPU) for _ in range(2))
    assert layers.shared_prefix(first, second) == 5
    with torch.no_grad():
        layers.parameters(second, ["layer4"])[0].add_(1)
    assert layers.shared_prefix(first, second) == 3


@pytest.mark.parametrize(
    ("name", "shape", "groups", "size"),
    [
        ("resnet20", (3, 32, 32), 5, 269_722),
        # torchvision's 25,557,032 less its 2048 x 1000 + 1000 of the last layer, and ours
        ("resnet50", (3, 32, 32), 6, 25_557_032 - 2_049_000 + 20_490),
        ("resnet50-64", (1, 28, 28), 6, 25_557_032 - 2_049_000 + 20_490),
    ],
)
def test_resnets_have_the_papers_groups_and_the_published_size(
    name: str, shape: tuple[int, int, int], groups: int, size: int
) -> None:
    state = networks.describe(name, shape, 10)
    assert networks.num_parameters(state) == size
    with torch.device("meta"):
        assert layers.names(networks.NETWORKS[name](shape, 10)) == tuple(f"layer{at}" for at in range(1, groups + 1))


def test_batch_norm_belongs_to_the_convolution_that_it_follows() -> None:
    network = networks.build("resnet20", (3, 32, 32), 10, torch.Generator())
    # 3 x 3 x 3 x 16 of the convolution, 16 + 16 of its batch norm; six convolutions and batch norms a stage
    assert sum(value.numel() for value in layers.parameters(network, ["layer1"])) == 432 + 32
    assert sum(value.numel() for value in layers.parameters(network, ["layer2"])) == 6 * (9 * 16 * 16 + 32)


def test_shortcut_takes_every_second_pixel_and_pads_both_sides_with_zeros() -> None:
    block = resnet20.BasicBlock(16, 32).eval()
    with torch.no_grad():
        block.bn2.weight.zero_()
        inputs = torch.rand(2, 16, 8, 8)
        found = block(inputs)
    assert torch.equal(found[:, 8:24], inputs[:, :, ::2, ::2])
    assert not found[:, :8].any()
    assert not found[:, 24:].any()


def test_resnet50_is_torchvisions_on_resized_normalised_colour_images(tmp_path: Path) -> None:
    theirs = torchvision.models.resnet50(weights=None, num_classes=10).eval()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    ours = networks.build("resnet50-64", (1, 28, 28), 10, torch.Generator().manual_seed(0)).eval()
    assert pretrained.begin(ours, str(tmp_path / "weights.pth")).startswith("a file: weights.pth, sha256 ")
    grey = torch.rand(2, 1, 28, 28)
    enlarged = torch.nn.functional.interpolate(grey.repeat(1, 3, 1, 1), (64, 64), mode="bilinear")
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (pixels.IMAGENET_MEAN, pixels.IMAGENET_STD))
    with torch.no_grad():
        torch.testing.assert_close(ours(grey), theirs((enlarged - mean) / std), rtol=1e-3, atol=1e-4)


def test_networks_refuse_images_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="resnet50 needs images of 1 or 3 channels, got 4 x 32 x 32"):
        networks.build("resnet50", (4, 32, 32), 10, torch.Generator())
    with pytest.raises(InputError, match="resnet20 needs images of at least 4 x 4 pixels, got 3 x 3"):
        networks.build("resnet20", (3, 3, 3), 10, torch.Generator())


@pytest.mark.parametrize("name", ["lenet", "conv4", "resnet20"])
def test_colour_images_of_32_pixels_fit(name: str) -> None:
    network = networks.build(name, (3, 32, 32), 10, torch.Generator().manual_seed(0)).eval()
    assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_passes_are_smaller_where_images_are_enlarged() -> None:
    with torch.device("meta"):
        small, large = (networks.NETWORKS[name]((3, 32, 32), 10) for name in ("resnet20", "resnet50"))
    assert layers.pass_size(small, (3, 32, 32), 1000) == 1000
    assert layers.pass_size(large, (3, 32, 32), 1000) == 2**24 // (3 * 224 * 224)
    assert layers.pass_size(large, (3, 32, 32), 1000, gradient=True) == 2**22 // (3 * 224 * 224)
    assert layers.pass_size(large[1:], (10**9, 1, 1), 1000) == 1


WEIGHTS = DATA / "weights" / "resnet20-12fca82f.th"


@pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"{WEIGHTS} is not there: set BIR_TEST_DATA to have it")
def test_published_cifar_weights_keep_their_accuracy_under_our_names() -> None:
    """91.73 % of all 10,000 test images; here of the first 500."""
    with zipfile.ZipFile(DATA / "cifar10" / "test.zip") as archive:
        drawn = Image.open(io.BytesIO(archive.read("000.webp"))).convert("RGB")
        labels = torch.tensor(np.load(io.BytesIO(archive.read("labels.npy")))[:500].astype(np.int64))
    images = torch.tensor(np.asarray(drawn).reshape(-1, 32, 32, 3)).permute(0, 3, 1, 2) / 255
    network = networks.build("resnet20", (3, 32, 32), 10, torch.Generator()).eval()
    pretrained.begin(network, str(WEIGHTS))
    with torch.no_grad():
        assert (network(images).argmax(1) == labels).float().mean() > 0.89


def test_weights_of_another_network_or_none_are_refused(tmp_path: Path) -> None:
    network = networks.build("lenet", (1, 28, 28), 10, torch.Generator())
    (tmp_path / "a.pth").write_bytes(b"hello")
    torch.save({"state_dict": {"layer1.0.weight": torch.zeros(2)}}, tmp_path / "b.pth")
    for name, sentence in (
        ("a.pth", "cannot read the weights .*a.pth"),
        ("b.pth", r"of another network \(9 missing: layer1.0.bias, .*; 1 of another shape: layer1.0.weight \(2 inst"),
        ("absent.pth", "cannot read the weights .*absent.pth: No such file"),
    ):
        with pytest.raises(InputError, match=sentence):
            pretrained.begin(network, str(tmp_path / name))


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    torch.save({"x": Path("evil")}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="cannot read the weights"):
        pretrained.begin(networks.build("lenet", (1, 28, 28), 10, torch.Generator()), str(tmp_path / "a.pth"))


def test_without_imagenet_weights_the_start_is_fresh_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    network = networks.build("lenet", (1, 28, 28), 10, torch.Generator().manual_seed(1))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert pretrained.begin(network, "imagenet").startswith(
        "scratch: no ImageNet weights, resnet50-0676ba61.pth is not in"
    )
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    place = tmp_path / "torch" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    (place / pretrained.IMAGENET).write_bytes(b"half")
    with pytest.raises(InputError, match=r"resnet50-0676ba61.pth is truncated or altered \(sha256"):
        pretrained.begin(network, "imagenet")
