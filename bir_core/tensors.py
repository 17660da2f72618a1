"""Arrays of a run as tensors, without a second copy of them."""

import warnings
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from bir_core.records import LabelledImages


def shared(array: NDArray[Any], device: torch.device) -> Tensor:
    """The array as a tensor that must only be read; on the CPU both are the same memory, mapped files included.

    Torch warns of arrays that cannot be written; nothing here writes to what it trains on.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)


def labelled(samples: LabelledImages, device: torch.device) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) inputs and (N,) int64 labels, shared like any other array."""
    return shared(samples.images, device), shared(samples.labels, device)
