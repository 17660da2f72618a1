"""How much the repair hangs on the threshold: computed at several, then looked at one by one."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import gate, runs, sensitivity_chart, standings, words
from dashboard.components import sensitivity

STAGE = "sensitivity"

IN_FOLDS = ", and that again for each fold of the reserved set, since there are no test images"


def how_right(row: Mapping[str, Any]) -> str:
    """How right the flags of a row are: by the truth, else as far as reviewers have judged them."""
    if words.is_known(report):
        return sensitivity_chart.how_right(row)
    return words.measured(standings.measured_above(run, row["threshold"]))


run = gate.the_run()
st.markdown(
    "The same repair at several thresholds around this run's own: does its success hang on the exact threshold? The "
    "thresholds are chosen by how many samples they flag, never by accuracy."
)
gate.needs(run, "evaluate")
report = runs.report(run)
gate.whole(run, STAGE)
if not runs.has(run, STAGE):
    gate.offer(
        run,
        STAGE,
        "Not computed yet. The model is repaired anew at up to nine thresholds, which takes about that many times as "
        f"long as one repair{IN_FOLDS if words.is_cross_fitted(report) else ''}.",
    )
    st.stop()
found = runs.sensitivity(run)
if not runs.is_current(run, STAGE):
    st.warning(gate.OLD, icon=":material/update:")
    st.button("Compute it again", on_click=gate.compute, args=(run.name, (STAGE,)), icon=":material/refresh:")
sensitivity.draw(sensitivity_chart.board(found, run=run.name, report=report, how_right=how_right))
if words.is_cross_fitted(report):
    st.caption(words.judged(report))
with st.expander("The same as a table", icon=":material/table:"):
    st.table(
        sensitivity_chart.table(found),
        border="horizontal",
        hide_index=True,
        alt="Accuracy of the repaired model by threshold",
    )
    st.caption("In brackets: 95 % intervals. Verdicts are heeded at every threshold, and the step size is this run's.")
st.info(
    f"**Read it as a check, not as a menu.** Accuracy is on the {words.images(report)}. Whoever picks the threshold "
    "with the best accuracy has used them up: they no longer tell how good the model is on new ones. Choose the "
    "threshold by the scores and by looking at the suspects.",
    icon=":material/science:",
)
