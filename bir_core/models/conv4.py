"""Conv4: four convolutions of 64 channels, each halving the image, and one linear layer."""

from collections import OrderedDict

from torch import nn

from bir_core.errors import InputError
from bir_core.models.pooling import MaxPool2


def conv4(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """Conv4 as five layer groups.

    Raises:
        InputError: the image is too small for its four poolings.
    """
    channels, height, width = image_shape
    rows, columns = height // 16, width // 16
    if min(rows, columns) < 1:
        raise InputError(f"conv4 needs images of at least 16 x 16 pixels, got {height} x {width}")
    return nn.Sequential(
        OrderedDict(
            layer1=_block(channels, 64),
            layer2=_block(64, 64),
            layer3=_block(64, 64),
            layer4=_block(64, 64),
            layer5=nn.Sequential(nn.Flatten(), nn.Linear(64 * rows * columns, num_classes)),
        )
    )


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), MaxPool2())
