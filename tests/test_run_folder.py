"""Runs as folders: a result is whole or not there, damage has a name, nobody is in anybody's way."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bir_core import config, durable, flow, run_folder, run_report, storage
from bir_core.errors import InputError, RunBusy, RunDamaged, RunNotFound, StageFailed
from bir_core.run_folder import Run


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A copy of the finished run, to be damaged."""
    shutil.copytree(tiny_run.path, tmp_path / "root" / tiny_run.name)
    return run_folder.open_run(tmp_path / "root", tiny_run.name)


def with_sections(run: Run, name: str, **sections: dict[str, object]) -> config.RunConfig:
    values = {**run.config.model_dump(), "name": name}
    for section, update in sections.items():
        values[section] |= update
    return config.parse(values, origin="test")


def save_identify(run: Run) -> None:
    def write(folder: Path) -> None:
        durable.write_json(folder / "a.json", 1)

    run_folder.save_stage(run, "identify", write, seconds=0, peak_memory_mb=0, device="cpu")


def test_a_new_run_reads_back(tmp_path: Path) -> None:
    wanted = config.parse({"name": "one", "seed": 5}, origin="test")
    made = run_folder.create(tmp_path / "deep" / "root", wanted)
    assert run_folder.open_run(tmp_path / "deep" / "root", "one") == made
    assert (made.config, made.parent, made.name) == (wanted, None, "one")
    assert [path.name for path in made.path.parent.iterdir()] == ["one"]


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    run_folder.create(tmp_path, config.parse({"name": "one"}, origin="test"))
    with pytest.raises(InputError, match="a run named 'one' exists"):
        run_folder.create(tmp_path, config.parse({"name": "one"}, origin="test"))
    assert durable.free_name(tmp_path, "one") == "one-2"
    assert durable.free_name(tmp_path, "two") == "two"


@pytest.mark.parametrize("name", ["", ".", "..", "../tiny", "a/b", ".jobs", "x" * 300, "a\0b", "absent"])
def test_what_is_no_run_is_not_found(run: Run, name: str) -> None:
    for attempt in (run_folder.open_run, run_folder.delete):
        with pytest.raises(RunNotFound, match=r"there: tiny"):
            attempt(run.path.parent, name)
    assert run.path.is_dir()


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(InputError, match=r"cannot write in .*file: .*--runs or BIR_RUNS"):
        run_folder.create(tmp_path / "file", config.RunConfig())
    assert run_folder.names(tmp_path / "file") == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "truncated or not JSON"),
        (b'{"format": 1, "conf', "truncated or not JSON"),
        (b"\xff\xfe\x00", "truncated or not JSON"),
        (b"[]", "not of this program's format"),
        (b'{"format": 99}', "not of this program's format"),
        (b'{"format": 1}', "is not a run description"),
        (b'{"format": 1, "config": {"seed": -1}, "created": "", "parent": null, "provenance": {}}', "seed"),
    ],
)
def test_a_damaged_description_is_named_and_the_run_can_be_deleted(run: Run, content: bytes, sentence: str) -> None:
    (run.path / "run.json").write_bytes(content)
    with pytest.raises(RunDamaged, match=sentence):
        run_folder.open_run(run.path.parent, run.name)
    run_folder.delete(run.path.parent, run.name)
    assert list(run.path.parent.iterdir()) == []


