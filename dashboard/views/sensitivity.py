"""How much the repair hangs on the threshold: computed at several, then looked at one by one."""

import streamlit as st

from dashboard import gate, runs, sensitivity_chart
from dashboard.components import sensitivity

STAGE = "sensitivity"

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
sensitivity.draw(sensitivity_chart.board(found, run=run.name))
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
