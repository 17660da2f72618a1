"""Arrays of a run as tensors, without a second copy of them."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bir_core.pictures import Pictures
from bir_core.records import Images, LabelledImages

STREAMED_FROM = 1 << 31
"""Pictures that take more bytes than this as floats are decoded in every epoch anew."""


def shared(array: NDArray[Any] | Images, device: torch.device) -> Tensor:
    """The array as a tensor that must only be read; on the CPU both are the same memory, mapped files included.

    Pictures are decoded, all of them. Torch warns of arrays that cannot be written; nothing here writes to what it
    trains on.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(array)).to(device)


def batches(inputs: Tensor | Pictures, pieces: Sequence[Tensor], device: torch.device) -> Iterator[Tensor]:
    """The inputs at the positions of each piece; pictures are decoded while the caller works on an earlier piece."""
    if isinstance(inputs, Tensor):
        yield from (inputs[piece] for piece in pieces)
        return
    for batch in inputs.stream([piece.cpu().numpy() for piece in pieces]):
        yield torch.from_numpy(batch).to(device)


def whole_or_streamed(images: Images, device: torch.device) -> Tensor | Pictures:
    """What a training over all images takes: a tensor, or the pictures themselves where they would fill the memory."""
    if isinstance(images, Pictures) and images.nbytes > STREAMED_FROM:
        return images
    return shared(images, device)


def labelled(samples: LabelledImages, device: torch.device) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) inputs and (N,) int64 labels, shared like any other array."""
    return shared(samples.images, device), shared(samples.labels, device)
