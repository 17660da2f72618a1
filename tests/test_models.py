import pytest
import torch

from bir_core.errors import InputError
from bir_core.models import layers, networks
from bir_core.records import ModelState
from tests import cases


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
    with pytest.raises(InputError, match="unknown network 'alexnet': choose one of lenet, conv4, resnet20, resnet50"):
        networks.build("alexnet", (1, 28, 28), 10, torch.Generator())


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
