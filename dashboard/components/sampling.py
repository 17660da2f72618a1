"""How far the review is, how often flags were right, and a random batch of a band to find that out."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import batches, session
from dashboard.batches import Batch
from dashboard.components import reviewers

SIZES = (20, 50, 100)
DRAWN = "batches_drawn"


def progress(bands: Sequence[Mapping[str, Any]], stop: float | None) -> None:
    """A button that opens what reviewers found by band, and the form that draws a batch."""
    with st.popover("Progress and sampling", icon=":material/monitoring:", width="content"):
        reviewers.table(bands, stop)
        st.markdown("**Estimate a band** by judging a random batch of it, without regard to rank.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            place = st.selectbox(
                "Scores (nats)",
                range(len(bands)),
                format_func=lambda at: f"{reviewers.span(bands[at])} ({bands[at]['num']:,} samples)",
                key="sampled_band",
                width=260,
            )
            num = st.selectbox("How many", SIZES, key="sampled_num", width=110)
            st.button(
                "Draw", on_click=_draw, args=(bands[place]["low"], bands[place]["high"], num), type="primary",
                disabled=not bands[place]["num"], icon=":material/casino:",
            )  # fmt: skip


def head(batch: Batch, num: int, found: Mapping[str, Any]) -> None:
    """What the batch is, what it says so far, and the way back."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"**Random batch** of {num:,} samples with scores {reviewers.span({'low': batch.low, 'high': batch.high})} "
            f"nats, in random order. {said(found)}",
            width="stretch",
        )
        st.button("Count again", icon=":material/refresh:", key="count_batch")
        st.button("End sampling", on_click=_end, icon=":material/close:", key="end_batch")


def said(found: Mapping[str, Any]) -> str:
    """The precision that the batch measured."""
    if not found["reviewed"]:
        return "None is judged yet."
    low, high = (100 * bound for bound in found["interval"])
    return (
        f"{found['reviewed']:,} judged, {found['confirmed']:,} of them detrimental: precision "
        f"**{100 * found['confirmed'] / found['reviewed']:.0f} %** (95 % interval {low:.0f} to {high:.0f}); "
        f"{reviewers.WITHOUT_CONFLICTS}."
    )


def current() -> Batch | None:
    """The batch that the link asks for."""
    asked = st.query_params.get(session.BATCH)
    found = None if asked is None else batches.parse(asked)
    if asked is not None and found is None:
        st.toast(f"The link asks for batch={asked[:60]}, which is no batch; the suspects are shown instead.")
    return found


def _draw(low: float, high: float, num: int) -> None:
    seed = st.session_state.get(DRAWN, 0) + 1
    st.session_state[DRAWN] = seed
    st.query_params[session.BATCH] = str(Batch(low=low, high=high, num=num, seed=seed))


def _end() -> None:
    st.query_params.pop(session.BATCH, None)
