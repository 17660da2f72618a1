"""ResNet-50 with torchvision's names inside the groups (He et al. 2016); it enlarges the images that it is given."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional

from bir_core.errors import InputError
from bir_core.models import pixels


def resnet50(image_shape: tuple[int, int, int], num_classes: int, *, side: int = 224) -> nn.Sequential:
    """ResNet-50 as six layer groups: the first convolution, four stages, pooling and the linear layer.

    Grey images become colour ones, every image is resized to ``side`` pixels and normalised as for ImageNet, all inside
    the first group. From there on it computes what torchvision's does.

    Raises:
        InputError: the images are neither grey nor of three colours.
    """
    channels, height, width = image_shape
    if channels not in (1, 3):
        raise InputError(f"resnet50 needs images of 1 or 3 channels, got {channels} x {height} x {width}")
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(
                OrderedDict(
                    colour=pixels.Colour(),
                    resize=pixels.Resize(side),
                    normalise=pixels.imagenet(3),
                    conv=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
                    bn=nn.BatchNorm2d(64),
                    relu=nn.ReLU(),
                    pool=nn.MaxPool2d(3, stride=2, padding=1),
                )
            ),
            layer2=_stage(64, 64, 3, stride=1),
            layer3=_stage(256, 128, 4, stride=2),
            layer4=_stage(512, 256, 6, stride=2),
            layer5=_stage(1024, 512, 3, stride=2),
            layer6=nn.Sequential(
                OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(2048, num_classes))
            ),
        )
    )


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut, which is a convolution where the shape changes."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.arguments = (inputs, width, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = nn.Sequential()
        if inputs != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride=stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 4 width, H / stride, W / stride)."""
        found = functional.relu(self.bn1(self.conv1(features)))
        found = functional.relu(self.bn2(self.conv2(found)))
        return functional.relu(self.bn3(self.conv3(found)) + self.downsample(features))


def _stage(inputs: int, width: int, blocks: int, *, stride: int) -> nn.Sequential:
    others = (Bottleneck(4 * width, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(inputs, width, stride), *others)
