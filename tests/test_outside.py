"""What a run reads outside of its folder: a stage is computed again where that has changed, and only then."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file

from bir_core import config, flow, outside, pipeline, run_folder, verdicts
from bir_core.config import RunConfig
from bir_core.data import image_set, importing
from bir_core.data.import_request import ImportRequest
from bir_core.run_folder import Run
from bir_core.verdicts import Decision

NOTED = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))


@given(noted=NOTED, now=NOTED)
def test_only_what_is_there_and_was_noted_can_have_changed(noted: Mapping[str, str], now: Mapping[str, str]) -> None:
    both = noted.keys() & now.keys()
    assert outside.changed(noted, now) == any(noted[name] != now[name] for name in both)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of noise, split folders."""
    draw = np.random.default_rng(0)
    for part, num in (("train", 12), ("reserved", 4), ("test", 4)):
        for label in ("cat", "dog"):
            folder = tmp_path / "pictures" / part / label
            folder.mkdir(parents=True)
            for number in range(num):
                Image.fromarray(draw.integers(0, 256, (28, 28), dtype=np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "pictures"


def imported(pictures: Path) -> None:
    importing.import_images(ImportRequest(name="pets", path=str(pictures)))


def own_run(root: Path, tiny_config: RunConfig) -> Run:
    values = {**tiny_config.model_dump(), "name": "own", "data": {"source": "own", "images": "pets"}}
    run = run_folder.create(root / "runs", config.parse(values, origin="test"))
    pipeline.compute(run, ("data",))
    return run


def test_data_are_loaded_again_where_the_image_set_is_another(
    pictures: Path, tmp_path: Path, tiny_config: RunConfig
) -> None:
    imported(pictures)
    run = own_run(tmp_path, tiny_config)
    imported(pictures)
    assert run_folder.is_fresh(run, "data"), "imported again, and nothing is new"
    os.utime(pictures / "train" / "cat" / "3.png", ns=(0, 0))
    assert run_folder.is_fresh(run, "data"), "the set is what counts"
    imported(pictures)
    assert not run_folder.is_fresh(run, "data"), "a run opens files as they were when they were imported"
    pipeline.compute(run, ("data",))
    shutil.move(pictures / "train" / "cat" / "3.png", pictures / "train" / "dog" / "x.png")
    imported(pictures)
    assert not run_folder.is_fresh(run, "data")


def test_a_set_that_is_gone_leaves_its_runs_as_they_are(pictures: Path, tmp_path: Path, tiny_config: RunConfig) -> None:
    imported(pictures)
    run = own_run(tmp_path, tiny_config)
    image_set.delete("pets")
    assert run_folder.is_fresh(run, "data")


def test_a_base_model_is_made_again_where_its_file_is_another(tiny_run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "mine.safetensors"
    shutil.copy(tiny_run.path / "base" / "base.safetensors", weights)
    values = tiny_run.config.model_dump()
    values |= {"name": "mine", "base": {**values["base"], "preset": "trained", "start": str(weights)}}
    run = run_folder.fork(tiny_run, config.parse(values, origin="test"))
    pipeline.compute(run, ("base",))
    assert run_folder.is_fresh(run, "base")
    save_file({name: value + 1 for name, value in load_file(weights).items()}, weights)
    assert not run_folder.is_fresh(run, "base")
    weights.unlink()
    assert run_folder.is_fresh(run, "base"), "it cannot be made again, and is what it was"


def test_a_verdict_that_comes_while_an_export_is_made_is_not_in_it(tiny_run: Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "runs" / tiny_run.name)
    run = run_folder.open_run(tmp_path / "runs", tiny_run.name)
    made = run_folder.made_of(run, "export-table")
    verdicts.record(run, [Decision(sample=3, verdict="keep")], reviewer="ada", key="1")

    def write(folder: Path) -> None:
        (folder / "samples.csv").write_text("without the verdict")

    run_folder.save_stage(run, "export-table", write, seconds=0, peak_memory_mb=0, device="cpu", made=made)
    assert not run_folder.is_fresh(run, "export-table")
    pipeline.compute(run, ("export-table",))
    assert run_folder.is_fresh(run, "export-table")


def test_what_is_cross_fitted_hangs_on_all_that_a_fold_does(tiny_config: RunConfig) -> None:
    values = {**tiny_config.model_dump(), "data": {"source": "own", "images": "pets"}}
    own = config.parse(values, origin="test")
    for name in ("sensitivity", "treat-hard_relabel", "method-ewc_repair"):
        stage = flow.find(name)
        assert flow.sections(stage, tiny_config) == stage.sections
        assert set(flow.sections(stage, own)) == {*stage.sections, *flow.find(flow.CROSS_FIT).sections}
    assert flow.sections(flow.find("align"), own) == ("align",)