@pytest.mark.parametrize("stage", flow.NAMES)
def test_a_missing_truncated_or_changed_file_is_damage_in_every_stage(run: Run, stage: str) -> None:
    result = run_folder.read_stage(run, stage, verify=True)
    assert result is not None
    for name in result.files:
        path = run.path / stage / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(RunDamaged, match=rf"{name} has {len(whole) - 1} bytes instead of {len(whole)}: compute it"):
            run_folder.read_stage(run, stage)
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(RunDamaged, match=rf"{name} is not the file that was written"):
            run_folder.read_stage(run, stage, verify=True)
        path.unlink()
        with pytest.raises(RunDamaged, match=rf"{name} is missing: compute it again with 'stage {stage} tiny --force'"):
            run_folder.read_stage(run, stage)
        path.write_bytes(whole)
    assert run_folder.is_fresh(run, stage)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 2}', '{"format": 1}', "null", '{"format": 1, "files": {"a": 3}}']
)
def test_a_foreign_stage_description_is_damage(run: Run, content: str) -> None:
    path = run.path / "base" / "stage.json"
    path.write_text(content)
    with pytest.raises(RunDamaged, match="stage base tiny --force"):
        run_folder.read_stage(run, "base")
    assert not run_folder.is_fresh(run, "base")
    assert run_folder.fresh_stages(run) == ("data",)


def test_foreign_file_facts_are_damage(run: Run) -> None:
    path = run.path / "base" / "stage.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {"base.json": 3}}))
    with pytest.raises(RunDamaged, match="is not a stage description"):
        run_folder.read_stage(run, "base")


def test_a_result_of_another_stage_is_stale(run: Run) -> None:
    shutil.rmtree(run.path / "repair")
    shutil.copytree(run.path / "compare", run.path / "repair")
    assert not run_folder.is_fresh(run, "repair")


@pytest.mark.parametrize("stage", flow.NAMES)
def test_a_result_in_an_earlier_form_is_named_and_computed_anew(run: Run, stage: str) -> None:
    path = run.path / stage / "stage.json"
    values = json.loads(path.read_text())
    values["version"] = flow.find(stage).version - 1
    path.write_text(json.dumps(values))
    with pytest.raises(RunDamaged, match=f"another version of this program: compute it again with 'stage {stage} "):
        run_folder.read_stage(run, stage)
    assert stage not in run_folder.fresh_stages(run)


