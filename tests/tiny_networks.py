"""Tiny networks from elsewhere, made by their own constructors; named ``factory:tests.tiny_networks:NAME``."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.efficientnet import EfficientNet, MBConvConfig
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.models.vision_transformer import VisionTransformer

from bir_core.card import Card
from bir_core.model_records import ModelState
from bir_core.models import networks

SHAPE, NUM_CLASSES = (3, 16, 16), 5
CARD = Card(size=(16, 16), mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))


def resnet(num_classes: int) -> nn.Module:
    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=num_classes, width_per_group=64)


def group_normed(num_classes: int) -> nn.Module:
    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=num_classes, norm_layer=partial(nn.GroupNorm, 8))


def mobilenet(num_classes: int) -> nn.Module:
    block = partial(InvertedResidualConfig, dilation=1, width_mult=1.0)
    settings = [
        block(8, 3, 16, 8, True, "RE", 2),
        block(8, 3, 16, 16, False, "HS", 1),
        block(16, 3, 24, 16, True, "HS", 1),
    ]
    return MobileNetV3(settings, last_channel=32, num_classes=num_classes)


def efficientnet(num_classes: int) -> nn.Module:
    block = partial(MBConvConfig, width_mult=1.0, depth_mult=1.0)
    settings = [block(1, 3, 1, 8, 8, 1), block(2, 3, 2, 8, 16, 1), block(2, 3, 1, 16, 16, 1)]
    return EfficientNet(settings, dropout=0.3, num_classes=num_classes, last_channel=32)


def convnext(num_classes: int) -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=num_classes)


def vit(num_classes: int) -> nn.Module:
    return VisionTransformer(16, 8, 3, 2, 16, 32, dropout=0.1, num_classes=num_classes)


class Net(nn.Module):
    """A backbone, a functional in between, dropout as a function, and what is returned by ``answer``."""

    def __init__(self, num_classes: int, answer: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())
        self.classifier = nn.Linear(8, num_classes)
        self.answer = answer

    def forward(self, images: Tensor) -> object:
        features = self.features(images).mean((2, 3))
        logits = self.classifier(nn.functional.dropout(features, 0.5, self.training))
        return self.answer(logits, features)


def plain(num_classes: int) -> nn.Module:
    return Net(num_classes, lambda logits, _: logits)


def returns_tuple(num_classes: int) -> nn.Module:
    return Net(num_classes, lambda logits, features: (features, logits))


def returns_table(num_classes: int) -> nn.Module:
    return Net(num_classes, lambda logits, features: {"features": features, "logits": logits, "twice": 2 * logits})


def returns_object(num_classes: int) -> nn.Module:
    return Net(num_classes, lambda logits, _: SimpleNamespace(logits=logits, loss=None))


def returns_two(num_classes: int) -> nn.Module:
    return Net(num_classes, lambda logits, _: (logits, 2 * logits))


def returns_maps(num_classes: int) -> nn.Module:
    return nn.Conv2d(3, num_classes, 3)


def seven_outputs(num_classes: int) -> nn.Module:  # noqa: ARG001 - that is the mistake
    return plain(7)


def zero_head(num_classes: int) -> nn.Module:
    """Children that are no chain, behind a head that hides it as long as it is zero."""
    network = plain(num_classes)
    nn.init.zeros_(network.get_parameter("classifier.weight"))
    return network


def skips(num_classes: int) -> nn.Module:
    class Skips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flatten = nn.Flatten()
            self.first = nn.Linear(768, 768)
            self.last = nn.Linear(768, num_classes)
            nn.init.zeros_(self.last.weight)

        def forward(self, images: Tensor) -> Tensor:
            found = self.flatten(images)
            return self.last(found + self.first(found))

    return Skips()


def no_module(num_classes: int) -> object:
    return torch.zeros(num_classes)


def describe(name: str) -> ModelState:
    """A state without tensors of a network of this file, or of torchvision."""
    network = name if ":" in name else f"factory:tests.tiny_networks:{name}"
    return networks.describe(network, SHAPE, NUM_CLASSES, card=CARD)


def fresh(name: str, seed: int = 0) -> ModelState:
    """An untrained network of this file."""
    state = describe(name)
    return networks.capture(networks.fresh(state, torch.Generator().manual_seed(seed)), state)


def stirred(name: str) -> ModelState:
    """The same with every parameter moved, so that none is zero and gradients pass."""
    state, draw = fresh(name), np.random.default_rng(0)
    tensors = {
        key: value + draw.normal(0, 0.2, value.shape).astype(np.float32) if _is_learnt(key) else value
        for key, value in state.tensors.items()
    }
    return replace(state, tensors=tensors)


def _is_learnt(key: str) -> bool:
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))


def grey(num_classes: int) -> nn.Module:
    """For digits of 28 x 28 pixels."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5, stride=2), nn.BatchNorm2d(6), nn.ReLU()),
        nn.Sequential(nn.Conv2d(6, 12, 3, stride=2), nn.GroupNorm(3, 12), nn.ReLU()),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(300, num_classes),
    )
