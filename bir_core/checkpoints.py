"""Weights that somebody gives as a file: read without running anything in it, and fitted to a network by name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from bir_core.errors import InputError
from bir_core.models import grouping
from bir_core.models.foreign import Foreign

HOLDERS = ("state_dict", "model_state_dict", "model")
"""Under which names training programs keep a state dict among other things."""
PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
"""What wrappers put in front of every name; taken off only where that fits the network better."""
NOT_NEEDED = ("num_batches_tracked", "normalise.mean", "normalise.std")


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file, or of what ``torch.save`` wrote of a state dict; on the CPU.

    Raises:
        InputError: the file cannot be read, or loading it would run code that it brings along.
    """
    try:
        values: Any = (
            safetensors.torch.load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # somebody's file can be wrong in any way
        code = re.search(r"GLOBAL ([\w.]+)", str(error))
        if code:
            raise InputError(
                f"cannot read the weights {path}: it is more than a table of tensors, and loading it would run "
                f"{code[1]}, which is refused. Save model.state_dict() instead, as .safetensors or by torch.save"
            ) from None
        reason = str(error).rpartition("WeightsUnpickler error:")[2].strip().split("\n")[0] or type(error).__name__
        raise InputError(
            f"cannot read the weights {path} ({reason}): give a .safetensors file, or what torch.save wrote of a "
            "state dict of tensors"
        ) from None
    for holder in HOLDERS:
        if isinstance(values, Mapping) and isinstance(values.get(holder), Mapping):
            values = values[holder]
    found = values if isinstance(values, Mapping) else {}
    return {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}


def fill(network: nn.Sequential, found: Mapping[str, Tensor], path: Path, *, fresh_head: bool) -> str:
    """Load weights by name, as float32; why the last layer stayed fresh, "" where it did not.

    Args:
        network: changed in place.
        found: by the network's own names, perhaps behind a wrapper's prefix.
        path: where they come from, for messages.
        fresh_head: whether a last layer for another number of classes may stay as it is; else it is refused.

    Raises:
        InputError: tensors are missing, too many, of another shape, or not numbers.
    """
    theirs = network.theirs if isinstance(network, Foreign) else {name: name for name in network.state_dict()}
    ours = {theirs[name]: value for name, value in network.state_dict().items() if name in theirs}
    given = _without_prefix(found, ours)
    head = _head(ours, given)
    kept = {name: value for name, value in given.items() if name not in head}
    _refuse_misfits(ours, kept, set(head), path)
    why = _other_classes(ours, given, head)
    if head and not fresh_head:
        raise InputError(
            f"the weights {path} do not fit: {why}. Give the weights of these classes, or train a last layer"
        )
    _refuse_what_is_no_number(kept, path)
    with torch.no_grad():
        for name, value in kept.items():
            ours[name].copy_(value)  # a state dict holds the network's own memory
    return why


def _without_prefix(found: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names without what every one begins with, where more of them fit so."""
    best = current = dict(found)
    while current and (
        prefix := next((one for one in PREFIXES if all(name.startswith(one) for name in current)), None)
    ):
        current = {name.removeprefix(prefix): value for name, value in current.items()}
        if len(ours.keys() & current.keys()) > len(ours.keys() & best.keys()):
            best = current
    return best


def _head(ours: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The tensors of the last layer, where they differ in the number of classes and nothing else does."""
    names = [name for name in ours if name in given and given[name].shape != ours[name].shape]
    modules = {name.rpartition(".")[0] for name in names}
    only_classes = all(
        ours[name].ndim == given[name].ndim >= 1 and ours[name].shape[1:] == given[name].shape[1:] for name in names
    )
    return tuple(names) if len(modules) == 1 and only_classes and modules == {_last(ours)} else ()


def _last(ours: Mapping[str, Tensor]) -> str:
    """The module whose parameters come last in the network."""
    return list(ours)[-1].rpartition(".")[0]


def _other_classes(ours: Mapping[str, Tensor], given: Mapping[str, Tensor], head: tuple[str, ...]) -> str:
    if not head:
        return ""
    return f"the checkpoint has {len(given[head[0]])} outputs, the images {len(ours[head[0]])} classes"


def _refuse_misfits(ours: Mapping[str, Tensor], kept: Mapping[str, Tensor], head: set[str], path: Path) -> None:
    absent = [name for name in ours if name not in kept and name not in head and not name.endswith(NOT_NEEDED)]
    unknown = [name for name in kept if name not in ours]
    misshapen = [
        f"{name} ({_shape(kept[name])} instead of {_shape(value)})"
        for name, value in ours.items()
        if name in kept and kept[name].shape != value.shape
    ]
    parts = {"missing": absent, "unexpected": unknown, "of another shape": misshapen}
    problems = [f"{len(names)} {kind}: {grouping.listed(names)}" for kind, names in parts.items() if names]
    if problems:
        raise InputError(
            f"the weights {path} are of another network ({'; '.join(problems)}): choose the network they are for"
        )


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "a single number"


def _refuse_what_is_no_number(kept: Mapping[str, Tensor], path: Path) -> None:
    broken = [name for name, value in kept.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if broken:
        raise InputError(
            f"the weights {path} hold NaN or infinite values in {grouping.listed(broken)}: the training that made them "
            "diverged, or the file is damaged; give weights of an earlier epoch"
        )
