"""The filter by what people have said of a sample, beside the gallery's other filters."""

from collections.abc import Collection

import streamlit as st

from dashboard import session

STATES = {
    "undecided": "Undecided",
    "keep": "Keep",
    "remove": "Remove",
    "relabel": "Relabel",
    "conflict": "In conflict",
}
"""What may be said of a sample, as the filter offers it."""


def draw() -> list[str]:
    """The filter; returns the keys of ``STATES`` that pass, none = all."""
    chosen: list[str] = session.bound(
        st.multiselect,
        "Verdict",
        key=session.VERDICT,
        options=list(STATES),
        format_func=lambda state: STATES[state],
        placeholder="All",
        help="What the reviewers had said when the filter was set; samples decided since stay until it is set anew.",
    )
    return chosen


def draw_again() -> None:
    """The button that applies it anew."""
    st.button(
        "Filter again",
        key="filter_again",
        icon=":material/refresh:",
        on_click=session.forget_as_of,
        help="Apply the filter to the verdicts as they are now, from the first sample on.",
    )


def in_words(states: Collection[str]) -> str:
    """What passes, as the end of a sentence."""
    return f"{' or '.join(words.lower() for state, words in STATES.items() if state in states)} when filtered"


def only_conflicts() -> None:
    """Callback: show what the reviewers differ about."""
    st.session_state[session.VERDICT] = ["conflict"]
