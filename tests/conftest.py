"""What tests share: one real tiny run, computed once a session."""

import os
from pathlib import Path

import pytest

from bir_core import config, run_folder
from bir_core.config import RunConfig
from bir_core.run_folder import Run
from tests import unknown_truth

# As the command line does: without it torch's threads spin while they wait, and fight with the browser's.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def tiny_config() -> RunConfig:
    """A whole run in a few seconds: 200 digits, two epochs of training."""
    brief = {"max_epochs": 3, "patience": 1}
    return config.parse(
        {
            "name": "tiny",
            "device": "cpu",
            "threads": 1,
            "data": {"num_train": 200, "num_reserved": 50},
            "base": {"preset": "memorised", "memorised_epochs": 2},
            "enhance": brief,
            "repair": brief,
        },
        origin="tiny_config",
    )


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_config: RunConfig) -> Run:
    """A finished run; treat it as read-only, and fork it to change something."""
    from bir_core import pipeline

    run = run_folder.create(tmp_path_factory.mktemp("runs"), tiny_config)
    pipeline.compute(run)
    return run


@pytest.fixture(scope="session")
def unknown_run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Run) -> Run:
    """A finished run of which nobody knows the truth, with test images; treat it as read-only."""
    from bir_core import pipeline

    run = unknown_truth.create(tmp_path_factory.mktemp("unknown"), tiny_run, "unknown", with_test=True)
    pipeline.compute(run)
    return run


@pytest.fixture(scope="session")
def untested_run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Run) -> Run:
    """A finished run of which nobody knows the truth, without test images; treat it as read-only."""
    from bir_core import pipeline

    run = unknown_truth.create(tmp_path_factory.mktemp("untested"), tiny_run, "untested", with_test=False)
    pipeline.compute(run)
    return run


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the runs, the data or the database of the person who runs the tests."""
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BIR_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("BIR_DATABASE_URL", raising=False)
