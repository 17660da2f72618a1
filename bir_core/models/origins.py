"""Where networks that are not built in come from: torchvision, timm, somebody's own factory or exported program."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bir_core.errors import InputError, nearest
from bir_core.model_records import ModelState
from bir_core.models import foreign, programs
from bir_core.models.foreign import Foreign


def is_foreign(network: str) -> bool:
    """Whether the name says where a network comes from; built-in names do not."""
    return ":" in network


def is_program(network: str) -> bool:
    """Whether it is an exported program, which has weights of its own and cannot be trained from the start."""
    return network.startswith("export:")


def build(like: ModelState, seed: int) -> Foreign:
    """The network that ``like`` names, with the weights that its constructor draws under ``seed``, in eval mode.

    Args:
        like: name, shapes, card and groups; tensors play no part.
        seed: torch's global generator is as it was afterwards.

    Raises:
        InputError: there is no such network, or it does not fit the images, the classes or the groups.
    """
    if like.card is not None and like.card.image_shape != like.image_shape:
        wanted, given = (" x ".join(map(str, shape)) for shape in (like.card.image_shape, like.image_shape))
        raise InputError(
            f"the images are {given}, and {like.network} takes {wanted}: give base.card the channels and the size of "
            "the images, or import the images as a set, which is fitted to the card"
        )
    origin, _, name = like.network.partition(":")
    with _own_draws(seed):
        try:
            module = MAKERS[origin](name, like)
        except InputError:
            raise
        except Exception as error:  # somebody's code can fail in any way
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(f"{like.network} cannot be made for {like.num_classes} classes: {reason}") from None
    if not isinstance(module, nn.Module):
        raise InputError(f"{like.network} gives a {type(module).__name__}, expected a torch.nn.Module")
    return foreign.arrange(module.float(), like)


def _torchvision(name: str, like: ModelState) -> object:
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise InputError(f"torchvision has no classifier {name!r}: {nearest(name, known)}")
    more = {"image_size": like.image_shape[1]} if name.startswith("vit_") else {}
    return torchvision.models.get_model(name, weights=None, num_classes=like.num_classes, **more)


def timms_own_pixels(network: str) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and deviation that timm trains its models of this name with; None for networks that are not of timm.

    Raises:
        InputError: timm is not installed.
    """
    origin, _, name = network.partition(":")
    usual = _import_timm(network).get_pretrained_cfg(name) if origin == "timm" else None
    return None if usual is None else (tuple(usual.mean), tuple(usual.std))


def _timm(name: str, like: ModelState) -> object:
    timm = _import_timm(like.network)
    if not timm.is_model(name):
        near = nearest(name, timm.list_models())  # more than a thousand names are no help
        hint = near if near.startswith("did you mean") else "timm.list_models() names them"
        raise InputError(f"timm has no model {name!r}: {hint}")
    usual = timm.get_pretrained_cfg(name)
    more = {"img_size": like.image_shape[1:]} if usual is not None and usual.fixed_input_size else {}
    return timm.create_model(name, pretrained=False, num_classes=like.num_classes, in_chans=like.image_shape[0], **more)


def _import_timm(network: str) -> Any:
    try:
        return importlib.import_module("timm")
    except ImportError:
        raise InputError(
            f'{network} needs a package that is not installed: install it with "pip install timm"'
        ) from None


def _factory(name: str, like: ModelState) -> object:
    """Runs the code that the config names; a name only comes here from a config file, see ``config.parse_form``."""
    module, _, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{like.network} cannot be imported ({error}): the module must lie where Python finds it, for instance in "
            "a folder of PYTHONPATH"
        ) from None
    return factory(num_classes=like.num_classes)


def _export(name: str, like: ModelState) -> object:
    return programs.load(Path(name).expanduser(), like)


@contextmanager
def _own_draws(seed: int) -> Iterator[None]:
    """Constructors draw weights from torch's global generator only; it is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


MAKERS: dict[str, Callable[[str, ModelState], object]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "factory": _factory,
    "export": _export,
}
