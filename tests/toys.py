"""A separable toy with known wrong labels, for every detector: who cannot find them there has a sign flipped."""

import numpy as np

from bir_core import base, config, seeding
from bir_core.config import BaseConfig
from bir_core.detectors.evidence import Evidence
from bir_core.records import Flags, LabelledImages
from tests import cases


def flipped_blobs() -> tuple[Evidence, Flags]:
    """Two blobs in the plane, a fifth of the 300 labels flipped, and the two-layer network that learned from them.

    The network must be known as "two_layers" in ``networks.NETWORKS``, which the test sees to.
    """
    draw = np.random.default_rng(0)

    def blobs(num: int, first_id: int) -> LabelledImages:
        labels = np.arange(num, dtype=np.int64) % 2
        points = np.where(labels == 1, 0.7, 0.3)[:, None] + draw.normal(0, 0.08, (num, 2))
        images = points.astype(np.float32).reshape(num, 1, 1, 2)
        return LabelledImages(images=images, labels=labels, ids=np.arange(first_id, first_id + num))

    clean, validation, reserved = blobs(300, 0), blobs(40, 300), blobs(60, 340)
    flags = draw.random(len(clean)) < 0.2
    train = LabelledImages(images=clean.images, labels=np.where(flags, 1 - clean.labels, clean.labels), ids=clean.ids)
    brief = BaseConfig(preset="memorised", memorised_epochs=10, learning_rate=1e-2)
    run = config.demo("label", "lenet", "memorised", 0)
    # "two_layers" is a network of the tests, which no config file may name.
    run = run.model_copy(update={"base": brief.model_copy(update={"network": "two_layers"})})
    trained = base.train_base(train, validation, 2, run.base, seed=seeding.derive(0, "base"), device=cases.CPU)
    evidence = Evidence(
        train=train,
        validation=validation,
        reserved=reserved,
        base=trained.state,
        margins=trained.margins,
        config=run,
        seed=1,
        device=cases.CPU,
    )
    return evidence, flags
