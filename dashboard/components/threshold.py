"""The threshold, which stands in the URL, and what else says the same: slider, top K, landmark buttons."""

from collections.abc import Mapping

import streamlit as st

from dashboard import charts, frames, palette, session
from dashboard.frames import ScoreIndex

SLIDER, TOP_K, TIE = "threshold_slider", "top_k", "tie"

SLIDER_STYLE = f"""<style>
.st-key-{SLIDER} {{padding: 0 {charts.PLOT_RIGHT}px 0 {charts.PLOT_LEFT}px}}
.st-key-{SLIDER} [data-testid=stSliderThumbValue] p {{color: light-dark(#0F6B6B, #7CCFC7)}}
</style>"""
LINE_STYLE = f"""<style>
CONTAINER {{position: relative}}
CONTAINER > :has(.bir-line) {{position: absolute; inset: 0; pointer-events: none; height: auto}}
.bir-line {{position: absolute; left: {charts.PLOT_LEFT}px; right: {charts.PLOT_RIGHT}px; top: {charts.PLOT_TOP}px;
  height: {charts.PLOT_HEIGHT - charts.PLOT_TOP - charts.PLOT_BOTTOM}px}}
.bir-line .above {{position: absolute; top: 0; bottom: 0; right: 0; background: {palette.THRESHOLD}; opacity: .1}}
.bir-line .at {{position: absolute; top: 0; bottom: 0; width: 0; border-left: 2.5px solid {palette.THRESHOLD};
  margin-left: -1.25px}}
.bir-line span {{position: absolute; bottom: 100%; white-space: nowrap; font-size: .85rem; line-height: 1.5}}
.bir-line .left span {{right: 0}}
.bir-line .right span {{left: 0}}
</style>"""


def number(default: float, *, width: int | str = "stretch") -> float:
    """The exact threshold as a number box; ``default`` is what the run's own config means."""
    value: float = session.bound(
        st.number_input,
        "Threshold (nats)",
        key=session.THRESHOLD,
        value=float(default),
        step=0.01,
        format="%.6g",
        width=width,
        help="Samples whose score is above it are suspects. The paper recommends log 1.05 = 0.0488.",
    )
    return value


def top_k(index: ScoreIndex, threshold: float) -> None:
    """How many of the highest scores are taken; typing here moves the threshold."""
    st.session_state[TOP_K] = index.count_above(threshold)
    st.number_input(
        "Top K",
        key=TOP_K,
        min_value=0,
        max_value=len(index),
        step=1,
        on_change=_from_top_k,
        args=(index,),
        help="Takes the K highest scores: the threshold moves between the K-th and the next one.",
    )


def slider(index: ScoreIndex, threshold: float, landmarks: Mapping[str, float]) -> None:
    """The threshold as a slider along the histogram's axis."""
    st.session_state[SLIDER] = threshold
    st.html(SLIDER_STYLE)
    st.select_slider(
        "Threshold, moved by hand or with the arrow keys",
        key=SLIDER,
        options=frames.slider_stops(index, [*landmarks.values(), threshold]),
        format_func=lambda value: f"{value:.4g}",
        on_change=_from_slider,
    )


def line(container: str, index: ScoreIndex, threshold: float) -> None:
    """The threshold as a line over the histogram, which is drawn by plotly in the container of that key."""
    low, high = index.edges[0], index.edges[-1]
    share = min(max(float((frames.spread(threshold) - low) / (high - low)), 0.0), 1.0)
    side = "left" if share > 0.5 else "right"
    st.html(
        LINE_STYLE.replace("CONTAINER", f".st-key-{container}")
        + f'<div class="bir-line"><div class="above" style="left:{100 * share:.3f}%"></div>'
        f'<div class="at {side}" style="left:{100 * share:.3f}%"><span><b>threshold {threshold:.4g}</b>: '
        f"{index.count_above(threshold):,} suspects above</span></div></div>"
    )


def landmark_buttons(threshold: float, landmarks: Mapping[str, float], *, recommended: str) -> None:
    """One button per landmark; the one that is set now is marked."""
    for name, value in landmarks.items():
        st.button(
            f"{name} (paper)" if name == recommended else name,
            key=f"landmark_{name}",
            type="primary" if value == threshold else "secondary",
            on_click=_set,
            args=(value,),
            help=f"Threshold {value:.4g}: suspects are samples whose loss grew by more than this.",
        )


def tie_sentence(threshold: float) -> str:
    """Why the last K could not be had exactly, or empty."""
    cut = st.session_state.get(TIE)
    return cut.tie if cut is not None and cut.threshold == threshold else ""


def _from_slider() -> None:
    _set(st.session_state[SLIDER])


def _from_top_k(index: ScoreIndex) -> None:
    cut = index.cut_for(int(st.session_state[TOP_K]))
    st.session_state[TIE] = cut
    _set(cut.threshold)


def _set(value: float) -> None:
    st.session_state[session.THRESHOLD] = float(value)
