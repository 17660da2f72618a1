"""The repaired model for other programs: weights, how they were made, and code that loads them with torch alone."""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from torch import nn

from bir_core.exports import archive
from bir_core.model_records import ModelState
from bir_core.models import networks, origins, pixels

ARCHIVE = "weights.zip"

LOADER = '''"""Load the repaired model: needs torch and safetensors, nothing else.

    python load_model.py          # says what the model is
    from load_model import load   # in your own program
"""

import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent

{blocks}

def build():
    """The network without its weights."""
    return {network}


def load(device="cpu"):
    """The repaired model, ready to predict. It takes float images in [0, 1] of shape (N, {shape})."""
    model = build()
    model.load_state_dict(load_file(HERE / "model.safetensors", device=device))
    return model.to(device).eval()


if __name__ == "__main__":
    facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = load()
    with torch.no_grad():
        found = model(torch.zeros(1, {shape})).shape
    print(facts["network"], "for", len(facts["class_names"]), "classes; one black image gives", tuple(found))
'''

FOREIGN_LOADER = '''"""Load the repaired weights into your own network: needs torch and safetensors, nothing else.

The network is ``NETWORK``. Its tensors keep its own names, so that it can also load them without this file; the model
that ``load`` returns takes pixels in [0, 1] and normalises them in front of the network.

    from load_model import load   # in your own program
    model = load(network)         # network: yours, for {num_classes} classes, with any weights
"""

from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

HERE = Path(__file__).parent
NETWORK = {network}
MEAN, STD = {mean}, {std}

{block}

def load(network, device="cpu"):
    """The repaired model, ready to predict. It takes float images in [0, 1] of shape (N, {shape})."""
    network.load_state_dict(load_file(HERE / "model.safetensors"))
    return nn.Sequential(OrderedDict(normalise=Normalise(MEAN, STD), network=network)).to(device).eval()
'''


def write(folder: Path, model: ModelState, facts: Mapping[str, Any]) -> None:
    """Write ``weights.zip``: ``model.safetensors``, ``model.json`` and ``load_model.py``.

    Args:
        folder: where to.
        model: what to write.
        facts: how it was made; network, shapes and a checksum of the weights are added.
    """
    tensors = safetensors.numpy.save({name: np.asarray(value, order="C") for name, value in model.tensors.items()})
    described = {
        **model.facts(),
        "input": "float32 in [0, 1], (N, C, H, W)",
        "output": "logits (N, number of classes)",
        "sha256": hashlib.sha256(tensors).hexdigest(),
        **facts,
    }
    archive.write(
        folder / ARCHIVE,
        (
            ("model.json", json.dumps(described, indent=2, ensure_ascii=False).encode()),
            ("load_model.py", loader(model).encode()),
            ("model.safetensors", tensors),
        ),
    )


def loader(model: ModelState) -> str:
    """A program that loads the weights of ``model``, into its network, or into one that its reader builds."""
    if origins.is_foreign(model.network):
        return _foreign_loader(model)
    network = networks.restore(model, torch.device("cpu"))
    shape = ", ".join(str(size) for size in model.image_shape)
    kinds = dict.fromkeys(type(module) for module in network.modules() if _is_ours(module))
    blocks = "".join(f"\n{inspect.getsource(kind)}\n" for kind in kinds)
    return LOADER.format(network=_source(network, indent=4), shape=shape, blocks=blocks)


def _foreign_loader(model: ModelState) -> str:
    front = None if model.card is None else pixels.of_card(model.card)
    channels = model.image_shape[0]
    mean, std = ((0.0,) * channels, (1.0,) * channels) if front is None else front.arguments
    return FOREIGN_LOADER.format(
        network=repr(model.network),  # a file name can be anything: it is never more than a literal
        num_classes=model.num_classes,
        mean=mean,
        std=std,
        block=f"\n{inspect.getsource(pixels.Normalise)}\n",
        shape=", ".join(str(size) for size in model.image_shape),
    )


def _is_ours(module: nn.Module) -> bool:
    """Whether it is a layer that torch does not have; our pooling is torch's, only faster."""
    return type(module).__module__.startswith("bir_core.") and not isinstance(module, nn.MaxPool2d)


def _source(module: nn.Module, indent: int) -> str:
    """A module as the expression that makes it; torch writes the arguments of its own layers as they are called."""
    if _is_ours(module):
        arguments: Sequence[Any] = getattr(module, "arguments")  # noqa: B009 - mypy takes it for a tensor
        return f"{type(module).__name__}({', '.join(map(repr, arguments))})"
    if isinstance(module, nn.MaxPool2d):
        return f"nn.MaxPool2d({module.extra_repr()})"
    if not isinstance(module, nn.Sequential):
        return f"nn.{module!r}"
    inner = " " * (indent + 4)
    children: Sequence[str] = [
        f'{inner}("{name}", {_source(child, indent + 4)}),' for name, child in module.named_children()
    ]
    lines = "\n".join(children)
    return f"nn.Sequential(OrderedDict([\n{lines}\n{' ' * indent}]))"
