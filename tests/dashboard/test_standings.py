"""What holds is kept in memory and brought up by what is new: it must be what the whole log says, whatever happens."""

import numpy as np
import pytest

from bir_core import review, verdicts
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from dashboard import runs, standings


def decide(run: Run, key: str, *samples: int, reviewer: str = "ann", verdict: review.Verdict = "remove") -> None:
    verdicts.record(run, [Decision(sample=one, verdict=verdict) for one in samples], reviewer=reviewer, key=key)


def test_it_is_what_the_log_says_after_every_step(complete: Run) -> None:
    assert standings.now(complete) == {}
    steps = (
        lambda: decide(complete, "one", 3, 5),
        lambda: decide(complete, "two", 5, reviewer="bea", verdict="keep"),
        lambda: verdicts.undo(complete, reviewer="ann", key="three"),
        lambda: verdicts.redo(complete, reviewer="ann", key="four"),
        lambda: verdicts.record(
            complete, [Decision(sample=5, verdict="relabel", label=2)], reviewer="cid", key="five", settle=True
        ),
        lambda: decide(complete, "six", *range(100)),
        lambda: verdicts.undo(complete, reviewer="ann", key="seven"),
    )
    for step in steps:
        step()
        assert standings.now(complete) == verdicts.standing(complete)
    assert standings.now(complete)[5].label == 2


def test_more_news_than_fit_into_a_query(complete: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standings, "MOST_TOUCHED", 3)
    decide(complete, "one", 7)
    standings.now(complete)
    decide(complete, "two", *range(6))
    assert standings.now(complete) == verdicts.standing(complete)


def test_what_was_handed_out_does_not_change(complete: Run) -> None:
    decide(complete, "one", 3)
    before = standings.now(complete)
    decide(complete, "two", 4)
    assert set(before) == {3}
    assert set(standings.now(complete)) == {3, 4}


def test_a_database_begun_anew_is_read_anew(complete: Run) -> None:
    decide(complete, "one", 3, 4, 5)
    assert len(standings.now(complete)) == 3
    for path in complete.path.parent.glob(".bir.db*"):
        path.unlink()
    assert standings.now(complete) == {}
    decide(complete, "two", 8)
    assert set(standings.now(complete)) == {8}


def test_a_database_begun_anew_unseen_is_read_anew(complete: Run) -> None:
    """With as many entries as were known, and more, before anybody looks again."""
    decide(complete, "one", 3, 4)
    standings.now(complete)
    for path in complete.path.parent.glob(".bir.db*"):
        path.unlink()
    decide(complete, "two", 8, 9, 10)
    assert set(standings.now(complete)) == {8, 9, 10}


def test_bands_are_those_of_all_scores(complete: Run) -> None:
    index = runs.scored(complete).index
    decide(complete, "one", *index.order[:40].tolist())
    decide(complete, "two", *index.order[40:90].tolist(), verdict="keep")
    found, stop = standings.measured_bands(complete)
    expected = review.bands(index.scores, verdicts.standing(complete))
    assert [(band["num"], band["reviewed"], band["confirmed"]) for band in found] == [
        (band.num, band.reviewed, band.confirmed) for band in expected
    ]
    assert sum(band["confirmed"] for band in found) > 0
    assert stop == review.where_to_stop(expected)


def test_a_batch_counts_its_own_samples_only(complete: Run) -> None:
    decide(complete, "one", 3, 4, 9)
    decide(complete, "two", 5, verdict="keep")
    found = standings.measured(complete, np.array([5, 60, 3]))
    assert (found["num"], found["reviewed"], found["confirmed"]) == (3, 2, 1)
