"""Raw images of a source, before they are split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VERIFIED, UNVERIFIED = "checksums match", "unverified arrays"
"""What is known of a source's files."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Raw images that a part may be drawn from: uint8 (N, C, H, W), int64 labels (N,), ids (N,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Two pools: the training part comes from the first, reserved and test from the second; they may be the same.

    ``test_per_class`` is how many test images of each class are taken, None for all that remain. ``origin`` is what is
    known of the files: "checksums match" or "unverified arrays".
    """

    training: Pool
    held_out: Pool
    class_names: tuple[str, ...]
    test_per_class: int | None
    origin: str = VERIFIED


def pool(images: NDArray[np.uint8], labels: NDArray[np.integer], *, first_id: int) -> Pool:
    """(N, C, H, W) images and their labels, numbered from ``first_id``."""
    ids = np.arange(first_id, first_id + len(labels), dtype=np.int64)
    return Pool(images=images, labels=np.array(labels, dtype=np.int64), ids=ids)
