"""LeNet for small grey or colour images: two convolutions and three linear layers (61,706 parameters on MNIST)."""

from collections import OrderedDict

from torch import nn

from bir_core.errors import InputError
from bir_core.models.pooling import MaxPool2


def lenet(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """LeNet as five layer groups, uninitialised in the sense that its owner sets the weights.

    Raises:
        InputError: the image is too small for its two poolings.
    """
    channels, height, width = image_shape
    rows, columns = (height // 2 - 4) // 2, (width // 2 - 4) // 2
    if min(rows, columns) < 1:
        raise InputError(f"lenet needs images of at least 12 x 12 pixels, got {height} x {width}")
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(nn.Conv2d(channels, 6, 5, padding=2), nn.ReLU(), MaxPool2()),
            layer2=nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), MaxPool2()),
            layer3=nn.Sequential(nn.Flatten(), nn.Linear(16 * rows * columns, 120), nn.ReLU()),
            layer4=nn.Sequential(nn.Linear(120, 84), nn.ReLU()),
            layer5=nn.Sequential(nn.Linear(84, num_classes)),
        )
    )
