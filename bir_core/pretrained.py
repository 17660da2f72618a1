"""Where a base model starts: fresh weights, ImageNet's, or those of a file. Never a pickle that may run code."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from bir_core import checkpoints
from bir_core.data import folder
from bir_core.errors import InputError
from bir_core.models.foreign import Foreign

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


def begin(network: nn.Sequential, start: str, *, whole: bool = False) -> str:
    """Put the weights that ``start`` asks for into a fresh network, and say in words where it starts.

    A last layer for other classes stays fresh. ImageNet weights that are not to be had leave the network as it is.

    Args:
        network: fresh; changed in place.
        start: "scratch", "imagenet" or a path.
        whole: the last layer must fit, too: nothing will be trained.

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
    why = checkpoints.fill(network, _our_names(network, checkpoints.read(path)), path, fresh_head=not whole)
    kind = "ImageNet" if start == "imagenet" else "a file"
    return f"{kind}: {path.name}, sha256 {checksum[:8]}{f', last layer fresh ({why})' if why else ''}"


def origin(path: Path) -> str:
    """In words, a file whose weights are taken as they are."""
    return f"a file: {path.name}, sha256 {_checksum(path.expanduser())[:8]}"


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


def _our_names(network: nn.Sequential, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a published ResNet under the names that our own ResNets have for them."""
    if isinstance(network, Foreign) or not any(name.removeprefix("module.") == "conv1.weight" for name in found):
        return found
    return {_our_name(name.removeprefix("module.")): value for name, value in found.items()}


def _our_name(name: str) -> str:
    return next((ours + name.removeprefix(theirs) for theirs, ours in FOREIGN if name.startswith(theirs)), name)
