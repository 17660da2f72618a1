"""How suspect every training sample is, and where to draw the line."""

from typing import Any

import streamlit as st

from dashboard import charts, frames, gate, runs, session
from dashboard.components import class_counts, pairs, reviewers
from dashboard.components import threshold as thresholds
from dashboard.frames import ScoreIndex
from dashboard.runs import Run

RECOMMENDED = "log 1.05"
PLOT = "score_plot"
PRECISION = "Share of the suspects that are truly corrupted."
RECALL = "Share of the corrupted samples that are suspects."
AUC = "How often a corrupted sample scores higher than a clean one; the same for every threshold."
PLAIN: dict[str, Any] = {"border": True, "delta_color": "off", "delta_arrow": "off"}


@st.fragment
def board(run: Run) -> None:
    """Histogram, threshold and counts; moving the threshold redraws only this."""
    with gate.guarded():
        index = runs.scored(run).index
        with st.container(horizontal=True, vertical_alignment="bottom"):
            threshold = thresholds.number(runs.default_threshold(run), width=190)
            with st.container(width=150):
                thresholds.top_k(index, threshold)
            with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                st.markdown("Landmarks", width="content")
                thresholds.landmark_buttons(threshold, runs.LANDMARKS, recommended=RECOMMENDED)
        sentence = thresholds.tie_sentence(threshold)
        if sentence:
            st.caption(sentence)
        with st.container(key=PLOT):
            st.plotly_chart(
                charts.histogram(index, runs.LANDMARKS, dark=session.is_dark()),
                config={"displayModeBar": False},
                alt="Histogram of the scores of all training samples; the figures below say the same in numbers",
            )
            thresholds.line(PLOT, index, threshold)
        thresholds.slider(index, threshold, runs.LANDMARKS)
        figures(index, threshold)
        class_counts.draw(frames.class_counts(index, threshold))
        pairs.draw(index, threshold, run=run.name)


def figures(index: ScoreIndex, threshold: float) -> None:
    """Totals, and how right they are when truth is known."""
    above = index.count_above(threshold)
    precision, recall = index.precision_recall(threshold)
    columns = st.columns(4)
    columns[0].metric("Suspects", f"{above:,}", f"{100 * above / len(index):.1f} % of {len(index):,}", **PLAIN)
    if index.corrupted is None:
        columns[1].caption("Nobody knows which samples are wrong, so precision, recall and AUC cannot be said.")
        return
    caught, known = index.caught(threshold), int(index.corrupted.sum())
    said = "-" if precision is None else f"{100 * precision:.1f} %"
    columns[1].metric("Precision", said, f"{caught:,} of {above:,} suspects", help=PRECISION, **PLAIN)
    columns[2].metric(
        "Recall", f"{100 * (recall or 0):.1f} %", f"{caught:,} of {known:,} corrupted", help=RECALL, **PLAIN
    )
    auc = "-" if index.auc is None else f"{index.auc:.4f}"
    columns[3].metric("AUC", auc, "0.5 is chance", help=AUC, **PLAIN)


run = gate.the_run()
st.markdown(
    "The score of a training sample is how much its loss **grows** when the model learns a little from the clean "
    "reserved set. Higher = more suspect; samples above the threshold are suspects."
)
gate.needs(run, "data")
gate.needs(run, "score")
board(run)
reviewers.draw(*runs.measured_bands(run))
