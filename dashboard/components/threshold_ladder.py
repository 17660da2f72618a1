"""The thresholds that were computed: a slider from one to the next, and its place as a line over the chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import palette, sensitivity_chart
from dashboard.sensitivity_chart import PLOT_BOTTOM, PLOT_HEIGHT, PLOT_LEFT, PLOT_RIGHT, PLOT_TOP

KEY, PLOT = "sensitivity_place", "sensitivity_plot"

TRACK_INSET = 6
"""Pixels by which Streamlit's track is shorter than the slider at each end."""


def slider(rows: Sequence[Mapping[str, Any]]) -> int:
    """The place of the chosen threshold among the computed ones; at first the run's own."""
    ends = 100 * sensitivity_chart.share(0, len(rows))
    inner = f"(100% - {PLOT_LEFT + PLOT_RIGHT}px) * {ends / 100:.5f}"
    st.html(
        f"""<style>
.st-key-{KEY} {{padding: 0 calc({PLOT_RIGHT - TRACK_INSET}px + {inner}) 0
  calc({PLOT_LEFT - TRACK_INSET}px + {inner})}}
.st-key-{KEY} [data-testid=stSliderThumbValue] p {{color: light-dark(#0F6B6B, #7CCFC7)}}
</style>"""
    )
    own = next(place for place, row in enumerate(rows) if row["is_own"])
    chosen: int = st.select_slider(
        "Threshold, moved by hand or with the arrow keys",
        options=range(len(rows)),
        value=own,
        key=KEY,
        format_func=lambda place: f"{rows[place]['threshold']:.4g}" + (" (this run)" if place == own else ""),
    )
    return chosen


def line(place: int, num: int) -> None:
    """The chosen threshold as a line over the chart, which is drawn in the container ``PLOT``."""
    st.html(
        f"""<style>
.st-key-{PLOT} {{position: relative}}
.st-key-{PLOT} > :has(.bir-at) {{position: absolute; inset: 0; pointer-events: none; height: auto}}
.bir-at {{position: absolute; left: {PLOT_LEFT}px; right: {PLOT_RIGHT}px; top: {PLOT_TOP}px;
  height: {PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM}px}}
.bir-at div {{position: absolute; top: 0; bottom: 0; margin-left: -1.25px;
  border-left: 2.5px solid {palette.THRESHOLD}}}
</style>
<div class="bir-at"><div style="left:{100 * sensitivity_chart.share(place, num):.3f}%"></div></div>"""
    )