def test_an_interrupted_write_is_no_result(run: Run) -> None:
    shutil.rmtree(run.path / "identify")

    def write_half(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_folder.save_stage(run, "identify", write_half, seconds=0, peak_memory_mb=0, device="cpu")
    assert (run.path / "identify.part" / "half").exists()
    assert run_folder.read_stage(run, "identify") is None
    run_folder.save_stage(
        run,
        "identify",
        lambda folder: durable.write_json(folder / "a.json", 1),
        seconds=0,
        peak_memory_mb=0,
        device="cpu",
    )
    assert sorted(path.name for path in (run.path / "identify").iterdir()) == ["a.json", "stage.json"]
    assert not (run.path / "identify.part").exists()


@pytest.mark.parametrize("place", ["identify", "identify.part", "identify.old"])
def test_a_file_in_the_place_of_a_result_gives_way(run: Run, place: str) -> None:
    shutil.rmtree(run.path / place, ignore_errors=True)
    (run.path / place).write_text("foreign")
    run_folder.save_stage(
        run,
        "identify",
        lambda folder: durable.write_json(folder / "a.json", 1),
        seconds=0,
        peak_memory_mb=0,
        device="cpu",
    )
    result = run_folder.read_stage(run, "identify", verify=True)
    assert result is not None
    assert list(result.files) == ["a.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_no_half_result(run: Run) -> None:
    before = run_folder.read_stage(run, "identify")

    def write(folder: Path) -> None:
        (folder / "first").write_text("whole")
        Path("/dev/full").write_text("one byte is too many")

    with pytest.raises(InputError, match=r"cannot write stage 'identify' .*No space left on device.*Make room"):
        run_folder.save_stage(run, "identify", write, seconds=0, peak_memory_mb=0, device="cpu")
    assert not (run.path / "identify.part").exists()
    assert run_folder.read_stage(run, "identify", verify=True) == before


def test_a_run_that_cannot_be_written_is_named(run: Run) -> None:
    shutil.rmtree(run.path)
    run.path.write_text("a file in the place of the folder")
    for attempt in (
        lambda: run_folder.save_stage(run, "data", lambda _: None, seconds=0, peak_memory_mb=0, device="cpu"),
        lambda: run_folder.lock(run.path).__enter__(),
    ):
        with pytest.raises(InputError, match=r"cannot write .*write access"):
            attempt()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_without_numbers_that_are_none(tmp_path: Path, value: float) -> None:
    with pytest.raises(StageFailed, match=r"report\.json .*not finite.*learning rate"):
        durable.write_json(tmp_path / "report.json", {"deep": [value]})
    assert list(tmp_path.iterdir()) == []


def test_a_fork_links_what_stays_and_drops_what_changes(run: Run) -> None:
    forked = run_folder.fork(run, with_sections(run, "other", align={"eta": 0.5}))
    kept = ("data", "base", "select", "enhance", "score", "embed", "identify", "compare")
    assert run_folder.fresh_stages(forked) == kept
    assert sorted(path.name for path in forked.path.iterdir() if path.is_dir()) == sorted(kept)
    ours, theirs = (r.path / "base" / "base.safetensors" for r in (forked, run))
    assert ours.stat().st_ino == theirs.stat().st_ino
    assert forked.parent == "tiny"
    run_folder.delete(run.path.parent, "tiny")
    assert run_folder.read_stage(forked, "base", verify=True) is not None


def test_a_fork_reports_under_its_own_name_and_settings(run: Run) -> None:
    """The figures are its parent's, and the layout of the map is none of them."""
    forked = run_folder.fork(run, with_sections(run, "other", embed={"layout": "umap"}))
    assert run_folder.is_fresh(forked, "evaluate")
    report, parents = run_report.read(forked), run_report.read(run)
    assert (report["run"], report["config"]["name"], report["config"]["embed"]["layout"]) == ("other", "other", "umap")
    assert (
        report | {"run": "tiny", "config": parents["config"]} == parents == storage.load_report(run.path / "evaluate")
    )


def test_a_stale_report_keeps_the_settings_that_it_was_made_under(run: Run) -> None:
    changed = run_folder.update_config(run, with_sections(run, "ignored", identify={"top_k": 3}))
    assert run_report.read(changed)["config"] == run.config.model_dump(mode="json")


def test_a_damaged_result_is_not_forked(run: Run) -> None:
    (run.path / "score" / "scores.npy").write_bytes(b"PAR1")
    forked = run_folder.fork(run, with_sections(run, "other"))
    assert run_folder.fresh_stages(forked) == ("data", "base", "select", "enhance", "embed")


def test_another_config_makes_stale_what_reads_it(run: Run) -> None:
    changed = run_folder.update_config(run, with_sections(run, "ignored", identify={"top_k": 3}))
    assert changed.name == changed.config.name == "tiny"
    assert run_folder.fresh_stages(changed) == ("data", "base", "select", "enhance", "score", "embed")
    assert run_folder.fresh_stages(run_folder.update_config(changed, run.config)) == flow.NAMES


def test_the_lock_keeps_other_processes_out_until_its_holder_dies(run: Run) -> None:
    script = (
        "import sys, pathlib; from bir_core import run_folder\n"
        "with run_folder.lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(run.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(RunBusy, match=f"'tiny' is being computed by process {holder.pid}"),
            run_folder.lock(run.path),
        ):
            pass
        with pytest.raises(RunBusy):
            run_folder.delete(run.path.parent, run.name)
        holder.kill()
    with run_folder.lock(run.path):
        assert (run.path / ".lock").read_text() == str(os.getpid())


def test_runs_are_listed_newest_first_and_foreign_folders_not_at_all(run: Run) -> None:
    root = run.path.parent
    run_folder.create(root, with_sections(run, "newer"))
    (root / "foreign").mkdir()
    (root / ".jobs").mkdir()
    (root / "file").touch()
    assert run_folder.names(root) == ["newer", "tiny"]
