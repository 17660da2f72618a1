"""Verdicts that come back: as they were, checked line by line before anything is written, and never written twice."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bir_core import export, incoming, run_folder, storage, verdicts
from bir_core.errors import InputError
from bir_core.run_folder import Run
from bir_core.verdicts import Decision

HEAD = "sample,id,verdict,new_label\n"


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A finished run that nobody has reviewed."""
    shutil.copytree(tiny_run.path, tmp_path / "root" / tiny_run.name)
    return run_folder.open_run(tmp_path / "root", tiny_run.name)


@pytest.fixture
def ids(run: Run) -> list[int]:
    return storage.load_part(run.path / "data", "train").ids.tolist()


def said(run: Run) -> dict[int, dict[str, tuple[str, int | None]]]:
    return {
        sample: {one.reviewer: (one.verdict, one.label) for one in found.opinions}
        for sample, found in verdicts.standing(run).items()
        if found.opinions
    }


def rename_classes(run: Run, names: list[str]) -> None:
    """Give the classes other names, as if the data had come with them."""
    file, description = run.path / "data" / "classes.json", run.path / "data" / "stage.json"
    file.write_text(json.dumps(names))
    values = json.loads(description.read_text())
    values["files"]["classes.json"]["size"] = file.stat().st_size
    description.write_text(json.dumps(values))


@pytest.mark.parametrize("suffix", export.WRITERS)
def test_verdicts_come_back_as_they_were(run: Run, tiny_run: Run, tmp_path: Path, suffix: str) -> None:
    decisions = [
        Decision(sample=8, verdict="remove"),
        Decision(sample=5, verdict="relabel", label=7),
        Decision(sample=3, verdict="keep"),
    ]
    verdicts.record(run, decisions, reviewer="ada", key="1")
    verdicts.record(run, [Decision(sample=3, verdict="remove")], reviewer="bob", key="2")
    path = tmp_path / f"samples{suffix}"
    export.write(export.samples(run), path)
    shutil.copytree(tiny_run.path, tmp_path / "elsewhere" / tiny_run.name)
    other = run_folder.open_run(tmp_path / "elsewhere", tiny_run.name)
    found = incoming.read(other, path)
    assert set(found) == set(decisions[:2]), "what is disputed has no verdict"
    incoming.take_over(other, found, "cleo")
    agreed = {sample: (one.verdict, one.label) for sample, one in verdicts.standing(run).items() if one.verdict}
    assert {sample: (one.verdict, one.label) for sample, one in verdicts.standing(other).items()} == agreed
    again = tmp_path / f"again{suffix}"
    export.write(export.samples(other), again)
    assert set(incoming.read(run, again)) == set(found)


