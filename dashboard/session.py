"""What the session remembers: the values behind a link's query parameters, kept when the reader changes the page."""

import contextlib
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

RUN = "run"
THRESHOLD = "t"
GIVEN = "given"
BELIEVED = "believed"
SORT = "sort"
SAMPLE = "sample"
BATCH = "batch"
BELOW = "below"
ONLY = "only"
VERDICT = "verdict"
AS_OF = "asof"
DETECTOR = "detector"
FIRST = "first"
SECOND = "second"
TOP = "k"
DATA = "data"
OWN = "own/"
"""Before the name of an image set, in ``DATA``."""
SET = "set"
WANTED = "wanted"

_REMEMBERED = "remembered"
_RESTORED = "restored"
_VIEW = "view"
_OLD_ADDRESS = "old_address"
_UNKNOWN_RUN = "unknown_run"
_AS_OF = "as_of"


def is_dark() -> bool:
    """Whether the page is drawn in the dark theme, which charts must be told."""
    return bool(st.context.theme.type == "dark")


def threshold_of(detector: str) -> str:
    """The key of the threshold of another detector than the run's own."""
    return f"{THRESHOLD}_{detector}"


def enter(view: str) -> None:
    """Tell which view is drawn; on another one than before, every bound value comes back once."""
    context = get_script_run_ctx()
    by_history = context is not None and context.is_history_navigation
    if st.session_state.get(_VIEW) != view or by_history:
        st.session_state[_VIEW] = view
        st.session_state[_RESTORED] = set()
        st.session_state[_OLD_ADDRESS] = by_history
    if by_history:
        # In this one run Streamlit lets no value come back that the URL does not say, and takes out what it does say.
        st.rerun()


def bound(widget: Callable[..., Any], label: str, *, key: str, **options: Any) -> Any:
    """A widget whose value stands in the URL under ``key``, and comes back on every page that draws it.

    Streamlit takes a bound parameter out of the URL when the next page is another script; hence the memory.
    """
    remembered = st.session_state.setdefault(_REMEMBERED, {})
    restored = st.session_state.setdefault(_RESTORED, set())
    is_asked = key in st.query_params and not st.session_state.get(_OLD_ADDRESS)
    if key in remembered and key not in restored and not is_asked:
        st.session_state[key] = remembered[key]
        if remembered[key] != _default(remembered[key], options):
            _write(key, _as_parameter(remembered[key], options.get("format_func", str)))
    restored.add(key)
    asked = st.query_params.get_all(key)
    value = widget(label, key=key, bind="query-params", **options)
    remembered[key] = value
    if key == RUN and unknown_run() is not None:
        return value  # the page says so itself, and shows no run instead
    if asked and key not in st.query_params and not _says(asked, value, options.get("format_func", str)):
        st.toast(
            f"The link asks for {key}={', '.join(asked)}, which is not possible here; the usual value is shown "
            "instead. Set it on this page, or correct the link.",
            icon=":material/link_off:",
            duration="long",
        )
    return value


def recall(key: str) -> Any:
    """What a bound widget of another page was set to, None when it never was."""
    return st.session_state.get(_REMEMBERED, {}).get(key)


def remember(key: str, value: Any, *, text: str | list[str] = "") -> None:
    """Let the bound widget of another page come back with this value, which the URL of this page says as ``text``."""
    st.session_state.setdefault(_REMEMBERED, {})[key] = value
    asked = st.query_params.get_all(key)
    if text and asked != (text if isinstance(text, list) else [text]):
        _write(key, text)


def put(key: str, value: Any) -> None:
    """Set a bound widget that is not drawn yet, and the URL with it; None takes it out of the URL."""
    st.session_state[key] = value
    remember(key, value)
    if value is not None:
        _write(key, str(value))
        return
    with contextlib.suppress(StreamlitAPIException):
        st.query_params.pop(key, None)


def as_of(values: tuple[object, ...], *, newest: Callable[[], int]) -> int:
    """The entry of the log as of which a filter by verdict is evaluated: the newest one when its values were set.

    It stays as long as ``values`` do, and stands in the URL, so that a link, a reload and a restarted server show the
    same ranking.
    """
    held = st.session_state.get(_AS_OF)
    if held is None or held[0] != values:
        last = newest()
        asked = _asked_entry(last) if held is None else None
        held = st.session_state[_AS_OF] = (values, last if asked is None else asked)
    found: int = held[1]
    if st.query_params.get(AS_OF) != str(found):
        _write(AS_OF, str(found))
    return found


def forget_as_of() -> None:
    """Evaluate the filter by verdict anew, as of the entry that is the newest then; a callback may be this."""
    st.session_state.pop(_AS_OF, None)
    with contextlib.suppress(StreamlitAPIException):
        st.query_params.pop(AS_OF, None)


def _asked_entry(last: int) -> int | None:
    """The entry of the log that the link names, up to ``last``."""
    asked = st.query_params.get(AS_OF)
    if asked is None:
        return None
    if asked.isascii() and asked.isdigit() and len(asked) <= 18 and int(asked) <= last:
        return int(asked)
    st.toast(f"The link asks for asof={asked[:40]}, which is no entry of the log; the verdicts of now are filtered.")
    return None


def _default(value: Any, options: dict[str, Any]) -> Any:
    """What the widget shows when the URL says nothing; ``value`` tells which kind of widget it is."""
    if isinstance(value, list):
        return []
    if "options" in options:
        return options["options"][0] if options.get("index", 0) is not None else None
    return options.get("value", 1)


def _as_parameter(value: Any, as_text: Callable[[Any], str]) -> str | list[str]:
    return [as_text(item) for item in value] if isinstance(value, list) else as_text(value)


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
    _write(RUN, name)


def _write(key: str, value: str | list[str]) -> None:
    """Put a value into the URL: Streamlit leaves a widget's first value out, and writes later ones itself."""
    with contextlib.suppress(StreamlitAPIException):
        st.query_params[key] = value
