"""People's verdicts: what a log means, that nothing is lost or doubled, and that undo is exact."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bir_core import run_folder, verdicts
from bir_core.errors import InputError
from bir_core.run_folder import Run
from bir_core.verdicts import Decision, Opinion, Standing


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A copy of the finished run in a folder of runs of its own."""
    shutil.copytree(tiny_run.path, tmp_path / "root" / tiny_run.name)
    return run_folder.open_run(tmp_path / "root", tiny_run.name)


@pytest.fixture
def keys() -> Callable[[], str]:
    numbers = iter(range(10**6))
    return lambda: f"key-{next(numbers)}"


def keep(sample: int) -> Decision:
    return Decision(sample=sample, verdict="keep")


def remove(sample: int) -> Decision:
    return Decision(sample=sample, verdict="remove")


def relabel(sample: int, label: int) -> Decision:
    return Decision(sample=sample, verdict="relabel", label=label)


def says(run: Run) -> dict[int, tuple[str | None, int | None]]:
    return {
        sample: (standing.verdict, standing.label)
        for sample, standing in verdicts.standing(run).items()
        if standing.opinions
    }


def test_no_verdict_no_log_and_no_database(run: Run) -> None:
    assert verdicts.entries(run) == ()
    assert verdicts.standing(run) == {}
    assert not (run.path.parent / ".bir.db").exists()


def test_the_last_verdict_of_a_reviewer_holds_and_the_log_keeps_all(run: Run, keys: Callable[[], str]) -> None:
    first = verdicts.record(run, [keep(3)], reviewer="ada", key=keys())
    second = verdicts.record(run, [relabel(3, 7)], reviewer="ada", key=keys())
    verdicts.record(run, [remove(5)], reviewer="ada", key=keys())
    assert says(run) == {3: ("relabel", 7), 5: ("remove", None)}
    log = verdicts.entries(run)
    assert [(entry.sample, entry.verdict, entry.previous) for entry in log] == [
        (3, "keep", None),
        (3, "relabel", first[0].seq),
        (5, "remove", None),
    ]
    assert [entry.seq for entry in log] == sorted(entry.seq for entry in log)
    assert verdicts.entries(run, after=second[0].seq) == log[2:]
    assert verdicts.entries(run, samples=[5]) == log[2:]
    assert log[0].run == run.name
    assert log[0].time.endswith("+00:00")


def test_a_key_is_written_once(run: Run) -> None:
    first = verdicts.record(run, [keep(3), remove(4)], reviewer="ada", key="same")
    again = verdicts.record(run, [keep(3), remove(4)], reviewer="ada", key="same")
    assert again == first
    assert len(verdicts.entries(run)) == 2
    undone = verdicts.undo(run, reviewer="ada", key="undo")
    assert verdicts.undo(run, reviewer="ada", key="undo") == undone
    assert verdicts.undo(run, reviewer="ada", key="another") == ()


def test_undo_and_redo_move_whole_steps(run: Run, keys: Callable[[], str]) -> None:
    verdicts.record(run, [keep(1)], reviewer="ada", key=keys())
    verdicts.record(run, [remove(1), remove(2), relabel(3, 0)], reviewer="ada", key=keys())
    full = says(run)
    undone = verdicts.undo(run, reviewer="ada", key=keys())
    assert {(entry.sample, entry.action, entry.verdict) for entry in undone} == {
        (1, "undo", "keep"),
        (2, "undo", None),
        (3, "undo", None),
    }
    assert says(run) == {1: ("keep", None)}
    verdicts.undo(run, reviewer="ada", key=keys())
    assert says(run) == {}
    assert verdicts.undo(run, reviewer="ada", key=keys()) == ()
    verdicts.redo(run, reviewer="ada", key=keys())
    assert says(run) == {1: ("keep", None)}
    verdicts.redo(run, reviewer="ada", key=keys())
    assert says(run) == full
    assert verdicts.redo(run, reviewer="ada", key=keys()) == ()


def test_a_new_step_ends_the_chance_to_redo(run: Run, keys: Callable[[], str]) -> None:
    verdicts.record(run, [keep(1)], reviewer="ada", key=keys())
    verdicts.undo(run, reviewer="ada", key=keys())
    verdicts.record(run, [remove(2)], reviewer="ada", key=keys())
    assert verdicts.redo(run, reviewer="ada", key=keys()) == ()
    assert says(run) == {2: ("remove", None)}


def test_taking_back_is_a_step_of_its_own(run: Run, keys: Callable[[], str]) -> None:
    verdicts.record(run, [keep(1)], reviewer="ada", key=keys())
    verdicts.record(run, [Decision(sample=1, verdict=None)], reviewer="ada", key=keys())
    assert says(run) == {}
    verdicts.undo(run, reviewer="ada", key=keys())
    assert says(run) == {1: ("keep", None)}


