"""What the session remembers: the values behind a link's query parameters, kept when the reader changes the page."""

import contextlib
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

RUN = "run"
THRESHOLD = "t"
PAGE = "page"
GIVEN = "given"
BELIEVED = "believed"
SORT = "sort"

_REMEMBERED = "remembered"
_UNKNOWN_RUN = "unknown_run"


def bound(widget: Callable[..., Any], label: str, *, key: str, **options: Any) -> Any:
    """A widget whose value stands in the URL under ``key``, and comes back on every page that draws it.

    Streamlit takes a bound parameter out of the URL when the next page is another script; hence the memory.
    """
    remembered = st.session_state.setdefault(_REMEMBERED, {})
    if key in remembered and key not in st.session_state and key not in st.query_params:
        st.session_state[key] = remembered[key]
    asked = st.query_params.get_all(key)
    value = widget(label, key=key, bind="query-params", **options)
    remembered[key] = value
    if asked and key not in st.query_params and not _says(asked, value, options.get("format_func", str)):
        st.toast(
            f"The link asks for {key}={', '.join(asked)}, which is not possible here; the usual value is shown "
            "instead. Set it on this page, or correct the link.",
            icon=":material/link_off:",
            duration="long",
        )
    return value


def _says(asked: list[str], value: Any, as_text: Callable[[Any], str]) -> bool:
    """Whether a parameter that Streamlit took out of the URL says the same as the value, which is the default then."""
    if isinstance(value, list):
        return asked == [as_text(item) for item in value]
    if isinstance(value, int | float):
        with contextlib.suppress(ValueError):
            return float(asked[0]) == value
        return False
    return asked[0] in (str(value), as_text(value))


def choose_run(names: list[str]) -> None:
    """Settle which run is shown before the picker is drawn: the link's, the one chosen, else the newest."""
    asked = st.query_params.get(RUN)
    chosen = st.session_state.get(RUN)
    if asked and asked not in names:
        st.session_state[_UNKNOWN_RUN] = asked
    if chosen is not None:
        if chosen in names:
            st.session_state.pop(_UNKNOWN_RUN, None)
        else:
            st.session_state[_UNKNOWN_RUN] = chosen
            st.session_state.pop(RUN)
    elif not asked and names and _UNKNOWN_RUN not in st.session_state:
        show_run(names[0])


def unknown_run() -> str | None:
    """The run that a link asked for and that is not there."""
    found: str | None = st.session_state.get(_UNKNOWN_RUN)
    return found


def show_run(name: str) -> None:
    """Make ``name`` the run that is shown; only callbacks may call this, since the picker is drawn after them."""
    st.session_state.pop(_UNKNOWN_RUN, None)
    st.session_state[RUN] = name
    with contextlib.suppress(StreamlitAPIException):
        # A widget's first value is not written into the URL; once the picker is drawn, Streamlit does it itself.
        st.query_params[RUN] = name
