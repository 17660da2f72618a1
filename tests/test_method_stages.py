"""Detectors and treatments on a run folder: computed when asked for, kept, and stale only when they must be."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from bir_core import config, flow, pipeline, run_folder, storage
from bir_core.flow import StageEvent
from bir_core.run_folder import Run

DETECTORS = ("detect-margin", "detect-deep_knn", "detect-knn_shapley")
TREATMENTS = ("treat-hard_relabel", "treat-rdia", "treat-retrain_with_reserved")
WANTED = (*DETECTORS, *TREATMENTS)


def computed(run: Run) -> list[str]:
    events: list[StageEvent] = []
    pipeline.compute(run, WANTED, watch=events.append)
    return [event.stage for event in events if event.state == "finished"]


@pytest.fixture(scope="module")
def run(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy of the tiny run with a few methods computed; treat it as read-only."""
    root = tmp_path_factory.mktemp("methods")
    shutil.copytree(tiny_run.path, root / tiny_run.name)
    copy = run_folder.open_run(root, tiny_run.name)
    assert computed(copy) == [name for name in flow.EVERY_NAME if name in WANTED]
    return copy


def test_nothing_is_computed_twice(run: Run) -> None:
    assert computed(run) == []
    assert set(run_folder.fresh_stages(run)) == {*flow.NAMES, *WANTED}


@pytest.mark.parametrize("stage", DETECTORS)
def test_what_a_detector_leaves(stage: str, run: Run) -> None:
    scores, found = storage.load_detector_scores(run.path / stage), storage.load_findings(run.path / stage)
    assert scores.shape == (len(storage.load_part(run.path / "data", "train")),)
    assert np.isfinite(scores).all()
    assert f"detect-{found['detector']}" == stage
    figures = found["figures"]
    assert all(0 <= figures[name] <= 1 for name in ("auc", "average_precision", "recall_at_k"))
    assert figures["num_above_threshold"] == (scores > figures["threshold"]).sum()


@pytest.mark.parametrize("stage", TREATMENTS)
def test_what_a_treatment_leaves(stage: str, run: Run) -> None:
    name, found = stage.removeprefix("treat-"), storage.load_findings(run.path / stage)
    test = storage.load_part(run.path / "data", "test")
    beliefs = storage.load_probabilities(run.path / stage, "test", name)
    assert found["name"] == name
    assert found["figures"]["all"] == pytest.approx(100 * (beliefs.argmax(1) == test.labels).mean())
    repaired, base = storage.load_model(run.path / stage, name), storage.load_model(run.path / "base", "base")
    assert len(repaired.epochs) == found["num_epochs"] > 0
    assert repaired.state.tensors.keys() == base.state.tensors.keys()
    assert not np.array_equal(repaired.state.tensors["layer5.0.weight"], base.state.tensors["layer5.0.weight"])


@pytest.mark.parametrize(
    ("sections", "stale"),
    [
        ({"methods": {"deep_knn": {"num_neighbours": 5}}}, ["detect-deep_knn"]),
        ({"methods": {"sgd_influence": {"epochs": 5}}}, []),
        ({"repair": {"learning_rate": 2e-3}}, list(TREATMENTS)),
    ],
)
def test_a_changed_option_restales_what_reads_it(
    run: Run, tmp_path: Path, sections: dict[str, dict[str, object]], stale: list[str]
) -> None:
    shutil.copytree(run.path, tmp_path / run.name)
    values = run.config.model_dump()
    for section, update in sections.items():
        values[section] |= update
    changed = run_folder.update_config(run_folder.open_run(tmp_path, run.name), config.parse(values, origin="test"))
    fresh = run_folder.fresh_stages(changed)
    assert [name for name in WANTED if name not in fresh] == stale