def test_each_reviewer_undoes_only_what_is_his(run: Run, keys: Callable[[], str]) -> None:
    verdicts.record(run, [keep(1)], reviewer="ada", key=keys())
    verdicts.record(run, [keep(2)], reviewer="bob", key=keys())
    verdicts.undo(run, reviewer="ada", key=keys())
    assert says(run) == {2: ("keep", None)}


def test_two_opinions_are_a_conflict_until_it_is_settled(run: Run, keys: Callable[[], str]) -> None:
    verdicts.record(run, [keep(1)], reviewer="ada", key=keys())
    verdicts.record(run, [relabel(1, 7)], reviewer="bob", key=keys())
    found = verdicts.standing(run)[1]
    assert found.conflict
    assert (found.verdict, found.label) == (None, None)
    assert found.opinions == (
        Opinion(reviewer="ada", verdict="keep", label=None),
        Opinion(reviewer="bob", verdict="relabel", label=7),
    )
    verdicts.record(run, [keep(1)], reviewer="cleo", key=keys(), settle=True)
    assert verdicts.standing(run)[1] == Standing(opinions=(Opinion(reviewer="cleo", verdict="keep", label=None),))
    verdicts.undo(run, reviewer="cleo", key=keys())
    assert verdicts.standing(run)[1] == found
    verdicts.record(run, [relabel(1, 7)], reviewer="ada", key=keys())
    agreed = verdicts.standing(run)[1]
    assert (agreed.conflict, agreed.verdict, agreed.label) == (False, "relabel", 7)
    assert agreed.reviewers == ("bob", "ada")


def test_undoing_everything_in_any_order_leaves_nothing(run: Run, keys: Callable[[], str]) -> None:
    """Random steps; each state on the way back is the one on the way there."""
    draw = np.random.default_rng(0)
    seen = [verdicts.standing(run)]
    for _ in range(40):
        samples = draw.choice(6, size=draw.integers(1, 4), replace=False).tolist()
        choices = [keep, remove, lambda sample: relabel(sample, 3)]
        step = [choices[draw.integers(3)](sample) for sample in samples]
        verdicts.record(run, step, reviewer="ada", key=keys())
        seen.append(verdicts.standing(run))
    for expected in reversed(seen[:-1]):
        verdicts.undo(run, reviewer="ada", key=keys())
        found = {sample: standing for sample, standing in verdicts.standing(run).items() if standing.opinions}
        assert found == {sample: standing for sample, standing in expected.items() if standing.opinions}
    for expected in seen[1:]:
        verdicts.redo(run, reviewer="ada", key=keys())
        found = {sample: standing for sample, standing in verdicts.standing(run).items() if standing.opinions}
        assert found == {sample: standing for sample, standing in expected.items() if standing.opinions}


def test_what_holds_for_a_sample_needs_only_its_own_entries(run: Run, keys: Callable[[], str]) -> None:
    verdicts.record(run, [keep(1), remove(2)], reviewer="ada", key=keys())
    verdicts.record(run, [remove(1)], reviewer="bob", key=keys(), settle=True)
    verdicts.undo(run, reviewer="bob", key=keys())
    everything = verdicts.standing(run)
    assert verdicts.standing(run, samples=[1]) == {1: everything[1]}
    assert verdicts.standing(run, samples=[2, 99]) == {2: everything[2]}


def test_as_of_an_entry_stands_what_stood_when_it_was_the_newest(run: Run, keys: Callable[[], str]) -> None:
    assert verdicts.newest(run) == 0
    seen = {0: verdicts.standing(run)}
    steps: list[Callable[[], object]] = [
        lambda: verdicts.record(run, [keep(1), remove(2)], reviewer="ada", key=keys()),
        lambda: verdicts.record(run, [remove(1)], reviewer="bob", key=keys()),
        lambda: verdicts.undo(run, reviewer="ada", key=keys()),
        lambda: verdicts.redo(run, reviewer="ada", key=keys()),
        lambda: verdicts.record(run, [relabel(1, 3)], reviewer="ada", key=keys(), settle=True),
        lambda: verdicts.undo(run, reviewer="ada", key=keys()),
        lambda: verdicts.record(run, [Decision(sample=2, verdict=None)], reviewer="ada", key=keys()),
    ]
    for step in steps:
        step()
        seen[verdicts.newest(run)] = verdicts.standing(run)
    assert len(seen) == 1 + len(steps)
    for asof, stood in seen.items():
        assert verdicts.standing(run, asof=asof) == stood
    last = max(seen)
    with pytest.raises(InputError, match=f"asof must be at most {last}, .* got {last + 1}"):
        verdicts.standing(run, asof=last + 1)


