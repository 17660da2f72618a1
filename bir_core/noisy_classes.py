"""Which classes are taken for noisy: those known to be, those that the user named, else those with most suspects.

A class is ranked by its share of suspects alone; test accuracy plays no part. No torch here. L classes, K suspects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bir_core.numerics import proportion
from bir_core.records import Integers, Truth

GIVEN = "given"
"""The corruption where the images' owner knows the true labels: which classes are noisy nobody has said with them."""

Origin = Literal["known", "named by the user", "ranked by share of suspects"]


@dataclass(frozen=True, kw_only=True)
class ClassShare:
    """The suspects of one given class.

    Attributes:
        label: the class.
        num: its training samples.
        num_suspects: how many of them are suspects.
        share: num_suspects / num, in 0..1; None for a class without samples.
        low, high: 95 % interval of the share (Wilson); None for a class without samples.
    """

    label: int
    num: int
    num_suspects: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class NoisyClasses:
    """The noisy classes, ascending, and how they are known."""

    labels: tuple[int, ...]
    origin: Origin


def shares(labels: Integers, suspects: Integers, num_classes: int) -> list[ClassShare]:
    """One row per class, in label order.

    Args:
        labels: (N,) given labels of the training samples.
        suspects: (K,) positions of the suspects.
        num_classes: L.
    """
    sizes = np.bincount(labels, minlength=num_classes).tolist()
    counts = np.bincount(labels[suspects], minlength=num_classes).tolist()
    return [_share(label, num, count) for label, (num, count) in enumerate(zip(sizes, counts, strict=True))]


def find(truth: Truth, rows: Sequence[ClassShare]) -> NoisyClasses:
    """The noisy classes of a run.

    Of a corruption of our own they are known. Of somebody's own images, if the user named none, they are the classes
    whose share of suspects lies above that of all samples beyond chance: with the lower end of its interval. There may
    be none.

    Args:
        truth: what is known of the training part.
        rows: see ``shares``.
    """
    if truth.known and truth.corruption != GIVEN:
        return NoisyClasses(labels=truth.noisy_classes, origin="known")
    if truth.noisy_classes:
        return NoisyClasses(labels=tuple(sorted(truth.noisy_classes)), origin="named by the user")
    overall = sum(row.num_suspects for row in rows) / max(sum(row.num for row in rows), 1)
    above = tuple(row.label for row in rows if row.low is not None and row.low > overall)
    return NoisyClasses(labels=above, origin="ranked by share of suspects")


def _share(label: int, num: int, num_suspects: int) -> ClassShare:
    low, high = proportion.wilson(num_suspects, num) if num else (None, None)
    share = num_suspects / num if num else None
    return ClassShare(label=label, num=num, num_suspects=num_suspects, share=share, low=low, high=high)
