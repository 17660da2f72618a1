"""What an import found, from the index of a set alone: counts, sizes, and pictures that are there more than once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bir_core.data.entries import SPLITS
from bir_core.errors import InputError
from bir_core.records import Integers

EXAMPLES = 20
"""So many of the unreadable and of the double pictures are named."""


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Images that were left out: how many, and why, for the first of them."""

    num: int
    examples: tuple[tuple[str, str], ...]


def left_out(report: dict[str, Any]) -> Unreadable:
    """What a report says of images that were left out."""
    found = report["unreadable"]
    return Unreadable(num=found["num"], examples=tuple((path, reason) for path, reason in found["examples"]))


def build(index: pa.Table, class_names: Sequence[str], unreadable: Unreadable) -> dict[str, Any]:
    """The report of a set.

    Args:
        index: one row per image, see ``index``.
        class_names: in label order.
        unreadable: what was left out.

    Returns:
        JSON-able: ``num_images``, ``bytes``, ``unreadable`` (num, examples), ``splits`` (split -> class -> images),
        ``sizes`` (smallest, largest, common, num), ``duplicates`` (see ``duplicates``), ``warnings`` (sentences).

    Raises:
        InputError: a reserved or a test image is in another part too.
    """
    counts = _counts(index, class_names)
    double = duplicates(index)
    report = {
        "num_images": index.num_rows,
        "bytes": int(index["bytes"].to_numpy()[_first_of_file(index)].sum()),
        "unreadable": {"num": unreadable.num, "examples": [list(one) for one in unreadable.examples]},
        "splits": counts,
        "sizes": _sizes(index),
        "duplicates": double,
    }
    return {**report, "warnings": _warnings(report)}


def _first_of_file(index: pa.Table) -> Integers:
    """One row of each file: rows of an array share theirs."""
    rows = index["row"].to_numpy()
    names = index["path"].to_pylist() if (rows >= 0).any() else []
    arrays = {(names[at], int(rows[at]) < 0): at for at in reversed(range(len(names)))}
    return np.array(sorted(arrays.values()), dtype=np.int64) if arrays else np.arange(len(rows))


def _counts(index: pa.Table, class_names: Sequence[str]) -> dict[str, dict[str, int]]:
    labels, splits = index["label"].to_numpy(), split_numbers(index)
    found: dict[str, dict[str, int]] = {}
    for number, split in enumerate(SPLITS):
        counted = np.bincount(labels[splits == number], minlength=len(class_names))
        if counted.any():
            found[split] = dict(zip(class_names, counted.tolist(), strict=True))
    return found


def _sizes(index: pa.Table) -> dict[str, Any]:
    counted = Counter[tuple[int, int]]()
    for batch in index.select(["width", "height"]).to_batches():
        counted.update(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    by_area = sorted(counted, key=lambda size: (size[0] * size[1], size))
    return {
        "num": len(counted),
        "smallest": list(by_area[0]),
        "largest": list(by_area[-1]),
        "common": [[*size, num] for size, num in counted.most_common(5)],
    }


def split_numbers(index: pa.Table) -> Integers:
    """The column ``split`` as positions in ``SPLITS``."""
    column = index["split"].combine_chunks().dictionary_encode()
    names = [SPLITS.index(name) for name in column.dictionary.to_pylist()]
    numbers: Integers = np.array(names, dtype=np.int64)[column.indices.to_numpy()]
    return numbers


def duplicates(index: pa.Table) -> dict[str, Any]:
    """Pictures of the same content, by checksum.

    Returns:
        JSON-able: ``num`` images that are the same as an earlier one of their part; ``num_across`` the same as one of
        another part (training and validation); ``num_other_label`` among both those with another label than the
        first; ``examples``, lists of keys.

    Raises:
        InputError: a reserved or a test image is in another part too; the sentence names both files.
    """
    num, across, other = 0, 0, 0
    examples: list[list[str]] = []
    splits, labels = split_numbers(index), index["label"].to_numpy()
    for group in _groups(index):
        first = group[0]
        within = len(group) - len(np.unique(splits[group]))
        num += within
        across += len(group) - 1 - within
        other += int((labels[group] != labels[first]).sum())
        _refuse_leak(index, group, splits)
        if len(examples) < EXAMPLES:
            examples.append([index["key"][int(at)].as_py() for at in group[:4]])
    return {"num": num, "num_across": across, "num_other_label": other, "examples": examples}


def _groups(index: pa.Table) -> list[Integers]:
    """Positions of the images of each content that is there more than once, in import order."""
    content = index["sha256"].combine_chunks()
    order = pc.sort_indices(content)  # a table of hashes would take four times as much
    ordered = content.take(order)
    first = np.r_[True, np.asarray(pc.not_equal(ordered[1:], ordered[:-1]))]
    starts = np.flatnonzero(first)
    sizes = np.diff(np.r_[starts, len(first)])
    positions = order.to_numpy().astype(np.int64)
    groups = [positions[start : start + size] for start, size in zip(starts, sizes, strict=True) if size > 1]
    return sorted(groups, key=lambda group: int(group[0]))


def _refuse_leak(index: pa.Table, group: Integers, splits: Integers) -> None:
    held = [at for at in group if SPLITS[splits[at]] in ("reserved", "test")]
    other = next((at for at in group if held and splits[at] != splits[held[0]]), None)
    if other is None:
        return
    (one, split), (two, where) = ((index["path"][int(at)].as_py(), SPLITS[splits[at]]) for at in (held[0], other))
    rows = [index["row"][int(at)].as_py() for at in (held[0], other)]
    one, two = (f"{path}, row {row}" if row >= 0 else path for path, row in zip((one, two), rows, strict=True))
    title = {"train": "a training", "validation": "a validation", "reserved": "a reserved", "test": "a test"}
    raise InputError(
        f"the {split} image {one} is {title[where]} image too ({two} has the same content): a picture may be in one "
        "part only; take it out of one of them"
    )


def _warnings(report: dict[str, Any]) -> list[str]:
    splits, double, unreadable = report["splits"], report["duplicates"], report["unreadable"]["num"]
    found = []
    training = splits.get("train", {})
    for count, what in ((0, "no training image"), (1, "one training image")):
        few = [name for name, num in training.items() if num == count]
        if few:
            found.append(f"{what} of {_names(few)}: a class needs some to be learnt")
    if "reserved" not in splits:
        found.append("no reserved images: pick some before a run, or import a folder or a manifest of them")
    else:
        absent = [name for name, num in splits["reserved"].items() if num == 0]
        if absent:
            found.append(f"no reserved image of {_names(absent)}")
    if unreadable:
        found.append(f"{counted(unreadable, 'file')} could not be read, left out")
    if double["num"] or double["num_across"]:
        total = double["num"] + double["num_across"]
        found.append(
            f"the same as another one: {counted(total, 'image')}, {double['num_other_label']:,} of another label"
        )
    return found


def counted(num: int, what: str) -> str:
    """Such as "1 file" and "2 files"."""
    return f"{num:,} {what}" if num == 1 else f"{num:,} {what}s"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more classes" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
