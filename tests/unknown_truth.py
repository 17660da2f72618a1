"""Runs of which nobody knows the truth: the tiny run's digits, wrong labels and all, as somebody's own images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bir_core import config, run_folder, storage
from bir_core.records import Splits, Truth
from bir_core.run_folder import Run


def unknown(splits: Splits, *, named: tuple[int, ...] = ()) -> Truth:
    """What is known of the data when nobody knows the truth; ``named`` are the classes that the user suspects."""
    given = splits.train.labels
    return Truth(
        corrupted=np.zeros(len(given), dtype=np.bool_),
        original_labels=given,
        original_images=np.asarray(splits.train.images[:0]),
        noisy_classes=named,
        corruption="unknown",
        num_validation_corrupted=0,
    )


def create(
    root: Path, known: Run, name: str, *, with_test: bool, named: tuple[int, ...] = (), **sections: dict[str, Any]
) -> Run:
    """A run whose data stage holds the data of a known run as somebody's own images; nothing else is computed."""
    splits = storage.load_splits(known.path / "data")
    return create_from(root, known, name, splits if with_test else without_test(splits), named=named, **sections)


def create_from(
    root: Path, pattern: Run, name: str, splits: Splits, *, named: tuple[int, ...] = (), **sections: dict[str, Any]
) -> Run:
    """A run with the settings of another one on any data as somebody's own images; nothing else is computed."""
    values = pattern.config.model_dump() | {"name": name}
    values["data"] = {"source": "own", "images": "mine", "noisy_classes": [splits.class_names[at] for at in named]}
    for section, changes in sections.items():
        values[section] |= changes
    run = run_folder.create(root, config.parse(values, origin="unknown_truth"))
    truth = unknown(splits, named=named)

    def write(folder: Path) -> None:
        storage.save_splits(folder, splits)
        storage.save_truth(folder, truth)

    run_folder.save_stage(run, "data", write, seconds=0.1, peak_memory_mb=1.0, device="cpu")
    return run


def without_test(splits: Splits) -> Splits:
    """The same data without test images."""
    return replace(splits, test=splits.test.take(np.zeros(0, dtype=np.int64)))
