"""Colour photographs and networks from elsewhere, from a folder to the report: tiles of scikit-learn's two pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from bir_core import config, pipeline, run_folder, storage
from bir_core.data import importing
from bir_core.data.import_request import ImportRequest
from bir_core.numerics import ranking
from bir_core.run_folder import Run
from tests import tiny_networks
from tests.test_own_data import write_manifest

SIDE = 32
COUNTS = {"train": 100, "validation": 20, "reserved": 40, "test": 60}
"""Tiles of each photograph."""
WRONG = 0.2
"""Share of the training tiles that get the label of the other photograph."""
BRIEF = {"max_epochs": 12, "patience": 3}


def write_tiles(folder: Path) -> list[dict[str, Any]]:
    """Tiles that do not overlap, as JPEG files, and a line of a manifest for each."""
    draw, lines = np.random.default_rng(0), []
    splits = np.repeat(list(COUNTS), list(COUNTS.values()))
    names = ("temple", "flower")
    for label, photograph in enumerate(datasets.load_sample_images().images):
        rows, columns = (size // SIDE for size in photograph.shape[:2])
        places = draw.permutation(rows * columns)[: len(splits)]
        for place, split in zip(places.tolist(), splits.tolist(), strict=True):
            top, left = SIDE * (place // columns), SIDE * (place % columns)
            path = f"{names[label]}-{place:03d}.jpg"
            Image.fromarray(photograph[top : top + SIDE, left : left + SIDE]).save(folder / path, quality=95)
            given = 1 - label if split == "train" and draw.random() < WRONG else label
            lines.append({"path": path, "label": names[given], "true_label": names[label], "split": split})
    return lines


def run_of(tiles: Path, root: Path, network: str, *, without: tuple[str, ...] = ()) -> Run:
    manifest = write_manifest(tiles / "manifest.jsonl", write_tiles(tiles), *without)
    importing.import_images(ImportRequest(name="tiles", path=str(manifest)))
    wanted = {
        "name": network,
        "threads": 1,
        "data": {"source": "own", "images": "tiles"},
        "base": {
            "network": f"factory:tests.tiny_networks:{network}",
            "card": tiny_networks.CARD.model_dump(),
            "preset": "memorised",
            "memorised_epochs": 8,
            "batch_size": 32,
        },
        "enhance": BRIEF,
        "repair": BRIEF,
    }
    run = run_folder.create(root, config.parse(wanted, origin="tiles"))
    pipeline.compute(run)
    return run


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    (tmp_path / "tiles").mkdir()
    return tmp_path / "tiles"


@pytest.mark.parametrize("network", ["resnet", "vit"])
def test_wrong_labels_of_photographs_are_found(tiles: Path, tmp_path: Path, network: str) -> None:
    run = run_of(tiles, tmp_path / "runs", network)
    truth, scores = storage.load_truth(run.path / "data"), storage.load_scores(run.path / "score")
    assert 20 <= truth.corrupted.sum() <= 60
    found = ranking.ranking_auc(scores.score, truth.corrupted)
    assert found is not None
    assert found > 0.8
    report = storage.load_report(run.path / "evaluate")
    assert report["models"]["enhanced"]["num"]["all"] == 2 * COUNTS["test"]
    assert report["models"]["enhanced"]["all"] > 80
    train = storage.load_part(run.path / "data", "train")
    assert train.images.shape == (2 * COUNTS["train"], 3, 16, 16)
    # A person sees pixels, whatever the network makes of them.
    assert 0 <= np.min(train.images[:]) < 0.2
    assert 0.8 < np.max(train.images[:]) <= 1


def test_without_true_labels_nothing_about_the_truth_is_said(tiles: Path, tmp_path: Path) -> None:
    run = run_of(tiles, tmp_path / "runs", "resnet", without=("true_label",))
    report = storage.load_report(run.path / "evaluate")
    facts = report["identification"]
    assert (facts["precision"], facts["recall"], facts.get("auc")) == (None, None, None)
    assert not storage.load_truth(run.path / "data").known
