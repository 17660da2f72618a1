"""The whole flow on a tiny run: what is skipped, what is computed again, what nobody may see."""

import json
import math
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from bir_core import (
    config,
    extras,
    flow,
    identification,
    judging,
    method_stages,
    methods,
    pipeline,
    run_folder,
    stages,
    storage,
)
from bir_core.config import EvaluateConfig, RunConfig
from bir_core.errors import InputError, RunBusy, StageFailed
from bir_core.exports import catalogue
from bir_core.flow import StageEvent
from bir_core.run_folder import Run
from tests import cases


def copy_of(run: Run, root: Path) -> Run:
    shutil.copytree(run.path, root / run.name)
    return run_folder.open_run(root, run.name)


def computed(run: Run, *stages: str, force: bool = False) -> list[str]:
    events: list[StageEvent] = []
    pipeline.compute(run, stages or flow.NAMES, force=force, watch=events.append)
    return [event.stage for event in events if event.state == "finished"]


def changed(run: Run, **sections: dict[str, object]) -> Run:
    values = run.config.model_dump()
    for section, update in sections.items():
        values[section] |= update
    return run_folder.update_config(run, config.parse(values, origin="test"))


def test_functions_and_flow_name_the_same_stages() -> None:
    parts = (stages.FUNCTIONS, judging.FUNCTIONS, extras.FUNCTIONS, method_stages.FUNCTIONS)
    assert sorted(name for part in parts for name in part) == sorted(flow.EVERY_NAME)


def test_the_flow_runs_one_way() -> None:
    for position, stage in enumerate(flow.STAGES):
        for method in get_args(config.Treatment):
            wanted = RunConfig(evaluate=EvaluateConfig(method=method))
            assert set(flow.needs(stage, wanted)) <= set(flow.EVERY_NAME[:position])
        assert {section.split(".")[0] for section in stage.sections} <= set(RunConfig.model_fields)


def test_a_report_may_put_any_treatment_first() -> None:
    assert get_args(config.Treatment) == tuple(one.name for one in methods.TREATMENTS if one.name != "none")


@pytest.mark.parametrize(
    ("method", "extra"), [("bir", ()), ("enhanced", ()), ("retrain", ()), ("rdia", ("treat-rdia",))]
)
def test_only_a_treatment_that_no_whole_run_makes_is_needed_besides(method: str, extra: tuple[str, ...]) -> None:
    wanted = config.parse({"evaluate": {"method": method}}, origin="test")
    for name in ("evaluate", "export-weights"):
        assert flow.needs(flow.find(name), wanted) == flow.find(name).needs + extra
    assert flow.needs(flow.find("repair"), wanted) == flow.find("repair").needs


def test_a_fork_under_another_treatment_computes_it_and_puts_it_first(tiny_run: Run, tmp_path: Path) -> None:
    parent = copy_of(tiny_run, tmp_path)
    values = parent.config.model_dump() | {"name": "child", "evaluate": {"method": "hard_relabel"}}
    child = run_folder.fork(parent, config.parse(values, origin="test"))
    assert run_folder.fresh_stages(child) == flow.NAMES[:-1]
    assert computed(child) == ["treat-hard_relabel", "evaluate"]
    assert computed(child) == []
    report = storage.load_report(child.path / "evaluate")
    assert list(report["models"]) == [*stages.MODELS, "hard_relabel"]
    assert report["repair"]["method"] == "hard_relabel"
    assert report["conclusion"].startswith("Hard relabelling")
    assert set(report["seconds"]) == {*flow.find("evaluate").needs, "treat-hard_relabel"}
    alone = storage.load_findings(child.path / "treat-hard_relabel")
    assert report["models"]["hard_relabel"] == alone["figures"]
    gain = next(row for row in report["differences"] if (row["model"], row["minus"]) == ("hard_relabel", "base"))
    assert gain | alone["gain"] == gain
    assert storage.load_probability_rows(child.path / "evaluate", "train", "hard_relabel").shape[1] == 10
    assert computed(child, "export-weights") == ["export-weights"]
    # What the treatment reads has changed, so the report is out of date as well.
    again = changed(child, repair={"learning_rate": 2e-3})
    assert "evaluate" not in run_folder.fresh_stages(again)
    assert "treat-hard_relabel" not in run_folder.fresh_stages(again)


