"""What a run reads outside of its folder, an image set or a file of weights, and whether it is still as it was.

A stage notes beside its result what these were like when it read them. No torch here: the dashboard reads runs.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bir_core import durable
from bir_core.base_config import STARTS, BaseConfig
from bir_core.config import RunConfig
from bir_core.data import image_set
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError


def state(stage: str, config: RunConfig) -> dict[str, str]:
    """What a stage reads outside of a run, each with a digest; what is not there is left out."""
    found: dict[str, str | None] = {}
    if stage == "data" and isinstance(config.data, OwnDataConfig):
        found[f"image set {config.data.images}"] = _set_digest(config.data.images)
    # Attacks are made against a network of the same kind as the base model, so the data may depend on its weights.
    if stage == "base" or (stage == "data" and config.data.corruption == "adv"):
        found |= {f"file {path}": _checksum(path) for path in _files(config.base)}
    return {name: digest for name, digest in found.items() if digest is not None}


def changed(noted: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether something is there that is not as it was; what is gone, or was not noted, has not changed."""
    return any(now.get(name, digest) != digest for name, digest in noted.items())


def _files(base: BaseConfig) -> list[Path]:
    """The files of weights that the base model is made from."""
    names = [base.network.partition(":")[2]] if base.is_program else []
    names += [] if base.start in STARTS else [base.start]
    return [Path(name) for name in names]


def _set_digest(name: str) -> str | None:
    """Of all that a run reads of an image set, where its files lie and since when included."""
    try:
        return _digest(name, *image_set.state(name))
    except InputError:
        return None


@functools.lru_cache(maxsize=64)
def _digest(name: str, *_unchanged: object) -> str:
    found = image_set.open_set(name)
    digest = hashlib.sha256(json.dumps([found.fingerprint, *found.roots]).encode())
    for column in ("root", "path", "row", "bytes", "mtime_ns"):
        for chunk in found.index[column].chunks:
            digest.update(json.dumps(chunk.to_pylist()).encode())
    return digest.hexdigest()


def _checksum(path: Path) -> str | None:
    try:
        found = path.stat()
        return _sha256(path.resolve(), found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError:
        return None


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, *_unchanged: int) -> str:
    return durable.sha256(path)
