"""The machinery behind the paper's tables: cells are kept, a failed one says why, what was not run is never guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.paper import cells, figures, tables
from benchmarks.paper import work as table_work
from benchmarks.paper.bench import Bench
from benchmarks.paper.layout import Row, Section, Table
from benchmarks.paper.settings import Setting
from bir_core import methods, run_folder
from bir_core.config import RunConfig
from bir_core.data_config import DataConfig
from bir_core.errors import InputError, StageFailed

LENET = Setting(dataset="mnist", network="lenet", corruption="label", seed=0)


@pytest.fixture(autouse=True)
def _own_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "FOLDER", tmp_path / "cells")


class TinySetting(Setting):
    """The bundled digits instead of full MNIST, and hardly any training."""

    def config(self, device: str) -> RunConfig:
        brief = {"max_epochs": 2, "patience": 1}
        return RunConfig.model_validate(
            {
                "name": self.name,
                "seed": self.seed,
                "device": device,
                "threads": 1,
                "data": {"num_train": 200, "num_reserved": 50},
                "base": {"preset": "memorised", "memorised_epochs": 15},
                "enhance": brief,
                "align": {"eta": 1.0},
                "repair": brief,
            }
        )


@pytest.mark.parametrize("name", tables.NAMES)
def test_every_table_has_rows_whose_paper_numbers_fit_its_metrics(name: str) -> None:
    table = tables.find(name)
    for section in table.sections:
        assert section.rows
        assert all(row.paper is None or len(row.paper) == len(section.metrics) for row in section.rows)


def test_table_1_stands_beside_the_printed_numbers() -> None:
    label, *_ = tables.find("1").sections
    assert {row.title: row.paper for row in label.rows}["BIR"] == (95.60, 95.93, 95.10)


def test_the_table_of_methods_has_every_detector_and_every_treatment() -> None:
    rows = {row.cell for section in tables.find("methods").sections for row in section.rows}
    assert {f"detect/{one.name}" for one in methods.DETECTORS} <= rows
    reference = ("none", "enhanced")
    for which in ("own", "true", "mixed"):
        assert {f"treat/{one.name}/{which}" for one in methods.TREATMENTS if one.name not in reference} <= rows


def test_a_cell_is_computed_once_and_a_failed_one_again() -> None:
    def fails() -> cells.Cell:
        raise StageFailed("it diverged")

    assert "it diverged" in cells.measure("setting", "bad", fails)["failed"]
    cells.measure("setting", "good", lambda: {"all": 90.0})
    assert cells.missing("setting", ["good", "bad", "other"]) == ["bad", "other"]
    assert cells.load("setting")["good"]["all"] == 90.0


def test_work_is_what_is_missing_of_the_chosen_networks() -> None:
    names = [row.cell for row in tables.find("1").sections[0].rows]
    cells.measure(LENET.name, names[0], lambda: {"all": 1.0, "clean": 1.0, "noisy": 1.0})
    found = table_work.missing([tables.find("1")], {"lenet": [0], "conv4": [0]}, ["lenet"], (), quick=False)
    assert {setting.network for setting in found} == {"lenet"}
    assert found[LENET] == names[1:]


def test_mean_and_interval_by_hand() -> None:
    """Three values 1, 2, 3: mean 2, standard error 1 / sqrt 3, t(0.975, 2) = 4.3027."""
    section = Section(
        title="by hand",
        dataset="mnist",
        network="lenet",
        corruption="label",
        metrics=("all",),
        rows=(Row(title="row", cell="cell", paper=(2.5,)), Row(title="absent", cell="absent")),
    )
    for seed in range(3):
        setting = section.settings([seed], quick=False)[0]
        cells.measure(setting.name, "cell", lambda seed=seed: {"all": seed + 1.0})  # type: ignore[misc]
    values = figures.collect(Table(name="x", title="x", sections=(section,)), {"lenet": range(3)}, quick=False)
    found = values["sections"][0]["rows"][0]["figures"]["all"]
    assert found["mean"] == 2.0
    assert found["half_width"] == pytest.approx(4.3027 / 3**0.5, abs=1e-4)
    text = figures.markdown(values)
    assert "| row | 3 | 2.00 ± 2.48 | 2.50 | -0.50 |" in text
    assert "| absent | 0 | *not run* |" in text


def test_a_failed_cell_says_why_in_the_table() -> None:
    def fails() -> cells.Cell:
        raise InputError("no misclassified reserved sample")

    section = tables.find("1").sections[0]
    cells.measure(LENET.name, "method/ewc_repair", fails)
    table = Table(name="1", title="Table 1", sections=(section,))
    text = figures.markdown(figures.collect(table, {"lenet": [0]}, quick=False))
    assert "EWC Repair failed: InputError: no misclassified reserved sample" in text
    assert "| EWC Repair | 0 | failed |" in text


def test_what_was_reduced_is_said_as_it_is_run() -> None:
    quick = Setting(dataset="cifar10", network="resnet20", corruption="label", seed=0, quick=True)
    config = quick.config("cpu")
    assert isinstance(config.data, DataConfig)
    for said in (
        f"{config.data.num_train:,} training images and {config.data.num_reserved:,} reserved ones",
        f"at most {config.enhance.max_epochs} epochs of the enhanced model",
        f"{config.base.memorised_epochs} epochs",
        f"{config.methods.sgd_influence.epochs} epochs of the SGD twin",
        f"{config.methods.linear_influence.max_iterations} steps of conjugate gradients",
        f"repairs of at most {config.repair.max_epochs} epochs",
    ):
        assert said in quick.words
    assert config.methods.newton_removal.max_iterations == config.methods.linear_influence.max_iterations


def test_what_fits_two_cores_anyway_is_not_reduced() -> None:
    lenet = Setting(dataset="mnist", network="lenet", corruption="label", seed=0, quick=True)
    assert not lenet.words
    assert lenet.config("cpu") == LENET.config("cpu")


def test_a_run_of_other_settings_is_not_taken_for_this_one(tmp_path: Path) -> None:
    run_folder.create(tmp_path, LENET.config("cpu").model_copy(update={"seed": 7}))
    with pytest.raises(InputError, match="other settings"):
        _ = Bench(LENET, tmp_path, "cpu").run


def test_every_kind_of_cell_on_a_tiny_run(tmp_path: Path) -> None:
    bench = Bench(TinySetting(dataset="mnist", network="lenet", corruption="label", seed=0), tmp_path, "cpu")
    found: dict[str, Any] = {
        name: bench.compute(name)
        for name in (
            "detect/bir",
            "detect/margin",
            "treat/none/own",
            "treat/bir/true",
            "treat/bir_auto/own",
            "treat/hard_relabel/mixed",
            "damping/diagonal_fisher",
            "layers/1-2",
            "counts",
            "threshold/log 1.05",
            "reserved/30",
        )
    }
    json.dumps(found, allow_nan=False)
    truth = found["counts"]["truth"]
    for detector in ("bir", "margin"):
        curve = found[f"detect/{detector}"]["curve"]
        assert curve["inspected"][0] == curve["identified"][0] == 0
        assert curve["identified"][-1] == truth
        assert found[f"detect/{detector}"]["seconds"] > 0
    accuracies = [cell["all"] for name, cell in found.items() if name.split("/")[0] in ("treat", "layers", "reserved")]
    assert all(0 <= value <= 100 for value in accuracies)
    assert found["treat/none/own"]["all"] != found["treat/bir/true"]["all"]


def test_the_mixed_set_is_three_quarters_true(tmp_path: Path) -> None:
    bench = Bench(TinySetting(dataset="mnist", network="lenet", corruption="label", seed=0), tmp_path, "cpu")
    mixed = bench._mixed_set()
    assert len(set(mixed.tolist())) == bench.num_corrupted
    assert bench.corrupted[mixed].sum() == round(0.75 * bench.num_corrupted)


def test_the_page_says_once_what_was_reduced_and_marks_the_panels() -> None:
    setting = Setting(dataset="cifar10", network="resnet20", corruption="label", seed=0, quick=True)
    cells.measure(setting.name, "treat/none/own", lambda: {"all": 50.0, "clean": 50.0, "noisy": 50.0})
    values = figures.collect(tables.find("2"), {"resnet20": [0], "resnet50": [0]}, quick=True)
    page = figures.page(values)
    assert page.count(setting.words[1:]) == 1
    assert page.count("(reduced)") == 1
