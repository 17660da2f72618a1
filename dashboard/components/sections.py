"""A row of buttons of which one is down: only the part of a page that it names is drawn."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard import palette, session


def choose(
    label: str, options: Sequence[str], *, key: str, shown: Callable[[str], str] = str, is_labelled: bool = False
) -> str:
    """The option that is chosen, at first the first one."""
    ink = palette.COUNT_ON_DARK if session.is_dark() else palette.COUNT_ON_LIGHT
    with st.container(key=f"{key}_row", gap=None):
        # Streamlit writes the chosen one in the primary colour, which is too dark to read on the dark page.
        st.html(f"<style>.st-key-{key}_row button p {{color: {ink}}}</style>")
        chosen: str = st.segmented_control(
            label,
            options,
            default=options[0],
            required=True,
            format_func=shown,
            key=key,
            label_visibility="visible" if is_labelled else "collapsed",
        )
    return chosen
