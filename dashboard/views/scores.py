"""How suspect every training sample is, and where to draw the line."""

from typing import Any

import streamlit as st

from dashboard import clouds, frames, gate, picks, runs, session, standings
from dashboard.components import class_counts, class_histograms, histogram, pairs, reviewers, sections
from dashboard.components import threshold as thresholds
from dashboard.frames import ScoreIndex
from dashboard.runs import Run

RECOMMENDED = "log 1.05"
SECTIONS = ("Classes", "Class histograms", "Given and believed", "Losses", "Map")
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
        histogram.draw(index, threshold, runs.LANDMARKS, run=run.name, on_moved=thresholds.move)
        figures(index, threshold)
        section = sections.choose("Show", SECTIONS, key="scores_section")
        if section == "Classes":
            class_counts.draw(frames.class_counts(index, threshold))
        elif section == "Class histograms":
            class_histograms.draw(index, threshold, run=run.name)
        elif section == "Given and believed":
            pairs.draw(index, threshold, run=run.name)
        elif section == "Losses":
            losses(run, index, threshold)
        else:
            feature_map(run, index, threshold)


def losses(run: Run, index: ScoreIndex, threshold: float) -> None:
    """Why each sample was flagged: its loss under both models."""
    drawn = clouds.shown(index, threshold)
    figure = clouds.losses(index, drawn, *runs.losses(run, drawn), threshold, dark=session.is_dark())
    select(run, index, figure, "losses", "Loss after against loss before, with the threshold")


def feature_map(run: Run, index: ScoreIndex, threshold: float) -> None:
    """Where the samples lie by what the enhanced model sees in them."""
    if not runs.has(run, "embed"):
        gate.offer(run, "embed", "The features of this run's samples have not been laid out yet.")
        return
    found = runs.embedding(run)
    figure = clouds.feature_map(index, found.coordinates, threshold, found.layout, dark=session.is_dark())
    select(run, index, figure, "map", "Training samples by their features, coloured by score")


def select(run: Run, index: ScoreIndex, figure: Any, key: str, alt: str) -> None:
    """A cloud in which a lasso or a box picks samples for the gallery."""
    event = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("lasso", "box"),
        config={"displaylogo": False, "modeBarButtonsToRemove": ["toImage", "autoScale2d"]},
        alt=alt,
    )
    if len(index) > clouds.MOST_POINTS:
        st.caption(f"{clouds.MOST_POINTS:,} of {len(index):,} samples are drawn, suspects first.")
    chosen = clouds.selected(event)
    if not chosen:
        st.caption("Draw a line around points to open them in the gallery.")
        return
    shown = sorted(chosen, key=lambda sample: -index.scores[sample])[: picks.MOST]
    st.page_link(
        "views/suspects.py",
        label=f"Open the {len(shown):,} "
        + (f"most suspect of the {len(chosen):,} selected" if len(shown) < len(chosen) else "selected")
        + " samples in the gallery",
        icon=":material/image_search:",
        query_params={session.RUN: run.name, session.ONLY: picks.as_text(shown)},
    )


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
reviewers.draw(*standings.measured_bands(run))
