"""How much the repair hangs on the threshold: computed at several, then looked at one by one."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import charts, frames, gate, runs, sensitivity_chart, session
from dashboard.components import threshold_ladder
from dashboard.runs import Run

STAGE = "sensitivity"
PLAIN: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off"}


@st.fragment
def board(run: Run, found: Mapping[str, Any]) -> None:
    """The chart, the slider under it, and what holds at the chosen threshold."""
    rows = found["rows"]
    with st.container(key=threshold_ladder.PLOT):
        st.plotly_chart(
            sensitivity_chart.accuracies(found, dark=session.is_dark()),
            key="sensitivity_chart",
            config={"displayModeBar": False},
            alt="Test accuracy of the repaired model by threshold; the table below says the same in numbers",
        )
        over = st.empty()
    place = threshold_ladder.slider(rows)
    with over:
        threshold_ladder.line(place, len(rows))
    figures(rows[place], found["base"])
    st.page_link(
        "views/repair.py",
        label=f"Repair at the threshold {rows[place]['threshold']:.4g}",
        icon=":material/healing:",
        query_params={session.RUN: run.name, session.THRESHOLD: repr(rows[place]["threshold"])},
    )


def figures(row: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    """What is flagged, how right that is, and what the repair makes of it."""
    parts = [part for part in charts.PART_TITLES if base[part] is not None]
    columns = st.columns(len(parts) + 1)
    with columns[0].container(border=True, height="stretch", gap="small"):
        aligned = f"{row['num_aligned']:,} of them aligned"
        st.metric("Suspects", f"{row['num_suspects']:,}", aligned, **PLAIN)
        st.caption(how_right(row))
    for column, part in zip(columns[1:], parts, strict=True):
        gain, model = row["gain"][part], row["model"]
        with column.container(border=True, height="stretch", gap="small"):
            st.metric(
                f"{charts.PART_TITLES[part]}, n = {model['num'][part]:,}",
                f"{base[part]:.1f} → {model[part]:.1f} %",
                f"{gain['difference']:+.1f} points",
            )
            st.caption(
                f"95 % interval {frames.interval(model['intervals'][part])}; paired difference from the base model "
                f"{gain['low']:+.1f} to {gain['high']:+.1f}."
            )


def how_right(row: Mapping[str, Any]) -> str:
    """Precision and recall of the flags in a sentence."""
    if row["recall"] is None:
        return "Nobody knows which samples are wrong, so precision and recall cannot be said."
    if row["precision"] is None:
        return "No sample is flagged, so the repair changes nothing."
    return f"Precision {100 * row['precision']:.0f} %, recall {100 * row['recall']:.0f} %."


run = gate.the_run()
st.markdown(
    "The same repair at several thresholds around this run's own: does its success hang on the exact threshold? The "
    "thresholds are chosen by how many samples they flag, never by accuracy."
)
gate.needs(run, "evaluate")
gate.whole(run, STAGE)
if not runs.has(run, STAGE):
    gate.offer(
        run,
        STAGE,
        "Not computed yet. The model is repaired anew at up to nine thresholds, which takes about that many times as "
        "long as one repair.",
    )
    st.stop()
found = runs.sensitivity(run)
if not runs.is_current(run, STAGE):
    st.warning("The settings of this run were changed after this was computed.", icon=":material/update:")
    st.button("Compute it again", on_click=gate.compute, args=(run.name, (STAGE,)), icon=":material/refresh:")
board(run, found)
with st.expander("The same as a table", icon=":material/table:"):
    st.table(
        sensitivity_chart.table(found),
        border="horizontal",
        hide_index=True,
        alt="Accuracy of the repaired model by threshold",
    )
    st.caption("In brackets: 95 % intervals. Verdicts are heeded at every threshold, and the step size is this run's.")
st.info(
    "**Read it as a check, not as a menu.** Accuracy is on the test images. Whoever picks the threshold with the best "
    "test accuracy has used them up: they no longer tell how good the model is on new ones. Choose the threshold by "
    "the scores and by looking at the suspects.",
    icon=":material/science:",
)
