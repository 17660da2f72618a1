"""ResNet-50 of torchvision (He et al. 2016), regrouped; it enlarges the images that it is given itself."""

from collections import OrderedDict

import torchvision
from torch import nn

from bir_core.errors import InputError
from bir_core.models.pixels import Colour, Normalise, Resize


def resnet50(image_shape: tuple[int, int, int], num_classes: int, *, side: int = 224) -> nn.Sequential:
    """ResNet-50 as six layer groups: the first convolution, four stages, pooling and the linear layer.

    Grey images become colour ones, every image is resized to ``side`` pixels and normalised as for ImageNet, all inside
    the first group.

    Raises:
        InputError: the images are neither grey nor of three colours.
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise InputError(f"resnet50 needs images of 1 or 3 channels, got {channels} x {height} x {width}")
    whole = torchvision.models.resnet50(weights=None, num_classes=num_classes)
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(
                OrderedDict(
                    colour=Colour(),
                    resize=Resize(side),
                    normalise=Normalise(3),
                    conv=whole.conv1,
                    bn=whole.bn1,
                    relu=whole.relu,
                    pool=whole.maxpool,
                )
            ),
            layer2=whole.layer1,
            layer3=whole.layer2,
            layer4=whole.layer3,
            layer5=whole.layer4,
            layer6=nn.Sequential(OrderedDict(pool=whole.avgpool, flatten=nn.Flatten(), fc=whole.fc)),
        )
    )
