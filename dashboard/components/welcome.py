"""The empty state: one button, and the way to a run of one's own."""

from collections.abc import Callable

import streamlit as st

STEPS = (
    (":material/model_training:", "Train", "A small network learns 2,700 digits, 432 of them with a wrong label."),
    (":material/image_search:", "Find", "A better informed copy of it shows which samples it would rather forget."),
    (":material/straighten:", "Align", "Each suspect gets a soft label that fits it, and a slightly moved image."),
    (":material/healing:", "Repair", "The network is fine-tuned on the aligned suspects, and tested honestly."),
)


def draw(start: Callable[[], None], *, where: str) -> None:
    """What the dashboard does, and the button that shows it on real digits."""
    with st.container(width=980, horizontal_alignment="left", gap="medium"):
        st.title("Find what harms a model, and repair it")
        st.markdown(
            "See it work on 5,000 real handwritten digits that come with this program. Nothing is downloaded; on two "
            "processor cores it takes about a minute, and you can watch every stage."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Run the demo", type="primary", on_click=start, icon=":material/play_arrow:", key="run_demo")
            st.page_link("views/new_run.py", label="Make a run of your own", icon=":material/add_circle:")
        columns = st.columns(4)
        for column, (icon, verb, text) in zip(columns, STEPS, strict=True):
            with column.container(border=True, height="stretch"):
                st.markdown(f"**{icon} {verb}**")
                st.markdown(text)
        st.caption(f"Runs are kept in {where}.")
