"""What a new run can be made of, and making it: the door of the New run page to the engine."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from bir_core import base_config, config, config_text, data_config, durable, jobs, methods, roots
from bir_core.card import Card
from bir_core.data import folder, image_set, own
from bir_core.errors import InputError
from dashboard import image_sets, labels, runs
from dashboard.runs import RunConfig

__all__ = ["InputError", "RunConfig", "environment", "toml"]

SOURCES: tuple[str, ...] = get_args(data_config.Source)
"""Data sets that are known by name; the first is bundled."""

BUILT_IN: tuple[str, ...] = get_args(base_config.Network)
LIBRARIES = ("torchvision", "timm")
"""Where a network may come from that is not built in: ``LIBRARY:NAME`` in a config."""

EXPORT, PROGRAM = "export", ".pt2"
"""Of an exported program: the word before its path in a config, and how its name ends."""

STARTS = base_config.STARTS
"""What the base model may start from; else a file of weights."""

CARD, USUAL_CARD = Card, base_config.IMAGENET
KNOWN_DATA, OWN_DATA = data_config.DataConfig, data_config.OwnDataConfig
TREATMENTS = {one.name: one.title for one in methods.TREATMENTS}
METHODS = {one.name: one.title for one in methods.DETECTORS} | TREATMENTS

toml = config_text.toml
environment = jobs.environment


def class_names(name: str) -> tuple[str, ...]:
    """The classes of an image set, () where its description does not say them."""
    try:
        values = json.loads((image_set.home() / name / "set.json").read_text(encoding="utf-8"))
        return tuple(map(str, values["class_names"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def shown(names: tuple[str, ...]) -> dict[str, str]:
    """Class names as a page can show them."""
    return dict(zip(names, labels.shown(names), strict=True))


def data_root() -> str:
    """The folder that data sets known by name are read from."""
    return str(folder.root())


def files_in() -> str:
    """The folders whose files may be named in the browser, in words."""
    return " or ".join(map(str, roots.allowed()))


def weight_files() -> list[str]:
    """Files of weights, as ``allowed_file`` takes them."""
    return _files(base_config.WEIGHTS)


def program_files() -> list[str]:
    """Exported programs, as ``allowed_file`` takes them."""
    return _files((PROGRAM,))


def _files(suffixes: Sequence[str]) -> list[str]:
    """Those at the top of a folder that may be named and in its ``weights``, which may be links to elsewhere."""
    places = [place for root in roots.allowed() for place in (root, root / "weights")]
    return sorted({str(path) for place in places for suffix in suffixes for path in place.glob(f"*{suffix}")})


def allowed_file(text: str) -> str:
    """The whole path of a file that may be named in the browser.

    Raises:
        InputError: it lies elsewhere, by whatever way, or there is no such file.
    """
    path = roots.resolve(text)
    if not path.is_file():
        raise InputError(f"{text!r} is a folder, but a file was expected")
    return str(path)


def parse(values: Mapping[str, Any]) -> RunConfig:
    """The config that a form means, with the name that is proposed where it gives none.

    Raises:
        InputError: a value is impossible, is not for the browser to say, or the name is taken; or the images lack a
            part that every run needs.
    """
    base = dict(values["base"])
    origin, _, name = str(base["network"]).partition(":")
    if origin == EXPORT:
        base["network"] = f"{EXPORT}:{allowed_file(name)}"
    if base["start"] not in STARTS:
        base["start"] = allowed_file(str(base["start"]))
    given = str(values.get("name", "")).strip()
    parsed = config.parse_form({**values, "base": base, "name": given or "proposed"}, origin="settings")
    if isinstance(parsed.data, OWN_DATA):
        _require_parts(parsed.data.images)
    if not given:
        return parsed.model_copy(update={"name": durable.free_name(runs.root(), _name_for(parsed))})
    if (runs.root() / given).exists():
        raise InputError(f"a run named {given!r} exists already: choose another name, or leave it empty")
    return parsed


def _require_parts(name: str) -> None:
    """As the first stage will; a set that cannot be read is left to it."""
    splits = image_sets.summary(name).splits
    if splits:
        own.require(name, num_train=splits.get("train", 0), num_reserved=splits.get("reserved", 0))


def proposed_name(values: Mapping[str, Any]) -> str:
    """The name of a run with these settings when no other is given, empty where they are impossible."""
    try:
        return parse({**values, "name": ""}).name
    except InputError:
        return ""


def _name_for(wanted: RunConfig) -> str:
    """Data, network and seed, as far as they fit a name."""
    data = wanted.data
    what = data.images if isinstance(data, data_config.OwnDataConfig) else f"{data.source}-{data.corruption}"
    network = wanted.base.network.rpartition(":")[2].rpartition("/")[2].removesuffix(PROGRAM)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{what[:30]}-{network[:20]}-{wanted.base.preset}")
    return f"{name}-seed{wanted.seed}"
