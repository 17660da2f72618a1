"""Whole runs on networks from elsewhere, and on weights that were trained elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bir_core import config, pipeline, run_folder, storage
from bir_core.config import RunConfig
from bir_core.errors import InputError
from bir_core.run_folder import Run
from tests import tiny_networks
from tests.test_programs import export

GREY: dict[str, Any] = {
    "network": "factory:tests.tiny_networks:grey",
    "card": {"channels": 1, "size": [28, 28], "mean": [0.13], "std": [0.31]},
}


def computed(root: Path, settings: RunConfig, base: dict[str, Any], *stages: str) -> Run:
    values = {**settings.model_dump(), "name": "foreign", "base": {**settings.base.model_dump(), **base}}
    run = run_folder.create(root, config.parse(values, origin="test"))
    pipeline.compute(run, *((stages,) if stages else ()))
    return run


def test_a_network_from_a_factory_goes_all_the_way(tmp_path: Path, tiny_config: RunConfig) -> None:
    run = computed(tmp_path, tiny_config, GREY)
    report = storage.load_report(run.path / "evaluate")
    assert report["base"]["network"] == GREY["network"]
    assert report["base"]["num_parameters"] == sum(value.numel() for value in tiny_networks.grey(10).parameters())
    assert [row["layers"] for row in report["selection"]["candidates"]][:3] == [["stem"], ["stage1"], ["head"]]
    assert set(report["models"]) >= {"base", "enhanced", "bir", "retrain"}
    assert "weights.zip" in {path.name for path in _exported(run).iterdir()}


def _exported(run: Run) -> Path:
    pipeline.compute(run, ("export-weights",))
    return run.path / "export-weights"


def test_weights_that_come_back_as_a_file_give_the_same_scores(
    tmp_path: Path, tiny_config: RunConfig, tiny_run: Run
) -> None:
    trained = storage.load_model(tiny_run.path / "base", "base")
    torch.save({name: torch.tensor(value) for name, value in trained.state.tensors.items()}, tmp_path / "base.pt")
    run = computed(tmp_path, tiny_config, {"preset": "trained", "start": str(tmp_path / "base.pt")})
    before, after = (storage.load_scores(one.path / "score") for one in (tiny_run, run))
    assert np.array_equal(before.score, after.score)
    report = storage.load_report(run.path / "evaluate")
    assert (report["base"]["preset"], report["base"]["num_epochs"]) == ("trained", 0)
    assert report["base"]["start"].startswith("a file: base.pt, sha256 ")
    assert storage.load_model(run.path / "compare", "retrain").start == "scratch"
    assert len(storage.load_model(run.path / "compare", "retrain").epochs) > 1


@pytest.mark.filterwarnings("ignore")
def test_an_exported_program_is_scored_and_aligned_and_the_retraining_says_why_not(
    tmp_path: Path, tiny_config: RunConfig
) -> None:
    torch.manual_seed(0)
    example, module = (torch.rand(2, 1, 28, 28),), tiny_networks.grey(10).eval()
    path = export(tmp_path / "grey.pt2", module, example=example)
    base = {"network": f"export:{path}", "preset": "trained", "card": GREY["card"]}
    run = computed(
        tmp_path / "runs", tiny_config, base, "data", "base", "select", "enhance", "score", "identify", "align"
    )
    aligned, scores = storage.load_aligned(run.path / "align"), storage.load_scores(run.path / "score")
    assert len(scores) == 180
    assert np.abs(scores.score).max() > 0
    assert len(aligned) == 180
    with pytest.raises(InputError, match=r"grey\.pt2 cannot be trained anew"):
        pipeline.compute(run, ("repair", "compare"))
