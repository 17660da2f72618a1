"""What a network does to pixels in [0, 1] before its first convolution. Data are never normalised outside a network.

A step of the alignment or of an attack is one of raw pixels, whatever the network (section 5 of the specification).
The source of every module goes into the export of weights: it needs torch alone, and ``arguments`` makes it again.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bir_core.card import Card

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """(x - mean) / std by channel. Both are buffers: they are not learnt, and stored weights have them.

    In front of a network from elsewhere they are not ``stored``: a card has them, and the weights keep their own names.
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], *, stored: bool = True) -> None:
        super().__init__()
        self.arguments = (mean, std)
        self.register_buffer("mean", torch.empty(len(mean), 1, 1), persistent=stored)
        self.register_buffer("std", torch.empty(len(std), 1, 1), persistent=stored)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Write both; a network is built without content first."""
        for buffer, values in zip(self.buffers(), self.arguments, strict=True):
            buffer.copy_(torch.tensor(values).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) raw to normalised."""
        return (images - self.get_buffer("mean")) / self.get_buffer("std")


def imagenet(channels: int) -> Normalise:
    """By ImageNet's figures; other than three channels get their average."""
    if channels == len(IMAGENET_MEAN):
        return Normalise(IMAGENET_MEAN, IMAGENET_STD)
    mean, std = (round(sum(values) / len(values), 3) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return Normalise((mean,) * channels, (std,) * channels)


def of_card(card: Card) -> Normalise | None:
    """A card's value range, mean and standard deviation as one step on pixels in [0, 1]; None where that is no step."""
    low, high = card.value_range
    mean = tuple((value - low) / (high - low) for value in card.mean)
    std = tuple(value / (high - low) for value in card.std)
    return None if set(mean) == {0.0} and set(std) == {1.0} else Normalise(mean, std, stored=False)


class Colour(nn.Module):
    """Grey images as three equal channels; colour images as they are."""

    arguments: tuple[int, ...] = ()

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1 or 3, H, W) to (N, 3, H, W)."""
        return images.expand(-1, 3, -1, -1)


class Resize(nn.Module):
    """Bilinear to ``side`` x ``side``, batch by batch, so that no data set is ever held enlarged.

    Without antialiasing, which only matters where an image becomes smaller.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side, self.arguments = side, (side,)

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, side, side)."""
        return functional.interpolate(images, size=(self.side, self.side), mode="bilinear", align_corners=False)
