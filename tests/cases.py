"""Tiny networks and data that the engine's tests share; inputs small enough to check by hand or in a blink."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bir_core import seeding
from bir_core.model_records import ModelState
from bir_core.models import networks
from bir_core.records import LabelledImages

CPU = torch.device("cpu")


def digits(num: int, *, seed: int = 0, size: int = 16, num_classes: int = 10) -> LabelledImages:
    """Noisy stripes whose position is their class: learnable in a few epochs."""
    draw = np.random.default_rng(seed)
    labels = np.arange(num, dtype=np.int64) % num_classes
    images = draw.random((num, 1, size, size), dtype=np.float32) * 0.3
    for image, label in zip(images, labels, strict=True):
        image[0, label : label + 3] += 0.6
    return LabelledImages(images=images.clip(0, 1), labels=labels, ids=np.arange(num, dtype=np.int64))


def cifar_folder(root: Path, *, num: int = 200, num_test: int = 100) -> None:
    """A data folder with few colour images in CIFAR-10's plain form; a coloured stripe is their class."""
    (root / "cifar10").mkdir(parents=True)
    for part, count, seed in (("train", num, 0), ("test", num_test, 1)):
        samples = digits(count, seed=seed, size=32)
        colours = np.concatenate([grey := np.asarray(samples.images), grey / 2, 1 - grey], axis=1)
        pixels = np.rint(colours.transpose(0, 2, 3, 1) * 255).astype(np.uint8)
        np.save(root / "cifar10" / f"{part}_images.npy", pixels)
        np.save(root / "cifar10" / f"{part}_labels.npy", samples.labels.astype(np.uint8))


def fresh_model(name: str = "lenet", *, seed: int = 0, size: int = 16) -> ModelState:
    """An untrained network."""
    state = networks.describe(name, (1, size, size), 10)
    generator = torch.Generator().manual_seed(seeding.derive(seed, "weights"))
    return networks.capture(networks.build(name, state.image_shape, 10, generator), state)


def batch_normed(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """Three layer groups, each with batch norm but the last: statistics are there to be spoilt."""
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(nn.Conv2d(image_shape[0], 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
            layer2=nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(4)),
            layer3=nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes)),
        )
    )


def two_layers(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """A two-layer network on points in the plane."""
    points = image_shape[0] * image_shape[1] * image_shape[2]
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(nn.Flatten(), nn.Linear(points, 32), nn.ReLU()),
            layer2=nn.Sequential(nn.Linear(32, num_classes)),
        )
    )


def all_convolution(image_shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    """A network without a linear layer, which averages behind its last convolution as SqueezeNet does."""
    return nn.Sequential(
        OrderedDict(
            layer1=nn.Sequential(nn.Conv2d(image_shape[0], 16, 1), nn.ReLU()),
            layer2=nn.Sequential(nn.Conv2d(16, num_classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
    )
