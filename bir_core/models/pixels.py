"""What a network does to pixels in [0, 1] before its first convolution. Data are never normalised outside a network.

So a step of the alignment or of an attack is one of raw pixels, whatever the network (section 5 of the specification).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """(x - mean) / std by channel, with ImageNet's figures; other than three channels get their average.

    Both are buffers: they are not learnt, and stored weights say what they were trained with.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("mean", torch.empty(channels, 1, 1))
        self.register_buffer("std", torch.empty(channels, 1, 1))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Write the figures; a network is built without content first."""
        for buffer, values in ((self.mean, IMAGENET_MEAN), (self.std, IMAGENET_STD)):
            by_channel = values if self.channels == len(values) else (sum(values) / len(values),) * self.channels
            buffer.copy_(torch.tensor(by_channel).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) raw to normalised."""
        return (images - self.mean) / self.std


class Colour(nn.Module):
    """Grey images as three equal channels; colour images as they are."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1 or 3, H, W) to (N, 3, H, W)."""
        return images.expand(-1, 3, -1, -1)


class Resize(nn.Module):
    """Bilinear to ``side`` x ``side``, batch by batch, so that no data set is ever held enlarged.

    Without antialiasing, which only matters where an image becomes smaller.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, side, side)."""
        return functional.interpolate(images, size=(self.side, self.side), mode="bilinear", align_corners=False)
