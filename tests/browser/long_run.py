"""A finished run made long: as many samples as wanted, drawn at random, with scores and nothing after them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bir_core import run_folder, storage
from bir_core.records import LabelledImages, Scores, Splits
from bir_core.run_folder import Run


def lengthen(run: Run, num: int) -> NDArray[np.float64]:
    """Replace the training part by ``num`` tiny pictures; returns their scores, between 0 and 1."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, num)
    data, truth = storage.load_splits(run.path / "data"), storage.load_truth(run.path / "data")
    long = LabelledImages(
        images=draw.random((num, 1, 4, 4), dtype=np.float32), labels=labels, ids=np.arange(num) + 1_000_000
    )
    beliefs = draw.dirichlet(np.ones(10), num).astype(np.float32)
    before = draw.random(num)
    scores = Scores(
        loss_before=before, loss_after=before + draw.random(num), base_predictions=labels, soft_labels=beliefs
    )
    nothing = np.zeros(num, dtype=np.bool_)
    unknown = replace(
        truth, corrupted=nothing, original_labels=labels, original_images=np.zeros((0, 1, 4, 4), np.float32)
    )

    def write(folder: Path) -> None:
        parts = {name: getattr(data, name) for name in storage.PARTS} | {"train": long}
        storage.save_splits(folder, Splits(**parts, class_names=data.class_names))
        storage.save_truth(folder, unknown)

    run_folder.save_stage(run, "data", write, seconds=0, peak_memory_mb=0, device="cpu")
    run_folder.save_stage(
        run, "score", lambda folder: storage.save_scores(folder, scores), seconds=0, peak_memory_mb=0, device="cpu"
    )
    shutil.rmtree(run.path / "align")
    shutil.rmtree(run.path / "embed")
    return scores.score
