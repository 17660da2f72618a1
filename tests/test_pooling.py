import pytest
import torch
from torch import Tensor, nn

from bir_core.models.pooling import MaxPool2


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [(2, 2), (28, 28), (5, 7), (3, 6), (33, 8)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_maxima_are_those_of_torch(size: tuple[int, int], layout: torch.memory_format) -> None:
    images = drawn(3, 4, *size).to(memory_format=layout)
    with torch.no_grad():
        assert torch.equal(MaxPool2()(images), nn.MaxPool2d(2)(images))


def test_the_layout_of_the_channels_is_kept() -> None:
    images = drawn(3, 4, 8, 8).to(memory_format=torch.channels_last)
    with torch.no_grad():
        assert MaxPool2()(images).is_contiguous(memory_format=torch.channels_last)


def test_what_is_not_a_number_stays_so() -> None:
    """A broken pixel must be seen in the loss and not be compared away."""
    images = torch.zeros(1, 1, 4, 4)
    images[0, 0, 1, 2] = torch.nan
    with torch.no_grad():
        assert MaxPool2()(images).isnan().tolist() == [[[[False, True], [False, False]]]]


def test_gradients_are_those_of_torch() -> None:
    ours, theirs = (drawn(2, 3, 7, 6).relu().requires_grad_() for _ in range(2))  # zeros are ties
    weights = drawn(2, 3, 3, 3, seed=1)
    (MaxPool2()(ours) * weights).sum().backward()
    (nn.MaxPool2d(2)(theirs) * weights).sum().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)
