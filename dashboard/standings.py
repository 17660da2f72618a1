"""What people have said, kept in memory: what holds now, how often flags were right, and filters by verdict.

A filter is evaluated as of an entry of the log, and the log is only appended to: so no ranking shifts under its reader,
and what passes is computed once.
"""

import itertools
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bir_core import review, run_folder, verdicts
from bir_core.config import ReviewConfig
from bir_core.records import Integers, Suspects, Treated
from bir_core.review import BAND_EDGES, STATES, Entry, Standing, State
from bir_core.run_folder import Run
from dashboard import runs, session, words
from dashboard.frames import ScoreIndex

__all__ = [
    "ALL",
    "STATES",
    "Passing",
    "State",
    "help_of",
    "measured",
    "measured_above",
    "measured_bands",
    "now",
    "of_page",
    "passing",
    "reviewed",
    "treated",
]

MOST_TOUCHED = 500
"""When more samples than this are new in the log, all of it is read."""

# ---------------------------------------------------------------- what holds now


@dataclass(kw_only=True)
class _Held:
    """What holds by sample after the entry ``last`` of the log; ``lock`` lets one request at a time bring it up."""

    last: Entry | None = None
    standing: dict[int, Standing] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def now(run: Run) -> dict[int, Standing]:
    """What holds for each sample that anybody has written about; never change it.

    A log of thousands of entries is read once; after that only what is new in it, and the samples that it is about.
    """
    held = _held(str(run.path.parent), _data(run))
    with held.lock:
        seq = held.last.seq if held.last else 0
        if verdicts.newest(run) != seq:
            found = verdicts.entries(run, after=seq - 1) if seq else ()
            if found[:1] == (held.last,):
                touched = {entry.sample for entry in found[1:]}
                few = touched if len(touched) <= MOST_TOUCHED else None
                held.standing = {**held.standing, **verdicts.standing(run, samples=few)}
            else:  # nothing is known yet, or somebody has emptied the log and begun anew
                found = verdicts.entries(run)
                held.standing = review.replay(found)
            held.last = found[-1] if found else None
        return held.standing


@st.cache_resource(max_entries=8, show_spinner=False)
def _held(root: str, data: str) -> _Held:  # noqa: ARG001 - the cache's key
    return _Held()


def _data(run: Run) -> str:
    result = run_folder.read_stage(run, "data")
    return "" if result is None else result.digest


def reviewed(run: Run) -> tuple[ReviewConfig, int]:
    """The verdicts on which people agree, as a repair heeds them, and how many samples they disagree about."""
    standing = now(run)
    return review.agreed(standing), sum(found.conflict for found in standing.values())


def treated(index: ScoreIndex, threshold: float, heeded: ReviewConfig) -> Treated:
    """What a repair at a threshold would do with which samples, if it heeds these verdicts."""
    suspects = Suspects(indices=index.ranked(threshold).astype(np.int64), rule="threshold", threshold=threshold)
    return review.treat(suspects, heeded)


def measured_bands(run: Run) -> tuple[list[dict[str, Any]], float | None]:
    """How often flags were right by score band, as reviewers measured it, and the score at which one may stop."""
    index = runs.scored(run).index
    above = [index.count_above(edge) for edge in BAND_EDGES]
    sizes = [more - fewer for more, fewer in itertools.pairwise(above)]
    found = review.judged_bands(index.scores, now(run), sizes)
    return [{**vars(band), "interval": band.interval} for band in found], review.where_to_stop(found)


def measured_above(run: Run, threshold: float, index: ScoreIndex | None = None) -> dict[str, Any]:
    """How often the flags above a threshold were right, as far as people have judged them.

    Args:
        run: the run.
        threshold: of the scores.
        index: those of another detector than the run's own.
    """
    index = runs.scored(run).index if index is None else index
    sizes, edges = [index.count_above(threshold)], (threshold, np.inf)
    (band,) = review.judged_bands(index.scores, now(run), sizes, edges)
    return {**vars(band), "interval": band.interval}


def help_of(run: Run) -> str:
    """The threshold's help where nobody knows the truth: how often flags above it were right, as people found."""
    if runs.samples(run).truth is not None:
        return ""
    asked = st.session_state.get(session.THRESHOLD)
    threshold = asked if isinstance(asked, float) else runs.default_threshold(run)
    return words.measured(measured_above(run, threshold))


def measured(run: Run, drawn: Integers) -> dict[str, Any]:
    """How often the flags on some samples were right, as far as people have judged them."""
    standing = now(run)
    found = {place: standing[sample] for place, sample in enumerate(drawn.tolist()) if sample in standing}
    (band,) = review.judged_bands(np.zeros(len(drawn)), found, [len(drawn)], (-1.0, 1.0))
    return {**vars(band), "interval": band.interval}


# ---------------------------------------------------------------- filters


@dataclass(frozen=True, kw_only=True, eq=False)
class Passing:
    """The samples that a filter by verdict lets pass.

    Attributes:
        states: what people may say of them.
        asof: the log is heeded up to this entry.
        mask: (N,) which samples pass, None = all.
        told: those of them that somebody had written about by then.
    """

    states: tuple[State, ...]
    asof: int
    mask: NDArray[np.bool_] | None
    told: tuple[int, ...]

    @property
    def query(self) -> dict[str, str]:
        """As the routes take it."""
        return {"verdict": ",".join(self.states), "asof": str(self.asof)} if self.states else {}


ALL = Passing(states=(), asof=0, mask=None, told=())
"""No filter."""


def passing(run: Run, states: tuple[State, ...], asof: int) -> Passing:
    """What passes as of an entry; raises InputError when the log has not come to it yet."""
    return _passing(str(run.path.parent), _data(run), states, asof, run)


@st.cache_resource(max_entries=24, show_spinner=False)
def _passing(root: str, data: str, states: tuple[State, ...], asof: int, _run: Run) -> Passing:  # noqa: ARG001 - key
    """Runs on the same data share their verdicts, and with them this."""
    held = verdicts.standing(_run, asof=asof)
    mask = review.in_states(held, states, len(runs.samples(_run).images))
    return Passing(states=states, asof=asof, mask=mask, told=tuple(sample for sample in held if mask[sample]))


def of_page(run: Run, states: Collection[str], *others: object) -> Passing:
    """What passes the filter on the reader's page; ``others`` are the values of the filters beside it."""
    if not states:
        session.forget_as_of()
        return ALL
    wanted = tuple(state for state in STATES if state in states)
    asof = session.as_of((run.name, wanted, *others), newest=lambda: verdicts.newest(run))
    return passing(run, wanted, asof)
