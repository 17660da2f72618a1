"""Split a source into training, validation, reserved and test parts (section 15.1 of the specification)."""

import numpy as np

from bir_core import seeding
from bir_core.data.pool import Pool, Source
from bir_core.data_config import DataConfig
from bir_core.errors import InputError
from bir_core.records import Integers, LabelledImages, Splits

PIECE = 1000
"""Images that are turned into floats at a time."""


def split(source: Source, config: DataConfig, *, seed: int) -> Splits:
    """Four class-balanced parts, disjoint by id, drawn from one seed.

    Each class's images are shuffled once; training and validation take the first, then come reserved and test.

    Raises:
        InputError: a class has too few images for what the config asks.
    """
    num_classes = len(source.class_names)
    per_class_train = config.num_train // num_classes
    per_class_validation = round(per_class_train * config.validation_fraction)
    per_class_reserved = config.num_reserved // num_classes
    same = source.held_out is source.training
    order = _shuffled_by_class(source.training, num_classes, seeding.derive(seed, "split", "training"))
    held = (
        order if same else _shuffled_by_class(source.held_out, num_classes, seeding.derive(seed, "split", "held-out"))
    )
    start = per_class_train if same else 0
    stop = None if source.test_per_class is None else start + per_class_reserved + source.test_per_class
    _require(order, per_class_train, "num_train", config.num_train, source.class_names)
    _require(held, start + per_class_reserved + 1, "num_reserved", config.num_reserved, source.class_names)
    if per_class_validation in (0, per_class_train):
        raise InputError(
            f"validation_fraction {config.validation_fraction:g} of {per_class_train} images per class leaves "
            f"{per_class_validation} for validation: both parts need at least one image per class"
        )
    return Splits(
        train=_take(source.training, order, per_class_validation, per_class_train),
        validation=_take(source.training, order, 0, per_class_validation),
        reserved=_take(source.held_out, held, start, start + per_class_reserved),
        test=_take(source.held_out, held, start + per_class_reserved, stop),
        class_names=source.class_names,
        origin=source.origin,
    )


def _shuffled_by_class(pool: Pool, num_classes: int, seed: int) -> list[Integers]:
    draw = np.random.default_rng(seed)
    return [draw.permutation(np.flatnonzero(pool.labels == label)) for label in range(num_classes)]


def _require(order: list[Integers], wanted: int, name: str, value: int, class_names: tuple[str, ...]) -> None:
    for label, positions in enumerate(order):
        if len(positions) < wanted:
            raise InputError(
                f"data.{name}={value} needs {wanted} images of class {class_names[label]}, but the source has "
                f"{len(positions)}: ask for fewer"
            )


def _take(pool: Pool, order: list[Integers], start: int, stop: int | None) -> LabelledImages:
    """Some of each class as floats, which are written once, piece by piece: the pool may be a mapped file."""
    chosen = np.sort(np.concatenate([positions[start:stop] for positions in order]))
    images = np.empty((len(chosen), *pool.images.shape[1:]), dtype=np.float32)
    for first in range(0, len(chosen), PIECE):
        piece = slice(first, first + PIECE)
        np.divide(pool.images[chosen[piece]], np.float32(255), out=images[piece])
    return LabelledImages(images=images, labels=pool.labels[chosen], ids=pool.ids[chosen])