def test_runs_on_the_same_data_share_the_review_and_others_do_not(
    run: Run, keys: Callable[[], str], tmp_path: Path
) -> None:
    root = run.path.parent
    sibling = run_folder.fork(run, run.config.model_copy(update={"name": "sibling"}))
    verdicts.record(run, [keep(1)], reviewer="ada", key=keys())
    assert says(sibling) == {1: ("keep", None)}
    bare = run_folder.create(root, run.config.model_copy(update={"name": "bare"}))
    with pytest.raises(InputError, match="no data yet"):
        verdicts.entries(bare)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(run.path, elsewhere / run.name)
    assert verdicts.entries(run_folder.open_run(elsewhere, run.name)) == ()


@pytest.mark.parametrize(
    ("decisions", "reviewer", "key", "sentence"),
    [
        ([], "ada", "k", "at least one sample"),
        ([keep(1), keep(1)], "ada", "k", "one of them twice"),
        ([keep(-1)], "ada", "k", "no sample -1"),
        ([keep(10**6)], "ada", "k", "no sample 1000000"),
        ([Decision(sample=1, verdict="relabel")], "ada", "k", "a new label goes with 'relabel'"),
        ([Decision(sample=1, verdict="keep", label=3)], "ada", "k", "a new label goes with 'relabel'"),
        ([relabel(1, 10)], "ada", "k", "no class 10"),
        ([Decision(sample=1, verdict="burn")], "ada", "k", "unknown verdict 'burn'"),  # type: ignore[arg-type]
        ([keep(1)], "  ", "k", "reviewer's name"),
        ([keep(1)], "a" * 81, "k", "reviewer's name"),
        ([keep(1)], "a\nb", "k", "reviewer's name"),
        ([keep(1)], "ada", "", "key of a step"),
        ([keep(1)], "ada", "k" * 65, "key of a step"),
    ],
)
def test_an_impossible_step_is_refused_whole(
    run: Run, decisions: list[Decision], reviewer: str, key: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        verdicts.record(run, [*decisions, *([remove(2)] if decisions else [])], reviewer=reviewer, key=key)
    assert verdicts.entries(run) == ()


def test_any_name_can_be_a_reviewer(run: Run) -> None:
    name = "<script>alert('1')</script> \N{HEBREW LETTER ALEF} \N{SLIGHTLY SMILING FACE}'); DROP TABLE verdicts"
    verdicts.record(run, [keep(1)], reviewer=name, key="k")
    assert verdicts.entries(run)[0].reviewer == name


WRITER = """
import sys
from pathlib import Path
from bir_core import run_folder, verdicts
from bir_core.verdicts import Decision
root, name, reviewer, num = sys.argv[1:]
run = run_folder.open_run(Path(root), name)
for number in range(int(num)):
    verdicts.record(run, [Decision(sample=number, verdict="keep")], reviewer=reviewer, key=f"{reviewer}-{number}")
"""


def _writer(run: Run, reviewer: str, num: int) -> subprocess.Popen[bytes]:
    """Another process that records ``num`` verdicts. Not multiprocessing: its children
    import the parent's __main__, which Streamlit's AppTest has replaced by the app."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(run.path.parent), run.name, reviewer, str(num)])


def test_many_processes_write_at_once_and_nothing_is_lost_or_doubled(run: Run) -> None:
    """Two of the four are the same person in two tabs, who sends the same keys."""
    people = ["ada", "ada", "bob", "cleo"]
    writers = [_writer(run, name, 25) for name in people]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    log = verdicts.entries(run)
    assert sorted((entry.reviewer, entry.sample) for entry in log) == sorted(
        (name, number) for name in set(people) for number in range(25)
    )
    for name in set(people):
        assert [entry.sample for entry in log if entry.reviewer == name] == list(range(25))


def test_a_bulk_step_is_one_step(run: Run) -> None:
    everything = [remove(sample) for sample in range(180)]
    assert len(verdicts.record(run, everything, reviewer="ada", key="all")) == 180
    assert len(verdicts.undo(run, reviewer="ada", key="none")) == 180
    assert says(run) == {}


def test_a_locked_database_is_waited_for(run: Run) -> None:
    verdicts.record(run, [keep(1)], reviewer="ada", key="first")
    other = sqlite3.connect(run.path.parent / ".bir.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    writer = _writer(run, "bob", 1)
    with pytest.raises(subprocess.TimeoutExpired):
        writer.wait(4)
    other.execute("COMMIT")
    other.close()
    assert writer.wait(60) == 0
    assert len(verdicts.entries(run)) == 2