def test_the_free_detectors_stand_in_the_report(tiny_run: Run) -> None:
    found = storage.load_report(tiny_run.path / "evaluate")["identification"]
    assert list(found["detectors"]) == [one.name for one in methods.DETECTORS if one.free]
    assert found["detectors"]["bir"]["auc"] == found["auc"]
    assert found["detectors"]["enhanced_loss"]["auc"] == found["auc_enhanced_loss"]
    above = (storage.load_scores(tiny_run.path / "score").loss_before > math.log(10)).sum()
    assert found["detectors"]["loss"]["num_above_threshold"] == above


def test_nothing_is_computed_twice(tiny_run: Run, tmp_path: Path) -> None:
    assert computed(copy_of(tiny_run, tmp_path)) == []


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"evaluate": {"method": "retrain"}}, ["evaluate"]),
        ({"align": {"eta": 0.5}}, ["align", "repair", "evaluate"]),
        ({"identify": {"top_k": 7}}, ["identify", "align", "repair", "compare", "evaluate"]),
    ],
)
def test_a_changed_section_recomputes_what_reads_it_and_what_follows(
    tiny_run: Run, tmp_path: Path, sections: dict[str, dict[str, object]], expected: list[str]
) -> None:
    assert computed(changed(copy_of(tiny_run, tmp_path), **sections)) == expected


def test_a_stage_can_be_computed_again_alone_with_the_same_bits(tiny_run: Run, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path)
    before = run_folder.read_stage(run, "enhance")
    assert computed(run, "enhance", force=True) == ["enhance"]
    after = run_folder.read_stage(run, "enhance")
    assert before is not None
    assert after is not None
    assert after.files == before.files
    assert run_folder.fresh_stages(run) == flow.NAMES


def test_the_same_config_gives_the_same_bits_in_another_run(tiny_run: Run, tmp_path: Path) -> None:
    again = run_folder.create(tmp_path, tiny_run.config)
    pipeline.compute(again)
    for stage in flow.NAMES[:-1]:
        ours, theirs = (run_folder.read_stage(run, stage) for run in (again, tiny_run))
        assert ours is not None
        assert theirs is not None
        assert ours.files == theirs.files, stage


def test_the_truth_is_not_needed_before_evaluation(tiny_run: Run, tmp_path: Path) -> None:
    """Every stage but data and evaluate gives the same bits when the truth is turned upside down."""
    run = copy_of(tiny_run, tmp_path)
    folder = run.path / "data"
    truth = storage.load_truth(folder)
    upside_down = {
        **truth.__dict__,
        "corrupted": ~truth.corrupted,
        "original_labels": 9 - truth.original_labels,
        "original_images": np.zeros((int((~truth.corrupted).sum()), 1, 28, 28), np.float32),
    }
    before = {stage: run_folder.read_stage(run, stage) for stage in flow.NAMES}
    splits = storage.load_splits(folder)

    def write(part: Path) -> None:
        storage.save_splits(part, splits)
        storage.save_truth(part, type(truth)(**upside_down))

    run_folder.save_stage(run, "data", write, seconds=0, peak_memory_mb=0, device="cpu")
    assert computed(run, *flow.NAMES[1:], force=True) == list(flow.NAMES[1:])
    for stage in flow.NAMES[1:-1]:
        ours, theirs = run_folder.read_stage(run, stage), before[stage]
        assert ours is not None
        assert theirs is not None
        assert ours.files == theirs.files, stage
    first, second = (storage.load_report(one.path / "evaluate") for one in (tiny_run, run))
    assert first["identification"]["auc"] == pytest.approx(1 - second["identification"]["auc"])


