"""Finished cells, one JSON file per setting in ``results/cells``: what is there is not computed again."""

import json
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from bir_core import durable
from bir_core.errors import InputError

FOLDER = Path(__file__).parents[1] / "results" / "cells"

Cell = dict[str, Any]


def load(setting: str) -> dict[str, Cell]:
    """The finished cells of a setting by name; a failed one says why under "failed"."""
    path = FOLDER / f"{setting}.json"
    if not path.exists():
        return {}
    found: dict[str, Cell] = json.loads(path.read_text(encoding="utf-8"))
    return found


def measure(setting: str, name: str, compute: Callable[[], Cell]) -> Cell:
    """Compute a cell and keep it. What cannot be computed becomes a cell that says why; it is tried again next time."""
    started = time.perf_counter()
    try:
        cell = compute()
    except (InputError, RuntimeError, MemoryError) as error:
        cell = {"failed": f"{type(error).__name__}: {error}"}
    cell["wall_seconds"] = round(time.perf_counter() - started, 2)
    cell["machine"] = _machine()
    _save(setting, load(setting) | {name: cell})
    return cell


def missing(setting: str, names: list[str]) -> list[str]:
    """Those of the cells that are not finished yet."""
    found = load(setting)
    return [name for name in dict.fromkeys(names) if "failed" in found.get(name, {"failed": "absent"})]


def _save(setting: str, cells: dict[str, Cell]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(cell, allow_nan=False)}" for name, cell in cells.items())
    with durable.whole_file(FOLDER / f"{setting}.json") as part:
        part.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _machine() -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{platform.machine()}, Python {platform.python_version()}, torch {metadata.version('torch')}{gpu}"
