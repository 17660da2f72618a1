"""The head of every page: its title, and the picker of the run that it shows."""

import streamlit as st

from dashboard import session
from dashboard.components import history, log_out


def draw(title: str, names: list[str], *, unknown: str | None, is_guarded: bool) -> None:
    """Draw the picker when there is something to pick from; its choice stands in the URL.

    Whoever had to log in finds the way out beside it.
    """
    if names:
        with st.container(key="head", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.title(title, anchor=False, width="content")
            history.draw()
            if is_guarded:
                with st.container(horizontal=True, vertical_alignment="center", width="content"):
                    _pick(names)
                    log_out.draw()
            else:
                _pick(names)
    elif is_guarded:
        with st.container(horizontal=True, horizontal_alignment="right"):
            log_out.draw()
    if unknown and not st.session_state.get(session.RUN):
        there = "Choose one of the runs above" if names else "Nothing has been computed here yet: open the start page"
        st.warning(
            f"There is no run named {unknown!r} here; it may have been deleted, or the link comes from another "
            f"computer. {there}.",
            icon=":material/link_off:",
            title="This link points to an unknown run",
        )


def _pick(names: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        # Beside pages of image sets, which have names and pickers of their own, it must say what it picks.
        st.caption("Run", width="content")
        session.bound(
            st.selectbox,
            "Run",
            key=session.RUN,
            options=names,
            index=None,
            placeholder="Choose a run",
            label_visibility="collapsed",
            width=420,
        )