def test_the_report_adds_up(tiny_run: Run) -> None:
    report = storage.load_report(tiny_run.path / "evaluate")
    assert list(report["models"]) == ["base", "enhanced", "bir", "bir_with_reserved", "fine_tune", "retrain"]
    for name, model in report["models"].items():
        sizes = model["num"]
        assert sizes["all"] == sizes["clean"] + sizes["noisy"] == report["data"]["num_test"]
        weighted = (model["clean"] * sizes["clean"] + model["noisy"] * sizes["noisy"]) / sizes["all"]
        assert model["all"] == pytest.approx(weighted), name
        hits = np.trace(np.array(model["confusion"]))
        assert model["all"] == pytest.approx(100 * hits / sizes["all"])
        assert model["intervals"]["all"][0] < model["all"] < model["intervals"]["all"][1]
    for row in report["differences"]:
        for group in ("all", "clean", "noisy"):
            models = report["models"]
            expected = models[row["model"]][group] - models[row["minus"]][group]
            assert row[group]["difference"] == pytest.approx(expected)
            assert row[group]["low"] <= row[group]["difference"] <= row[group]["high"]
    assert set(report["seconds"]) == set(flow.find("evaluate").needs)
    json.dumps(report, allow_nan=False)


def test_no_suspects_makes_the_repair_a_no_op_that_says_so(tiny_run: Run, tmp_path: Path) -> None:
    run = changed(copy_of(tiny_run, tmp_path), identify={"threshold": 1e6})
    pipeline.compute(run)
    report = storage.load_report(run.path / "evaluate")
    assert report["repair"]["no_op"] is True
    assert report["models"]["bir"]["confusion"] == report["models"]["base"]["confusion"]
    assert report["conclusion"] == (
        "No sample is suspect at this threshold, so there is nothing to repair: leave the model as it is."
    )


@pytest.mark.parametrize(
    ("method", "no_op", "num_epochs"),
    [("newton_removal", False, None), ("ewc_deletion", False, 1), ("hard_relabel", True, None), ("enhanced", False, 3)],
)
def test_without_suspects_the_weights_say_whether_the_headline_did_anything(
    tiny_run: Run, tmp_path: Path, method: str, no_op: bool, num_epochs: int | None
) -> None:
    """Two treatments unlearn what people have removed, and one does not heed the suspects at all."""
    run = changed(
        copy_of(tiny_run, tmp_path),
        identify={"threshold": 1e6},
        review={"remove": list(range(8))},
        evaluate={"method": method},
        methods={"ewc_deletion": {"max_epochs": 1}},
    )
    pipeline.compute(run)
    report = storage.load_report(run.path / "evaluate")
    before = storage.load_model(run.path / "base", "base").state.tensors
    after = storage.load_model(run.path / stages.models_beside(method)[method], method).state.tensors
    assert all(np.array_equal(before[name], after[name]) for name in before) == no_op
    assert (report["repair"]["no_op"], report["repair"]["num_epochs"]) == (no_op, num_epochs)
    assert ("nothing to repair" in report["conclusion"]) == no_op


def test_verdicts_change_the_repair_and_nothing_before_it(tiny_run: Run, tmp_path: Path) -> None:
    before = storage.load_report(tiny_run.path / "evaluate")
    ranking = identification.rank(storage.load_scores(tiny_run.path / "score").score).tolist()
    verdicts = {"keep": ranking[:1], "remove": [ranking[1], ranking[-1]], "relabel": [[ranking[2], 4]]}
    run = changed(copy_of(tiny_run, tmp_path), review=verdicts)
    assert run_folder.fresh_stages(run) == flow.NAMES[: flow.NAMES.index("repair")]
    pipeline.compute(run)
    after = storage.load_report(run.path / "evaluate")
    assert after["review"] == {"keep": 1, "remove": 2, "relabel": 1}
    assert before["review"] == {"keep": 0, "remove": 0, "relabel": 0}
    assert after["identification"] == before["identification"]
    assert after["repair"]["num_aligned"] == before["repair"]["num_aligned"] - 3
    assert after["repair"]["num_relabelled"] == 1


