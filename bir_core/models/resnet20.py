"""ResNet-20 for small images, as in the CIFAR-10 part of He et al. 2016: 269,722 parameters on CIFAR-10."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from bir_core.errors import InputError
from bir_core.models import pixels

BLOCKS = 3
"""Basic blocks in each of the three stages."""


def resnet20(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """ResNet-20 as five layer groups: the first convolution, three stages, pooling and the linear layer.

    Batch norm belongs to the convolution that it follows. Raw pixels are normalised inside the first group.

    Raises:
        InputError: the image is too small for its two halvings.
    """
    channels, height, width = image_shape
    if min(height, width) < 4:
        raise InputError(f"resnet20 needs images of at least 4 x 4 pixels, got {height} x {width}")
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(
                OrderedDict(
                    normalise=pixels.imagenet(channels),
                    conv=nn.Conv2d(channels, 16, 3, padding=1, bias=False),
                    bn=nn.BatchNorm2d(16),
                    relu=nn.ReLU(),
                )
            ),
            layer2=_stage(16, 16),
            layer3=_stage(16, 32),
            layer4=_stage(32, 64),
            layer5=nn.Sequential(
                OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), linear=nn.Linear(64, num_classes))
            ),
        )
    )


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut without parameters (option A of the paper).

    Where the block halves the image, the shortcut takes every second pixel and adds channels of zeros, half of them on
    either side.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.arguments = (inputs, outputs)
        self.stride, self.added = outputs // inputs, outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        found = functional.relu(self.bn1(self.conv1(features)))
        return functional.relu(self.bn2(self.conv2(found)) + self._shortcut(features))

    def _shortcut(self, features: Tensor) -> Tensor:
        if not self.added:
            return features
        half = self.added // 2
        return functional.pad(features[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, half))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*(BasicBlock(inputs if index == 0 else outputs, outputs) for index in range(BLOCKS)))
