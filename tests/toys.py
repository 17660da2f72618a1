"""A small problem on which every detector must find what is wrong: a flipped sign shows as an AUC of 0.1."""

from functools import cache

import numpy as np
import pytest
import torch

from bir_core import base, config, seeding
from bir_core.config import RunConfig
from bir_core.detectors.evidence import Evidence
from bir_core.models import networks
from bir_core.records import Flags, LabelledImages
from tests import cases

NETWORK = "two_layers"
"""Of ``cases``; whoever uses the evidence registers it, see ``register``."""


def register(patch: pytest.MonkeyPatch) -> None:
    """Make the toy's network known, as long as ``patch`` lasts."""
    patch.setitem(networks.NETWORKS, NETWORK, cases.two_layers)


@cache
def flipped_blobs() -> tuple[Evidence, Flags]:
    """Three separable blobs in the plane, 150 points with 20 % flipped labels, and which of them are flipped."""
    draw = np.random.default_rng(0)
    train, validation, reserved = (_blobs(draw, num) for num in (150, 30, 30))
    flags = np.zeros(150, dtype=np.bool_)
    flags[draw.permutation(150)[:30]] = True
    labels = np.where(flags, (train.labels + draw.integers(1, 3, 150)) % 3, train.labels)
    train = LabelledImages(images=train.images, labels=labels, ids=train.ids)
    settings = _settings()
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        trained = base.train_base(
            train, validation, 3, settings.base, seed=seeding.derive(settings.seed, "base"), device=cases.CPU
        )
    evidence = Evidence(
        train=train,
        validation=validation,
        reserved=reserved,
        base=trained.state,
        margins=trained.margins,
        config=settings,
        seed=seeding.derive(settings.seed, "toy"),
        device=torch.device("cpu"),
    )
    return evidence, flags


def _settings() -> RunConfig:
    settings = config.parse(
        {
            "base": {"preset": "memorised", "memorised_epochs": 20, "learning_rate": 1e-2, "batch_size": 16},
            "enhance": {"max_epochs": 20, "learning_rate": 1e-2},
            "methods": {
                "reserved_only": {"epochs": 20, "learning_rate": 1e-2},
                "sgd_influence": {"epochs": 10, "batch_size": 16},
            },
        },
        origin="toy",
    )
    # The toy's network is none that a person may ask for, so it is named behind the validation's back.
    return settings.model_copy(update={"base": settings.base.model_copy(update={"network": NETWORK})})


def _blobs(draw: np.random.Generator, num: int) -> LabelledImages:
    centres = np.array([[0.2, 0.2], [0.8, 0.2], [0.5, 0.8]])
    labels = np.arange(num, dtype=np.int64) % 3
    points = centres[labels] + draw.normal(0, 0.06, (num, 2))
    images = points.clip(0, 1).astype(np.float32).reshape(num, 2, 1, 1)
    return LabelledImages(images=images, labels=labels, ids=np.arange(num, dtype=np.int64))
