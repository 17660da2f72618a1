"""A data set that ``datasets`` of Hugging Face has saved to disk: Arrow files of images and class numbers.

It is read by pyarrow alone; the package ``datasets`` is not needed. Images that lie in the Arrow files are unpacked.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from bir_core.data import safe_paths
from bir_core.data.entries import Entry, Listing, Split, split_of
from bir_core.data.listings import columns
from bir_core.errors import InputError

_PER_FOLDER = 1000
_SAVED = "expected what Dataset.save_to_disk writes"


@dataclass(frozen=True, kw_only=True)
class _Features:
    """Columns of a data set: of the images, of the labels with their names if it has any, and of ids if there are."""

    image: str
    label: str
    names: tuple[str, ...] | None
    key: str | None


def recognises(path: Path) -> bool:
    """Whether a folder is a saved data set, or several, one per split."""
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def read(path: Path, root: Path, scratch: Path, home: str) -> Listing:
    """The rows of a saved data set, or of one per split.

    Images whose bytes lie in the Arrow files are written into ``scratch``, the folder ``home`` of the set, as they are;
    where there are paths only, those must lie below ``root``.

    Raises:
        InputError: a file is missing or damaged, or there is no column of images or of labels.
    """
    parts: list[tuple[Split, Path]] = [("train", path)]
    if (path / "dataset_dict.json").is_file():
        names = _json(path / "dataset_dict.json").get("splits", [])
        parts = [(split_of(str(name), f"{path / 'dataset_dict.json'}"), path / str(name)) for name in names]
    embedded = [_embedded(place) for _, place in parts]
    if any(embedded) and not all(embedded):
        raise InputError(f"{path} holds the images of some splits and only paths of others: import one split at a time")
    unpacked = bool(embedded) and all(embedded)
    entries = (_rows(split, place, None if unpacked else root, scratch, home) for split, place in parts)
    return Listing(origin=str(path), root=None if unpacked else root, entries=chain.from_iterable(entries))


def _rows(split: Split, place: Path, root: Path | None, scratch: Path, home: str) -> Iterator[Entry]:
    """The entries of one split; of images that were unpacked where ``root`` is None."""
    features = _features(place)
    row = 0
    for file in _files(place):
        changed = file.stat().st_mtime_ns
        for batch in _batches(file):
            for values in batch.select([name for name in vars(features).values() if isinstance(name, str)]).to_pylist():
                where = f"{place}, row {row}"
                image = values[features.image] or {}
                if root is None:
                    name = f"{split}/{row // _PER_FOLDER:05d}/{row}{_suffix(image.get('bytes') or b'')}"
                    _unpack(scratch / name, image.get("bytes"), changed, where)
                    path = f"{home}/{name}"
                else:
                    path = safe_paths.relative(image.get("path") or "", root, where)
                key = columns.text(values[features.key]) if features.key else f"{split}#{row}"
                yield Entry(
                    path=path,
                    label=_label(values[features.label], features, where),
                    key=key or f"{split}#{row}",
                    split=split,
                    line=row + 1,
                )
                row += 1


def _label(value: Any, features: _Features, where: str) -> str:
    if isinstance(value, int) and features.names is not None:
        if not 0 <= value < len(features.names):
            raise InputError(f"{where} has class number {value}: expected 0 to {len(features.names) - 1}")
        return features.names[value]
    return columns.text(value)


def _unpack(file: Path, content: bytes | None, changed: int, where: str) -> None:
    """The bytes of an image as a file that is as old as the Arrow file; one that is there already stays."""
    if not content:
        raise InputError(f"{where} has no image: leave the row out and save the data set again")
    try:
        found = file.stat()
        if (found.st_size, found.st_mtime_ns) == (len(content), changed):
            return
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, ns=(changed, changed))


def _suffix(content: bytes) -> str:
    known = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}
    return next((suffix for magic, suffix in known.items() if content.startswith(magic)), ".tif")


def _features(place: Path) -> _Features:
    features = _json(place / "dataset_info.json").get("features") or {}
    kinds = {name: facts.get("_type") for name, facts in features.items() if isinstance(facts, dict)}
    images = [name for name, kind in kinds.items() if kind == "Image"]
    known = columns.COLUMNS["label"]
    labels = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    labels += [name for name in features if name.lower() in known]
    if not images or not labels:
        lacking = (
            "images (feature Image)" if not images else f"labels (feature ClassLabel, or one of {', '.join(known)})"
        )
        raise InputError(f"{place} has no column of {lacking}; its columns are {', '.join(features) or 'none'}")
    names = features[labels[0]].get("names")
    return _Features(
        image=images[0],
        label=labels[0],
        names=tuple(str(name) for name in names) if isinstance(names, list) else None,
        key=next((name for name in features if name.lower() in columns.COLUMNS["key"]), None),
    )


def _files(place: Path) -> list[Path]:
    listed = _json(place / "state.json").get("_data_files") or []
    names = [str(item.get("filename", "")) for item in listed if isinstance(item, dict)]
    return [safe_paths.inside(place, safe_paths.relative(name, place, str(place / "state.json"))) for name in names]


def _embedded(place: Path) -> bool:
    """Whether the first image of a split lies in its Arrow file."""
    column = _features(place).image
    for file in _files(place):
        for batch in _batches(file):
            if batch.num_rows:
                image = batch.column(column)[0].as_py()
                return isinstance(image, dict) and image.get("bytes") is not None
    return True


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as reader:
            yield from reader
    except (OSError, pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{file} cannot be read as Arrow ({reason}): {_SAVED}; save it again") from None


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}): {_SAVED}") from None
    if not isinstance(content, dict):
        raise InputError(f"{file} is no JSON object: {_SAVED}")
    return content
