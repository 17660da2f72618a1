"""Somebody's own images as the parts of a run; what is wrong with them, if anything, they may know or not."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bir_core import seeding
from bir_core.card import Card
from bir_core.data import decoding, image_set
from bir_core.data.entries import SPLITS, Split
from bir_core.data.image_set import ImageSet
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError, nearest
from bir_core.noisy_classes import GIVEN
from bir_core.numerics import sampling
from bir_core.pictures import Pictures
from bir_core.records import UNKNOWN, Integers, LabelledImages, Splits, Truth

NATURAL_SIDE = 64
"""Images of one size up to this are taken as they are where the network does not say what it wants."""


def load(config: OwnDataConfig, card: Card | None, *, seed: int) -> tuple[Splits, Truth]:
    """The parts of an imported image set, and what its owner knows about the training part.

    Images stay in their files. Where no validation part was imported, a stratified share of the training part is it;
    the test part may be empty.

    Args:
        config: which images.
        card: what the network wants of a picture; None takes small images of one size as they are.
        seed: of the validation part.

    Raises:
        InputError: there is no such set, a part is missing or lacks a class, a suspected class is unknown, or the
            images need a card.
    """
    images = image_set.open_set(config.images)
    card = natural_card(images) if card is None else card
    rows = {name: images.rows_of(name) for name in SPLITS}
    require(images.name, num_train=len(rows["train"]), num_reserved=len(rows["reserved"]))
    if not len(rows["validation"]):
        rows |= _with_validation(images, rows["train"], config.validation_fraction, seed)
    parts = {name: _part(images, found, card) for name, found in rows.items()}
    splits = Splits(
        **parts, class_names=images.class_names, origin=f"image set {images.name}, {images.fingerprint[:12]}"
    )
    noisy = tuple(_label(images.class_names, name) for name in config.noisy_classes or ())
    return splits, _truth(images, rows["train"], rows["validation"], splits.train, noisy)


def natural_card(images: ImageSet) -> Card:
    """Small images as they are: their one size, grey where all are grey.

    Raises:
        InputError: they are of several sizes, or large, so that somebody must say what the network is to receive.
    """
    widths, heights = images.index["width"].to_numpy(), images.index["height"].to_numpy()
    smallest, largest = (int(min(widths.min(), heights.min())), int(max(widths.max(), heights.max())))
    if np.ptp(widths) or np.ptp(heights) or largest > NATURAL_SIDE:
        found = f"{smallest} to {largest}" if smallest < largest else str(smallest)
        raise InputError(
            f"the images of {images.name!r} have sides of {found} pixels: say in base.card what the network receives, "
            "for instance card = { channels = 3, size = [64, 64] }"
        )
    grey = all(decoding.open_picture(images.original(row)).mode == "L" for row in range(len(images)))
    channels: Literal[1, 3] = 1 if grey else 3
    return Card(
        channels=channels, size=(int(heights[0]), int(widths[0])), mean=(0.0,) * channels, std=(1.0,) * channels
    )


def require(name: str, *, num_train: int, num_reserved: int) -> None:
    """Refuse an image set that no run can be made of.

    Raises:
        InputError: it has no training or no reserved image.
    """
    if not num_train:
        raise InputError(f"the image set {name!r} has no training image: import some, or mark them as such")
    if not num_reserved:
        raise InputError(
            f"the image set {name!r} has no reserved image: import a folder of clean images with --reserved, "
            "mark some in the manifest, or pick them on the page Data"
        )


def _with_validation(images: ImageSet, train: Integers, share: float, seed: int) -> dict[Split, Integers]:
    """The training rows with a stratified share of them set apart, at least one; each class keeps some to train on."""
    labels = images.labels[train]
    order = train[sampling.in_proportion(labels, seed=seeding.derive(seed, "validation"))]
    count, most = round(share * len(train)), len(train) - len(np.unique(labels))
    if not 0 < count <= most:
        raise InputError(
            f"validation_fraction {share:g} of {len(train)} training images leaves {count} for validation: expected 1 "
            f"to {most}, so that each class keeps one to train on"
        )
    return {"validation": np.sort(order[:count]), "train": np.sort(order[count:])}


def _part(images: ImageSet, rows: Integers, card: Card) -> LabelledImages:
    return LabelledImages(
        images=Pictures(images.files(rows), card),
        labels=images.labels[rows].astype(np.int64),
        ids=rows.astype(np.int64),
    )


def _label(names: Sequence[str], wanted: str) -> int:
    if wanted not in names:
        raise InputError(
            f"data.noisy_classes has {wanted!r}, which is no class of these images: {nearest(wanted, names)}"
        )
    return list(names).index(wanted)


def _truth(
    images: ImageSet, rows: Integers, validation: Integers, train: LabelledImages, noisy: tuple[int, ...]
) -> Truth:
    """What the true labels say; where one of the training part is not known, nothing is."""
    true, checked = (images.true_labels[part].astype(np.int64) for part in (rows, validation))
    known = bool((true >= 0).all())
    corrupted = true != train.labels if known else np.zeros(len(rows), dtype=np.bool_)
    return Truth(
        corrupted=corrupted,
        original_labels=true if known else train.labels,
        original_images=np.asarray(train.images[np.flatnonzero(corrupted)]),
        noisy_classes=noisy,
        corruption=GIVEN if known else UNKNOWN,
        num_validation_corrupted=int(((checked >= 0) & (checked != images.labels[validation])).sum()),
    )
