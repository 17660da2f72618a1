"""Ways from a chart into the gallery: a lasso around points, and links to exactly some samples."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import clouds, picks, session
from dashboard.frames import ScoreIndex
from dashboard.runs import Run


def select(run: Run, index: ScoreIndex, figure: Any, key: str, alt: str, *, first: str = "suspects") -> None:
    """A cloud in which a lasso or a box picks samples for the gallery; ``first`` are drawn before all others."""
    event = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("lasso", "box"),
        config={"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]},
        alt=alt,
    )
    if len(index) > clouds.MOST_POINTS:
        st.caption(f"{clouds.MOST_POINTS:,} of {len(index):,} samples are drawn, {first} first.")
    chosen = clouds.selected(event)
    if not chosen:
        st.caption("Draw a line around points to open them in the gallery.")
        return
    shown = sorted(chosen, key=lambda sample: -index.scores[sample])[: picks.MOST]
    many = f"most suspect of the {len(chosen):,} selected" if len(shown) < len(chosen) else "selected"
    link(run, shown, f"Open the {len(shown):,} {many} samples in the gallery")


def link(run: Run, samples: Sequence[int], label: str) -> None:
    """A link that opens exactly these samples in the gallery."""
    st.page_link(
        "views/suspects.py",
        label=label,
        icon=":material/image_search:",
        query_params={session.RUN: run.name, session.ONLY: picks.as_text(samples)},
    )
