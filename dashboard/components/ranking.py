"""The ranking that the gallery shows, as its filters in the URL or in the session mean it, for pages beside it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import session
from dashboard.components import verdict_filter
from dashboard.frames import Positions, ScoreIndex

SORTS = {
    "score": "highest score first",
    "lowest": "lowest score first",
    "given": "by given class",
    "believed": "by believed class",
}
"""Orders of the ranking, as the gallery's filter offers them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """The samples above a threshold that pass the filters, in order.

    Attributes:
        chosen: (K,) positions in the training part.
        threshold: nats.
        given, believed: names of the classes that pass, empty = all.
        said: what people may say of those that pass, keys of ``verdict_filter.STATES``, empty = all.
        sort: a key of ``SORTS``.
    """

    chosen: Positions
    threshold: float
    given: tuple[str, ...]
    believed: tuple[str, ...]
    said: tuple[str, ...]
    sort: str

    def place(self, sample: int) -> int | None:
        """Where the sample stands, from 0; None when it does not pass."""
        found = np.flatnonzero(self.chosen == sample)
        return int(found[0]) if len(found) else None

    def beside(self, sample: int) -> tuple[int | None, int | None]:
        """The samples before and after it; for one that does not pass, the first one is the next."""
        place = self.place(sample)
        if place is None:
            return None, (int(self.chosen[0]) if len(self.chosen) else None)
        before = int(self.chosen[place - 1]) if place else None
        return before, (int(self.chosen[place + 1]) if place + 1 < len(self.chosen) else None)

    def describe(self) -> str:
        """The filters in words."""
        classes = [f"given {_listed(self.given)}"] if self.given else []
        classes += [f"believed {_listed(self.believed)}"] if self.believed else []
        classes += [verdict_filter.in_words(self.said)] if self.said else []
        return ", ".join([f"above {self.threshold:.4g}", *classes, SORTS[self.sort]])


def current(index: ScoreIndex, default: float, among: Callable[..., NDArray[np.bool_] | None]) -> Ranking:
    """The ranking of the link, else the one that the gallery showed last; impossible values count as not given.

    Args:
        index: the scores.
        default: the threshold that the run's own config means.
        among: which samples pass a filter by verdict, None = all, from its states and the other filters' values.
    """
    threshold = _threshold(default)
    given, believed = (_classes(key, index.class_names) for key in (session.GIVEN, session.BELIEVED))
    said, sort = _said(), _sort()
    session.remember(session.THRESHOLD, threshold, text="" if threshold == default else repr(threshold))
    session.remember(session.GIVEN, list(given), text=list(given))
    session.remember(session.BELIEVED, list(believed), text=list(believed))
    session.remember(session.VERDICT, list(said), text=[verdict_filter.STATES[state] for state in said])
    session.remember(session.SORT, sort, text="" if sort == next(iter(SORTS)) else SORTS[sort].capitalize())
    names = list(index.class_names)
    return Ranking(
        chosen=index.ranked(
            threshold,
            given=[names.index(name) for name in given],
            believed=[names.index(name) for name in believed],
            among=among(said, threshold, given, believed, sort),
            sort=sort,
        ),
        threshold=threshold,
        given=given,
        believed=believed,
        said=said,
        sort=sort,
    )


def _threshold(default: float) -> float:
    for value in (st.query_params.get(session.THRESHOLD), session.recall(session.THRESHOLD)):
        try:
            found = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if math.isfinite(found):
            return found
    return default


def _classes(key: str, names: Sequence[str]) -> tuple[str, ...]:
    asked = st.query_params.get_all(key) or session.recall(key) or []
    return tuple(name for name in asked if name in names)


def _said() -> tuple[str, ...]:
    asked = st.query_params.get_all(session.VERDICT)
    recalled = session.recall(session.VERDICT) or []
    chosen = [state for state, words in verdict_filter.STATES.items() if words in asked] if asked else recalled
    return tuple(state for state in verdict_filter.STATES if state in chosen)


def _sort() -> str:
    asked = st.query_params.get(session.SORT)
    by_words = {words.capitalize(): name for name, words in SORTS.items()}
    found = by_words.get(asked or "", session.recall(session.SORT))
    return found if found in SORTS else next(iter(SORTS))


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names)