def test_every_sample_a_suspect_fails_with_a_sentence_and_keeps_what_was_done(tiny_run: Run, tmp_path: Path) -> None:
    run = changed(copy_of(tiny_run, tmp_path), identify={"threshold": -1e6})
    with pytest.raises(StageFailed, match="every training sample is a suspect"):
        pipeline.compute(run)
    assert run_folder.fresh_stages(run)[-1] == "repair"


def test_a_loss_that_is_no_number_names_the_learning_rate(tiny_config: RunConfig, tmp_path: Path) -> None:
    values = tiny_config.model_dump()
    values["base"] |= {"learning_rate": 1e30}
    run = run_folder.create(tmp_path, config.parse(values, origin="test"))
    with pytest.raises(
        StageFailed, match=r"loss became (nan|inf) in epoch \d+: lower the learning rate \(now 1e\+30\)"
    ):
        pipeline.compute(run)
    assert run_folder.fresh_stages(run) == ("data",)


def test_an_unknown_stage_names_the_nearest_or_all(tiny_run: Run) -> None:
    with pytest.raises(InputError, match="unknown stage 'scroe': did you mean score or"):
        pipeline.compute(tiny_run, ["scroe"])
    with pytest.raises(InputError, match="unknown stage 'detect-margins': did you mean detect-margin or"):
        pipeline.compute(tiny_run, ["detect-margins"])
    with pytest.raises(InputError, match="unknown stage 'xyzzy': choose one of data, base, select"):
        pipeline.compute(tiny_run, ["xyzzy"])


def test_a_locked_run_is_refused(tiny_run: Run) -> None:
    with run_folder.lock(tiny_run.path), pytest.raises(RunBusy, match="is being computed by process"):
        pipeline.compute(tiny_run)


def test_a_run_without_corruption_has_no_noisy_classes(tiny_config: RunConfig, tmp_path: Path) -> None:
    values = tiny_config.model_dump()
    values["data"] |= {"corruption": "none"}
    run = run_folder.create(tmp_path, config.parse(values, origin="test"))
    pipeline.compute(run)
    report = storage.load_report(run.path / "evaluate")
    assert report["identification"]["auc"] is None
    assert report["models"]["bir"]["noisy"] is None
    assert report["models"]["bir"]["all"] > 0


def test_the_adversarial_corruption_trains_a_victim_first(tiny_config: RunConfig, tmp_path: Path) -> None:
    values = tiny_config.model_dump()
    values["data"] |= {"corruption": "adv"}
    run = run_folder.create(tmp_path, config.parse(values, origin="test"))
    pipeline.compute(run, ["data"])
    truth = storage.load_truth(run.path / "data")
    train = storage.load_part(run.path / "data", "train")
    step = np.abs(train.images[truth.corrupted] - truth.original_images)
    assert truth.corrupted.any()
    assert step.max() == pytest.approx(0.3, abs=1e-6)


def test_a_resnet_learns_colour_images_and_says_where_it_started(
    tiny_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases.cifar_folder(tmp_path)
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path))
    values = tiny_config.model_dump()
    values["data"] |= {"source": "cifar10", "num_train": 100, "num_reserved": 20}
    values["base"] |= {"network": "resnet20", "memorised_epochs": 1}
    values["enhance"] |= {"max_epochs": 1}
    values["repair"] |= {"max_epochs": 1}
    run = run_folder.create(tmp_path / "runs", config.parse(values, origin="test"))
    pipeline.compute(run)
    report = storage.load_report(run.path / "evaluate")
    assert (report["data"]["origin"], report["data"]["num_corrupted"]) == ("unverified arrays", 16)
    assert report["data"]["class_names"][3] == "cat"
    assert (report["base"]["start"], report["base"]["num_parameters"]) == ("scratch", 269_722)
    assert [row["label"] for row in report["selection"]["candidates"]] == ["1", "2", "3", "4", "5", "1-2", "1-3", "1-5"]
    assert storage.load_part(run.path / "data", "train").images.shape == (90, 3, 32, 32)
    wanted = catalogue.find("report")
    pipeline.compute(run, [wanted.stage])
    assert "from scratch" in (run.path / wanted.stage / catalogue.file_for(wanted, Path("report.html"))).read_text()
