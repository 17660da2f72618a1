"""How many reserved images are enough, shown of a run: a part of several pages."""

import streamlit as st

from dashboard import gate, runs, session, sizes_chart
from dashboard.runs import Run

STAGE = "reserved_sizes"
TITLE = "How many reserved images are enough?"


def draw(run: Run, *, said_else: str = "") -> None:
    """The curve of a run, or the offer to compute it, after what is ``said_else`` then."""
    st.header(TITLE, anchor=False)
    st.caption(
        "The same identification with fewer reserved images, a few class-balanced draws of each size: what the "
        "enhanced model knows of the reserved images that it has not seen, how many of this run's suspects it finds "
        "again, and, where the truth is known, how well its scores rank."
    )
    gate.whole(run, STAGE)
    if not runs.has(run, STAGE):
        if said_else:
            st.markdown(said_else)
        gate.offer(run, STAGE, "Not computed for this run yet. It trains the enhanced model about ten times.")
        return
    if not runs.is_current(run, STAGE):
        st.warning(gate.OLD, icon=":material/update:")
        st.button("Compute it again", on_click=gate.compute, args=(run.name, (STAGE,)), icon=":material/refresh:")
    rows = runs.reserved_sizes(run)
    st.markdown(sizes_chart.sentence(rows))
    st.plotly_chart(
        sizes_chart.figure(rows, dark=session.is_dark()),
        key=STAGE,
        config={"displayModeBar": False},
        alt="What smaller reserved sets find, by size",
    )
    with st.expander("The same as a table", icon=":material/table:"):
        st.table(sizes_chart.table(rows), border="horizontal", hide_index=True, alt="What smaller reserved sets find")
        st.caption(
            "In brackets: the 95 % interval of the accuracy, else the lowest and the highest of the draws. The last "
            "line is the whole reserved set, as this run has it."
        )
