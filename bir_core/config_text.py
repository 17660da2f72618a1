"""A config as a person would have written it: TOML, with nothing in it but what differs from the defaults."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from bir_core.config import RunConfig


def differences(config: RunConfig) -> dict[str, Any]:
    """What a file must say so that it means this config; the name always, since a file without it lends its own."""
    return {"name": config.name, **_differences(config, RunConfig())}


def toml(config: RunConfig) -> str:
    """The text of the file; ``config.load`` of it gives an equal config.

    Raises:
        ValueError: a value cannot be written, such as None where the default is something.
    """
    return _table(differences(config), ())


def _differences(section: BaseModel, usual: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(section).model_fields:
        value, default = getattr(section, name), getattr(usual, name)
        if value == default:
            continue
        if not isinstance(value, BaseModel):
            found[name] = value
        elif type(value) is type(default):
            found[name] = _differences(value, default)
        else:
            found[name] = _of_another_kind(value)
    return found


def _of_another_kind(section: BaseModel) -> dict[str, Any]:
    """A section whose default is another model, or none: all that is set in it, and thereby the word that tells it."""
    return {
        name: _of_another_kind(value) if isinstance(value, BaseModel) else value
        for name in type(section).model_fields
        if (value := getattr(section, name)) is not None
    }


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """A table and those in it."""
    tables = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    lines = [f"{_key(name)} = {_value(value)}\n" for name, value in values.items() if name not in tables]
    head = f"[{'.'.join(map(_key, path))}]\n" if path and (lines or not tables) else ""
    parts = ["".join([head, *lines]), *(_table(inner, (*path, name)) for name, inner in tables.items())]
    return "\n".join(part for part in parts if part)


def _key(name: str) -> str:
    """Names of fields stand bare; that of a layer group may have letters which TOML takes in quotes only."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for characters above U+FFFF, which may stand as they are, and DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise ValueError(f"TOML has no way to write {value!r}")
