"""Which sample a page shows: its number stands in the URL; buttons and keys lead along the ranking."""

from collections.abc import Callable

import streamlit as st

from dashboard import session
from dashboard.components.ranking import Ranking

_UNKNOWN = "unknown_sample"


def settle(num_samples: int, first: int) -> None:
    """Before anything is drawn: take out of the URL what is no sample, and without any wish show ``first``."""
    asked = st.query_params.get(session.SAMPLE)
    if asked is not None and not _is_sample(asked, num_samples):
        st.session_state[_UNKNOWN] = asked
        session.put(session.SAMPLE, None)
        return
    wanted = st.session_state.get(session.SAMPLE, session.recall(session.SAMPLE))
    if wanted is not None and not 0 <= wanted < num_samples:
        st.session_state[_UNKNOWN] = str(wanted)
        session.put(session.SAMPLE, None)
    elif asked is None and wanted is None and _UNKNOWN not in st.session_state:
        session.put(session.SAMPLE, first)


def draw(num_samples: int, ranking: Ranking, *, on_back: Callable[[], None]) -> int | None:
    """The bar with the number, the neighbours in the ranking and the way back; returns the sample, None = unknown."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sample: int | None = session.bound(
            st.number_input,
            "Sample",
            key=session.SAMPLE,
            value=None,
            min_value=0,
            max_value=num_samples - 1,
            step=1,
            placeholder="Number",
            width=150,
            help=f"Position in the training part, 0 to {num_samples - 1}.",
        )
        before, after = (None, None) if sample is None else ranking.beside(sample)
        _step_button("Previous", ":material/arrow_back:", "Left", before)
        _step_button("Next", ":material/arrow_forward:", "Right", after)
        if st.button("Back to the gallery", icon=":material/grid_view:", help="At this place of the ranking"):
            on_back()
    if sample is not None:
        st.session_state.pop(_UNKNOWN, None)
    return sample


def draw_unknown(run: str, num_samples: int, first: int) -> None:
    """Why no sample is shown, and the way on."""
    asked = st.session_state.get(_UNKNOWN)
    text = f"{asked[:40]!r} is not one" if asked else "None is chosen"
    st.warning(
        f"The samples of run {run!r} are numbered 0 to {num_samples - 1}; {text}. Type a number above, or take the "
        "most suspect one.",
        icon=":material/link_off:",
        title="There is no such sample" if asked else "Which sample?",
    )
    st.button("Show the most suspect sample", type="primary", on_click=session.put, args=(session.SAMPLE, first))


def _step_button(label: str, icon: str, key: str, sample: int | None) -> None:
    st.button(
        label,
        key=f"to_{label.lower()}",
        icon=icon,
        shortcut=key,
        disabled=sample is None,
        on_click=session.put,
        args=(session.SAMPLE, sample),
    )


def _is_sample(text: str, num_samples: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18 and int(text) < num_samples