def test_guarded_text_comes_back(run: Run, tmp_path: Path) -> None:
    """As a spreadsheet would leave it: names that look like formulas, and its own mark at the head of the file."""
    names = ["=a", "+b", "-c", "@d", "\te", "\rf", "'g", "''h", "i", "j"]
    rename_classes(run, names)
    for label, name in enumerate(names):
        frame = export.samples(run).query("sample == 0").assign(verdict="relabel", new_label=name)
        export.write(frame, tmp_path / "t.csv")
        (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "t.csv").read_bytes())
        assert incoming.read(run, tmp_path / "t.csv") == (Decision(sample=0, verdict="relabel", label=label),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sample,verdict\n1,keep\n", "no column id, new_label"),
        (f"{HEAD}1,-5,keep,\n", "line 2: sample 1 has id ID1 in this run, not -5: the table is about other data"),
        (f"{HEAD}0,ID0,,\n9999,1,keep,\n", "line 3: sample 9999 is not in this run, which has 0 to 179"),
        (f"{HEAD}-1,1,keep,\n", "line 2: sample -1 is not in this run"),
        (f"{HEAD}one,1,keep,\n", "line 2: sample must be a whole number, got 'one'"),
        (f"{HEAD}0,ID0,relabel,cat\n", "line 2: unknown class 'cat' in new_label, choose one of '0', '1'"),
        (f"{HEAD}0,ID0,relabel,\n", "line 2: unknown class '' in new_label"),
        (f"{HEAD}0,ID0,burn,\n", "line 2: unknown verdict 'burn', choose one of keep, remove, relabel"),
        (f"{HEAD}0,ID0,keep,\n\n0,ID0,remove,\n", "line 4: sample 0 has a verdict in an earlier row"),
        (f'{HEAD}0,ID0,,"two\nlines"\n1,-5,keep,\n', "line 4: sample 1 has id"),
        ("", "is not a csv file"),
        (f"{HEAD}1,2,3,4,5,6\n1,2\n1,2,3,4,5,6,7,8,9\n", "is not a csv file"),
    ],
)
def test_a_line_that_does_not_fit_is_named(run: Run, ids: list[int], tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "samples.csv"
    path.write_text(text.replace("ID0", str(ids[0])))
    with pytest.raises(InputError) as caught:
        incoming.read(run, path)
    assert sentence.replace("ID1", str(ids[1])) in str(caught.value)
    assert str(path) in str(caught.value)


def test_verdicts_about_other_labels_are_refused(run: Run, tmp_path: Path) -> None:
    """Somebody's own images count from 0 in every set, so their ids are those of another one, too."""
    verdicts.record(run, [Decision(sample=3, verdict="keep")], reviewer="ada", key="1")
    table = export.samples(run)
    given = table.loc[table["sample"] == 3, "given"].item()
    export.write(table.replace({"given": {given: "cow"}}), tmp_path / "samples.csv")
    with pytest.raises(InputError, match=f"sample 3 is labelled '{given}' in this run, not 'cow': .* other data"):
        incoming.read(run, tmp_path / "samples.csv")


def test_many_faulty_lines_are_counted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text(HEAD + "9999,1,keep,\n" * 12)
    with pytest.raises(InputError, match=r"mine.csv' does not fit run 'tiny': line 2: .*; line 6: .*; and 7 more$"):
        incoming.read(run, path, name="mine.csv")


@pytest.mark.parametrize("value", [3.5, float("inf"), [3], {"a": 3}, "x", 10**30])
def test_what_is_no_number_is_named(run: Run, ids: list[int], tmp_path: Path, value: object) -> None:
    path = tmp_path / "samples.jsonl"
    row = {"sample": value, "id": ids[3], "verdict": "keep", "new_label": None}
    path.write_text(json.dumps(row).replace("Infinity", "1e999") + "\n")
    with pytest.raises(InputError, match=r"line 1: sample|is not a jsonl file"):
        incoming.read(run, path)


@pytest.mark.parametrize("name", ["samples.xlsx", "absent.csv", "absent.parquet", "absent.jsonl"])
def test_a_file_that_cannot_be_read_is_named(run: Run, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"cannot read .*{name}"):
        incoming.read(run, tmp_path / name)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_foreign_file_is_named(run: Run, tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"samples{suffix}").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=f"is not a {suffix[1:]} file"):
        incoming.read(run, tmp_path / f"samples{suffix}")


KEEP = Decision(sample=1, verdict="keep")


def test_the_same_again_writes_nothing(run: Run) -> None:
    assert len(incoming.take_over(run, [KEEP], "bob")) == 1
    assert incoming.compare(run, [KEEP], " bob ") == incoming.Comparison(fresh=(), num_known=1, num_disputed=0)
    assert incoming.take_over(run, [KEEP], " bob ") == ()
    assert len(verdicts.entries(run)) == 1


def test_the_same_table_may_become_two_peoples(run: Run) -> None:
    incoming.take_over(run, [KEEP], "bob")
    incoming.take_over(run, [KEEP], "cleo")
    assert said(run) == {1: {"bob": ("keep", None), "cleo": ("keep", None)}}


def test_what_was_undone_may_come_again(run: Run) -> None:
    """And a table is one step, undone as one."""
    table = [KEEP, Decision(sample=2, verdict="relabel", label=3)]
    incoming.take_over(run, table, "bob")
    verdicts.undo(run, reviewer="bob", key="u")
    assert said(run) == {}
    assert len(incoming.take_over(run, table, "bob")) == 2
    assert said(run) == {1: {"bob": ("keep", None)}, 2: {"bob": ("relabel", 3)}}


def test_differences_are_counted_before_and_kept_after(run: Run) -> None:
    others = [Decision(sample=1, verdict="remove"), Decision(sample=2, verdict="relabel", label=3)]
    verdicts.record(run, others, reviewer="ada", key="1")
    table = [KEEP, Decision(sample=2, verdict="relabel", label=3), Decision(sample=4, verdict="remove")]
    found = incoming.compare(run, table, "bob")
    assert (found.fresh, found.num_known, found.num_disputed) == (tuple(table), 0, 1)
    incoming.take_over(run, table, "bob")
    assert verdicts.standing(run)[1].conflict
    assert said(run)[2] == {"ada": ("relabel", 3), "bob": ("relabel", 3)}


def test_an_impossible_reviewer_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match="a reviewer's name has 1 to 80 printable characters"):
        incoming.take_over(run, [KEEP], "x" * 81)
    assert verdicts.entries(run) == ()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path) -> None:
    """Every write of the table goes to a device that is full, as the file's part would on a full disk."""
    path = tmp_path / "out" / "samples.csv"
    path.parent.mkdir()
    (path.parent / f"samples.csv.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"cannot write .*samples.csv: No space left on device. Make room on the disk"):
        export.write(pd.concat([export.samples(run)] * 20), path)
    assert list(path.parent.iterdir()) == []
