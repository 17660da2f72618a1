"""Filters by what people have said. Each is evaluated as of an entry of the log, and the log is only appended to: so no
ranking shifts under its reader, and what passes is computed once.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bir_core import review, run_folder, verdicts
from bir_core.review import STATES, State
from bir_core.run_folder import Run
from dashboard import runs, session

__all__ = ["ALL", "STATES", "Passing", "State", "of_page", "passing"]


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
    data = run_folder.read_stage(run, "data")
    return _passing(str(run.path.parent), "" if data is None else data.digest, states, asof, run)


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
