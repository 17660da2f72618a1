"""What buttons do to image sets; what cannot be done is said on the page that is drawn next."""

import streamlit as st

from dashboard import gate, image_sets, session

_NEWS = "set_news"


def show_news() -> None:
    """What a callback has done, said once."""
    news = st.session_state.pop(_NEWS, None)
    if news:
        st.success(news, icon=":material/check:")


def reserve(name: str) -> None:
    """Callback: make what is confirmed the reserved set."""
    with gate.refusable():
        num = image_sets.reserve(name)
        st.session_state[_NEWS] = f"{num:,} images are reserved now; a new run can use them."


def delete(name: str) -> None:
    """Callback: remove an image set; its originals stay."""
    with gate.refusable():
        image_sets.delete(name)
        session.put(session.SET, None)
        st.session_state[_NEWS] = f"The image set {name} is deleted; the images themselves are where they were."
