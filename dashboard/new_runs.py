"""What a new run can be made of, and making it: the door of the New run page to the engine."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from bir_core import base_config, config, config_text, data_config, methods, run_folder
from bir_core.data import folder
from bir_core.errors import InputError
from bir_core.sections import NAME_PATTERN
from dashboard import labels, runs
from dashboard.runs import RunConfig

__all__ = ["InputError", "RunConfig", "toml"]

SOURCES: tuple[str, ...] = get_args(data_config.Source)
"""Data sets that are known by name; the first is bundled."""

BUILT_IN: tuple[str, ...] = get_args(base_config.Network)
ORIGINS = ("torchvision", "timm")
"""Where a network may come from that is not built in; ``ORIGIN:NAME`` in a config."""

STARTS = ("scratch", "imagenet")
"""What the base model may start from; else a file of weights."""

KNOWN_DATA, OWN_DATA = data_config.DataConfig, data_config.OwnDataConfig
TREATMENTS = {one.name: one.title for one in methods.TREATMENTS}
METHODS = {one.name: one.title for one in methods.DETECTORS} | TREATMENTS

toml = config_text.toml


def image_sets() -> list[str]:
    """Names of the imported image sets."""
    found = (path.parent.name for path in (folder.root() / "sets").glob("*/set.json"))
    return sorted(name for name in found if re.fullmatch(NAME_PATTERN, name))


def class_names(image_set: str) -> tuple[str, ...]:
    """The classes of an image set, () where its description does not say them."""
    try:
        values = json.loads((folder.root() / "sets" / image_set / "set.json").read_text(encoding="utf-8"))
        return tuple(map(str, values["class_names"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def shown(names: tuple[str, ...]) -> dict[str, str]:
    """Class names as a page can show them."""
    return dict(zip(names, labels.shown(names), strict=True))


def files_root() -> Path:
    """The folder whose files may be named in the browser."""
    return folder.root().resolve()


def weight_files() -> list[str]:
    """Files of weights at the top of the folder and in its ``weights``, relative to it."""
    root = files_root()
    found = [
        path for place in (root, root / "weights") for kind in base_config.WEIGHTS for path in place.glob(f"*{kind}")
    ]
    return sorted(str(path.relative_to(root)) for path in found)


def allowed_file(text: str) -> str:
    """The whole path of a file that may be named in the browser.

    Raises:
        InputError: it lies elsewhere, by whatever way, or there is no such file.
    """
    root = files_root()
    try:
        path = (root / text).resolve()
    except (OSError, ValueError, RuntimeError):
        raise InputError(f"{text!r} is no path of a file: give one below {root}") from None
    if not path.is_relative_to(root):
        raise InputError(
            f"{text!r} lies outside {root}, and the browser may name files in there only: put the file there, or name "
            "it in a config file and start the run on the command line"
        )
    if not path.is_file():
        raise InputError(f"there is no file {text!r} in {root}: put it there first")
    return str(path)


def parse(values: Mapping[str, Any]) -> RunConfig:
    """The config that a form means, with the name that is proposed where it gives none.

    Raises:
        InputError: a value is impossible, is not for the browser to say, or the name is taken.
    """
    base = dict(values["base"])
    _refuse_code(str(base.get("network", "")))
    if base["start"] not in STARTS:
        base["start"] = allowed_file(str(base["start"]))
    given = str(values.get("name", "")).strip()
    parsed = config.parse({**values, "base": base, "name": given or "proposed"}, origin="settings")
    if not given:
        return parsed.model_copy(update={"name": run_folder.free_name(runs.root(), _name_for(parsed))})
    if (runs.root() / given).exists():
        raise InputError(f"a run named {given!r} exists already: choose another name, or leave it empty")
    return parsed


def proposed_name(values: Mapping[str, Any]) -> str:
    """The name of a run with these settings when no other is given, empty where they are impossible."""
    try:
        return parse({**values, "name": ""}).name
    except InputError:
        return ""


def _refuse_code(network: str) -> None:
    """Whoever names a function runs it: a config file may do that, a browser may not."""
    origin, _, name = network.partition(":")
    if ":" in name or (name and origin not in ORIGINS):
        raise InputError(
            f"network {network!r} names code to import, which the browser may not do: write it in a config file and "
            "start the run on the command line"
        )


def _name_for(wanted: RunConfig) -> str:
    """Data, network and seed, as far as they fit a name."""
    data = wanted.data
    what = data.images if isinstance(data, data_config.OwnDataConfig) else f"{data.source}-{data.corruption}"
    network = wanted.base.network.rpartition(":")[2]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{what[:30]}-{network[:20]}-{wanted.base.preset}")
    return f"{name}-seed{wanted.seed}"
