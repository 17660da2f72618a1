"""The threshold, which stands in the URL, and what else says the same: top K, landmark buttons."""

from collections.abc import Mapping

import streamlit as st

from dashboard import session
from dashboard.frames import ScoreIndex

HELP = "Samples whose score is above it are suspects. The paper recommends log 1.05 = 0.0488."
TOP_K, TIE = "top_k", "tie"


def number(default: float, *, width: int | str = "stretch", measured: str = "") -> float:
    """The exact threshold as a number box.

    Args:
        default: what the run's own config means.
        width: as Streamlit takes it.
        measured: how often flags above it were right, as reviewers found; the help where nobody knows the truth.
    """
    value: float = session.bound(
        st.number_input,
        "Threshold (nats)",
        key=session.THRESHOLD,
        value=float(default),
        step=0.01,
        format="%.6g",
        width=width,
        help=f"{HELP} {measured}".strip(),
    )
    return value


def number_of(detector: str, default: float, *, step: float, width: int | str = "stretch") -> float:
    """The threshold of another detector than the run's own, whose scores have a scale of their own."""
    value: float = session.bound(
        st.number_input,
        "Threshold",
        key=session.threshold_of(detector),
        value=float(default),
        step=step,
        format="%.6g",
        width=width,
        help="Where the line stands. It is for this view alone: the run's suspects do not depend on it.",
    )
    return value


def top_k(index: ScoreIndex, threshold: float, *, key: str = session.THRESHOLD) -> None:
    """How many of the highest scores are taken; typing here moves the threshold."""
    st.session_state[TOP_K] = index.count_above(threshold)
    st.number_input(
        "Top K",
        key=TOP_K,
        min_value=0,
        max_value=len(index),
        step=1,
        on_change=_from_top_k,
        args=(index, key),
        help="Takes the K highest scores: the threshold moves between the K-th and the next one.",
    )


def landmark_buttons(
    threshold: float, landmarks: Mapping[str, float], *, recommended: str = "", key: str = session.THRESHOLD
) -> None:
    """One button per landmark; the one that is set now is marked."""
    means = "suspects are samples whose loss grew by more than this" if key == session.THRESHOLD else "the line is here"
    for name, value in landmarks.items():
        st.button(
            f"{name} (paper)" if name == recommended else name,
            key=f"landmark_{name}",
            type="primary" if value == threshold else "secondary",
            on_click=move,
            args=(value, key),
            help=f"Threshold {value:.4g}: {means}.",
        )


def tie_sentence(threshold: float) -> str:
    """Why the last K could not be had exactly, or empty."""
    cut = st.session_state.get(TIE)
    return cut.tie if cut is not None and cut.threshold == threshold else ""


def _from_top_k(index: ScoreIndex, key: str) -> None:
    cut = index.cut_for(int(st.session_state[TOP_K]))
    st.session_state[TIE] = cut
    move(cut.threshold, key)


def move(value: float, key: str = session.THRESHOLD) -> None:
    """Callback: put a threshold somewhere else."""
    st.session_state[key] = float(value)
