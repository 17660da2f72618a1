"""A ``torch.export`` file (``.pt2``) read as data: its graph as JSON and its tensors as raw bytes.

``torch.export.load`` is not used. It unpickles what the archive asks it to (``weights_only=False`` where a first try
fails), evaluates text as Python expressions and calls whatever function a graph names, so a file that somebody sends
could run anything. Here nothing of the file is unpickled or evaluated; ``programs`` calls a list of known operators.
"""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bir_core.errors import InputError

DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""How the format numbers the types of numbers."""
SCHEMA = 8
"""The version of the format that is understood."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a file says.

    Attributes:
        graph: the format's own description of the steps.
        signature: which inputs of the graph are parameters, buffers, constants and the images.
        tensors: parameters, buffers and constants by name, each with memory of its own where the file says so.
    """

    graph: Mapping[str, Any]
    signature: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def read(path: Path) -> Description:
    """The program in a file that ``torch.export.save`` wrote.

    Raises:
        InputError: the file cannot be read, is of another version, or holds pickled objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except OSError as error:
        raise InputError(f"cannot read the exported program {path}: {error.strerror}") from None
    except InputError:
        raise
    except Exception as error:  # somebody's file can be wrong in any way
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path} is no exported program that can be read ({reason}): write it by torch.export.save"
        ) from None


def _read(archive: zipfile.ZipFile, path: Path) -> Description:
    names = archive.namelist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
        raise InputError(f"{path} is compressed, which torch.export.save never does: it is refused")
    models = [name for name in names if name.count("/") == 2 and name.split("/")[1] == "models"]
    if len(models) != 1:
        raise InputError(
            f"{path} holds {len(models)} programs, expected one: write it by torch.export.save of torch 2.9"
        )
    root, _, file = models[0].split("/")
    values = json.loads(archive.read(models[0]))
    version = values["schema_version"]["major"]
    if version != SCHEMA:
        raise InputError(f"{path} is of version {version} of the format, expected {SCHEMA}: export it with torch 2.14")
    stem = file.removesuffix(".json")
    tensors: dict[str, Tensor] = {}
    for kind in ("weights", "constants"):
        config = json.loads(archive.read(f"{root}/data/{kind}/{stem}_{kind}_config.json"))["config"]
        tensors |= _tensors(archive, f"{root}/data/{kind}", config, path)
    module = values["graph_module"]
    return Description(graph=module["graph"], signature=module["signature"], tensors=tensors)


def _tensors(archive: zipfile.ZipFile, folder: str, config: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    pickled = [name for name, entry in config.items() if entry["use_pickle"] or entry["tensor_meta"] is None]
    if pickled:
        raise InputError(
            f"{path} holds pickled objects ({', '.join(pickled[:10])}), and loading them could run code: it is "
            "refused. Export a network of plain dense tensors"
        )
    memory: dict[str, Tensor] = {}
    found = {}
    for name, entry in config.items():
        meta, file = entry["tensor_meta"], entry["path_name"]
        if file not in memory:
            content = bytearray(archive.read(f"{folder}/{file}"))
            memory[file] = (
                torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)
            )
        flat = memory[file].view(DTYPES[meta["dtype"]])
        sizes, strides = ([size["as_int"] for size in meta[part]] for part in ("sizes", "strides"))
        found[name] = flat.as_strided(sizes, strides, meta["storage_offset"]["as_int"])
    return found
