"""Where a base model starts: fresh weights, ImageNet's, or those of a file. Never a pickle that may run code."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from bir_core.data import folder
from bir_core.errors import InputError

IMAGENET = "resnet50-0676ba61.pth"
"""Torchvision's IMAGENET1K_V1; the last part of the name is how the file's sha256 begins."""
URL = f"https://download.pytorch.org/models/{IMAGENET}"
FOREIGN = (
    ("conv1.", "layer1.conv."),
    ("bn1.", "layer1.bn."),
    *((f"layer{stage}.", f"layer{stage + 1}.") for stage in (4, 3, 2, 1)),
    ("linear.", "layer5.linear."),
    ("fc.", "layer6.fc."),
)
"""How torchvision and the CIFAR-10 ResNets that go about call what we call by layer group: beginnings of names."""
NOT_NEEDED = ("num_batches_tracked", "normalise.mean", "normalise.std")


def begin(network: nn.Sequential, start: str) -> str:
    """Put the weights that ``start`` asks for into a fresh network, and say in words where it starts.

    A last layer for other classes stays fresh. ImageNet weights that are not to be had leave the network as it is.

    Args:
        network: fresh; changed in place.
        start: "scratch", "imagenet" or a path.

    Raises:
        InputError: the file cannot be read, is altered, or is of another network.
    """
    if start == "scratch":
        return "scratch"
    path = _imagenet() if start == "imagenet" else Path(start).expanduser()
    if path is None:
        return f"scratch: no ImageNet weights, {IMAGENET} is not in {_places()[0]}"
    checksum = _checksum(path)
    if start == "imagenet" and not checksum.startswith(IMAGENET.split("-")[1].removesuffix(".pth")):
        raise InputError(f"{path} is truncated or altered (sha256 differs from its name); get the file again")
    kept_fresh = _fill(network, _read(path), path)
    kind = "ImageNet" if start == "imagenet" else "a file"
    return f"{kind}: {path.name}, sha256 {checksum[:8]}{', last layer fresh' if kept_fresh else ''}"


def download() -> None:
    """Fetch the ImageNet weights, unless they are there.

    Raises:
        InputError: they could not be fetched.
    """
    if _imagenet() is None:
        folder.fetch("ImageNet's weights", lambda root: _fetch(root / "weights"))


def _fetch(target: Path) -> None:
    target.mkdir(exist_ok=True)
    torch.hub.download_url_to_file(URL, str(target / IMAGENET), hash_prefix=IMAGENET.split("-")[1].removesuffix(".pth"))


def _imagenet() -> Path | None:
    return next((place / IMAGENET for place in _places() if (place / IMAGENET).is_file()), None)


def _places() -> tuple[Path, Path]:
    """Our own place for weights, and torchvision's."""
    return folder.root() / "weights", Path(torch.hub.get_dir()) / "checkpoints"


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read the weights {path}: {error.strerror}; base.start names a file") from None


def _read(path: Path) -> dict[str, Tensor]:
    try:
        values: Any = (
            safetensors.torch.load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # somebody's file can be wrong in any way
        reason = str(error).strip().split("\n")[0]
        raise InputError(
            f"cannot read the weights {path} ({reason}): give a .safetensors file, or what torch.save wrote of a "
            "state dict of tensors"
        ) from None
    values = values.get("state_dict", values) if isinstance(values, Mapping) else {}
    return {name.removeprefix("module."): value for name, value in values.items() if isinstance(value, Tensor)}


def _fill(network: nn.Sequential, found: Mapping[str, Tensor], path: Path) -> bool:
    """Load what was found by name; whether the last layer stayed fresh."""
    ours = network.state_dict()
    foreign = "conv1.weight" in found
    renamed = {_our_name(name) if foreign else name: value for name, value in found.items()}
    last = list(ours)[-2:]
    fresh = [name for name in last if name in renamed and renamed[name].shape != ours[name].shape]
    kept = {name: value for name, value in renamed.items() if name not in fresh}
    wanted = {name for name in ours if name not in fresh}
    absent = sorted(name for name in wanted - set(kept) if not name.endswith(NOT_NEEDED))
    wrong = sorted(name for name, value in kept.items() if name not in ours or value.shape != ours[name].shape)
    if absent or wrong:
        problem = f"{absent[0]} is not in it" if absent else f"{wrong[0]} does not fit"
        raise InputError(f"the weights {path} are of another network ({problem}): choose the network they are for")
    network.load_state_dict(kept, strict=False)
    return bool(fresh)


def _our_name(name: str) -> str:
    return next((ours + name.removeprefix(theirs) for theirs, ours in FOREIGN if name.startswith(theirs)), name)
