"""The command line as a person types it: real processes, exit codes, one sentence for each error."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from bir_core import config, console, flow, jobs, run_folder, storage
from bir_core.run_folder import Run

HOME = Path(__file__).parents[1]


def command(*words: str, root: Path) -> list[str]:
    return [sys.executable, "-m", "bir_core", *words, "--runs", str(root)]


def bir(*words: str, root: Path, answer: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words, root=root), cwd=HOME, input=answer, capture_output=True, text=True, timeout=200, check=False
    )


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A copy of the finished run."""
    shutil.copytree(tiny_run.path, tmp_path / tiny_run.name)
    return run_folder.open_run(tmp_path, tiny_run.name)


def test_help_imports_no_torch_and_names_every_command() -> None:
    script = (
        "import sys, bir_core.__main__ as cli\n"
        "try: cli.app(['--help'], prog_name='bir_core')\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sqlalchemy', 'pyarrow', 'streamlit'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    for name in ("demo", "run", "stage", "list", "show", "delete", "jobs", "cancel", "resume"):
        assert f" {name} " in done.stdout
    assert " work " not in done.stdout


def test_show_json_is_the_report_and_nothing_else(run: Run) -> None:
    done = bir("show", "tiny", "--json", root=run.path.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == storage.load_report(run.path / "evaluate")


def test_show_prints_tables(run: Run) -> None:
    done = bir("show", "tiny", root=run.path.parent)
    report = storage.load_report(run.path / "evaluate")
    assert done.returncode == 0
    for name in ("base", "enhanced", "bir", "bir_with_reserved", "fine_tune", "retrain"):
        low, high = report["models"][name]["intervals"]["all"]
        assert f"{report['models'][name]['all']:.2f} [{low:.1f}, {high:.1f}]" in done.stdout
    assert report["conclusion"].split()[0] in done.stdout


def test_an_old_report_is_shown_with_a_remark(run: Run) -> None:
    shutil.rmtree(run.path / "score")
    done = bir("show", "tiny", "--json", root=run.path.parent)
    assert json.loads(done.stdout)["run"] == "tiny"
    assert "older than the run's config or results" in done.stderr


def test_a_run_without_a_report_says_how_to_get_one(run: Run) -> None:
    shutil.rmtree(run.path / "evaluate")
    done = bir("show", "tiny", "--json", root=run.path.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no report yet (finished so far: data, base" in done.stderr
    assert "'stage evaluate tiny'" in done.stderr


def test_a_stage_is_kept_or_forced(run: Run) -> None:
    assert "identify: unchanged, kept" in bir("stage", "identify", "tiny", root=run.path.parent).stderr
    forced = bir("stage", "identify", "tiny", "--force", root=run.path.parent)
    assert (forced.returncode, "identify: finished in" in forced.stderr) == (0, True)
    assert run_folder.fresh_stages(run) == flow.NAMES


def test_run_continues_a_run_under_a_changed_config(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(run.config.model_dump() | {"evaluate": {"method": "retrain"}}))
    done = bir("run", str(tmp_path / "c.json"), "--name", "tiny", root=run.path.parent)
    assert done.returncode == 0, done.stderr
    assert "exists under another config" in done.stderr
    assert "compare: unchanged, kept" in done.stderr
    assert "evaluate: finished in" in done.stderr
    assert "Conclusion." in done.stdout


def test_ctrl_c_keeps_finished_stages(run: Run) -> None:
    values = run.config.model_dump()
    values["base"]["memorised_epochs"] = 10**6
    path = run.path.parent / "long.json"
    path.write_text(json.dumps(values | {"name": "long"}))
    with subprocess.Popen(
        command("run", str(path), root=run.path.parent), cwd=HOME, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if line.startswith("base:"):
                break
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        assert "interrupted; finished stages are kept, the same command goes on" in child.stderr.read()
    assert child.returncode == 130
    assert run_folder.fresh_stages(run_folder.open_run(run.path.parent, "long")) == ("data",)


def test_delete_asks_and_obeys(run: Run) -> None:
    assert bir("delete", "tiny", root=run.path.parent, answer="n\n").returncode == 1
    assert run.path.is_dir()
    assert bir("delete", "tiny", "--yes", root=run.path.parent).returncode == 0
    assert not run.path.exists()


def test_list_names_whole_and_damaged_runs(run: Run) -> None:
    (run.path.parent / "broken").mkdir()
    (run.path.parent / "broken" / "run.json").write_text("{")
    done = bir("list", root=run.path.parent)
    assert done.returncode == 0
    assert f"{len(flow.NAMES)}/{len(flow.NAMES)}" in done.stdout
    assert "damaged" in done.stdout


def test_brackets_in_a_name_are_no_markup(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "out", Console(width=200))  # no name is folded
    base = {"network": "export:v1[/old].pt2", "preset": "trained"}
    other = run_folder.create(run.path.parent, config.parse({"name": "other", "base": base}, origin="here"))
    report = storage.load_report(run.path / "evaluate")
    report["base"] |= {"network": "export:v1[/old].pt2", "start": "a file: w[/x].pt"}
    report["selection"]["candidates"][0]["layers"] = ["stem[/y]"]
    with console.out.capture() as captured:
        console.list_runs([other])
        console.show(report)
    listed, shown = captured.get().split(f"{run.name}: ", 1)
    assert "export:v1[/old].pt2, trained" in listed
    assert all(name in shown for name in ("export:v1[/old].pt2", "w[/x].pt", "stem[/y]"))


def test_jobs_can_be_listed_and_resumed(run: Run) -> None:
    root = run.path.parent
    job = jobs.submit(root, "tiny", ["data"])
    jobs.cancel(root, job.id)
    if jobs.find(root, job.id).state == "cancelled":
        assert "cancelled already: there is nothing to cancel" in bir("cancel", str(job.id), root=root).stderr
        assert bir("resume", str(job.id), root=root).returncode == 0
    deadline = time.monotonic() + 100
    while jobs.find(root, job.id).state in jobs.ACTIVE and time.monotonic() < deadline:
        time.sleep(0.1)
    listed = bir("jobs", root=root)
    assert (listed.returncode, "finished" in listed.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("demo", "--corruption", "blur"), 2, "'blur' is not one of"),
        (("demo", "--network", "vgg"), 2, "'vgg' is not one of"),
        (("demo", "--seed", "-1"), 2, "greater than or equal to 0"),
        (("dance",), 2, "No such command 'dance'"),
        (("stage", "dance", "tiny"), 1, "unknown stage 'dance': did you mean enhance?"),
        (("stage", "detect-cleanlap", "tiny"), 1, "unknown stage 'detect-cleanlap': did you mean detect-cleanlab"),
        (("stage", "base", "absent"), 1, "no run named 'absent'"),
        (("show", "../tiny"), 1, "no run named '../tiny'"),
        (("delete", "absent", "--yes"), 1, "no run named 'absent'"),
        (("run", "absent.toml"), 1, "cannot read the config absent.toml"),
        (("cancel", "7"), 1, "no job 7 in"),
        (("resume", "7"), 1, "no job 7 in"),
        (("work", "7"), 1, "no job 7 in"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    tmp_path: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    done = bir(*words, root=tmp_path / "empty")
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "empty").exists()


def test_a_root_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = bir("demo", root=tmp_path / "file")
    assert done.returncode == 1
    assert "cannot write in" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_output_nobody_reads_is_no_error(run: Run) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = command("show", "tiny", "--json", root=run.path.parent)
    done = subprocess.run(words, cwd=HOME, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
