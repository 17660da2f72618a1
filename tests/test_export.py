"""What other tools get: every sample once, in the order of suspicion, with what people said of it."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bir_core import export, run_folder, storage, verdicts
from bir_core.errors import InputError
from bir_core.run_folder import Run
from bir_core.verdicts import Decision


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A finished run with three verdicts, one of them disputed."""
    shutil.copytree(tiny_run.path, tmp_path / "root" / tiny_run.name)
    run = run_folder.open_run(tmp_path / "root", tiny_run.name)
    steps = {
        "ada": [Decision(sample=3, verdict="keep"), Decision(sample=5, verdict="relabel", label=7)],
        "bob": [Decision(sample=3, verdict="remove"), Decision(sample=8, verdict="remove")],
    }
    for reviewer, decisions in steps.items():
        verdicts.record(run, decisions, reviewer=reviewer, key=reviewer)
    return run


def test_every_sample_once_and_the_most_suspect_first(run: Run) -> None:
    table = export.samples(run)
    scores, train = storage.load_scores(run.path / "score"), storage.load_part(run.path / "data", "train")
    suspects = storage.load_suspects(run.path / "identify").indices
    assert sorted(table["sample"]) == list(range(len(train)))
    assert (np.diff(table["score"]) <= 0).all()
    assert table["sample"][table["suspect"]].tolist() == suspects.tolist()
    by_sample = table.set_index("sample").sort_index()
    assert np.array_equal(by_sample["score"], scores.score)
    assert np.array_equal(by_sample["id"], train.ids)
    assert by_sample["given"].tolist() == [str(label) for label in train.labels]
    assert by_sample["believed"].tolist() == [str(label) for label in scores.predictions]


def test_verdicts_stand_beside_their_samples(run: Run) -> None:
    table = export.samples(run).set_index("sample")
    decided = table[table["reviewers"].notna()]
    assert decided[["verdict", "new_label", "reviewers", "conflict"]].sort_index().to_dict("index") == {
        3: {"verdict": None, "new_label": None, "reviewers": "ada, bob", "conflict": True},
        5: {"verdict": "relabel", "new_label": "7", "reviewers": "ada", "conflict": False},
        8: {"verdict": "remove", "new_label": None, "reviewers": "bob", "conflict": False},
    }


def read(path: Path) -> pd.DataFrame:
    text = dict.fromkeys(("given", "believed", "verdict", "new_label", "reviewers"), "string")
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=text)
    if path.suffix == ".jsonl":
        return pd.read_json(path, lines=True, dtype=text)
    return pd.read_parquet(path).astype(text)


@pytest.mark.parametrize("suffix", export.WRITERS)
def test_each_format_says_the_same(run: Run, tmp_path: Path, suffix: str) -> None:
    table, path = export.samples(run), tmp_path / f"samples{suffix}"
    export.write(table, path)
    found = read(path)
    assert list(found.columns) == list(table.columns)
    for name in ("sample", "id", "suspect"):
        assert found[name].tolist() == table[name].tolist()
    assert np.allclose(found["score"], table["score"], rtol=1e-12, atol=1e-12)
    for name in ("given", "believed", "verdict", "new_label", "reviewers"):
        assert found[name].fillna("").tolist() == table[name].fillna("").tolist()
    assert not list(tmp_path.glob("*.part"))


def test_a_run_that_nobody_has_reviewed(tiny_run: Run) -> None:
    table = export.samples(tiny_run)
    assert table["verdict"].isna().all()
    assert len(table) == 180


def test_impossible_files_are_named(run: Run, tmp_path: Path) -> None:
    table = export.samples(run)
    with pytest.raises(InputError, match=r"must end in \.csv, \.jsonl, \.parquet"):
        export.write(table, tmp_path / "samples.xlsx")
    with pytest.raises(InputError, match="cannot write"):
        export.write(table, tmp_path / "nowhere" / "samples.csv")


def test_a_run_without_suspects_says_how_to_get_them(run: Run) -> None:
    bare = run_folder.create(run.path.parent, run.config.model_copy(update={"name": "bare"}))
    with pytest.raises(InputError, match="stage identify bare"):
        export.samples(bare)


def test_what_a_spreadsheet_would_compute_is_guarded_and_comes_back(run: Run, tmp_path: Path) -> None:
    table = export.samples(run)
    dangerous = ["=1+1", "+1", "-1", "@x", "\tx", "'quoted", "plain"]
    table["given"] = (dangerous * len(table))[: len(table)]
    export.write(table, tmp_path / "t.csv")
    raw = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
    assert [value[0] for value in raw["given"][:7]] == ["'"] * 6 + ["p"]
    assert raw["given"].str.removeprefix("'").tolist() == table["given"].tolist()
