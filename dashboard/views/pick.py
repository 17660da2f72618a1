"""Choose the reserved set of an image set by eye: confirm or reject what is proposed, until there are enough."""

from typing import Any

import streamlit as st

from dashboard import enough, gate, image_sets, security, session, set_actions, sizes_chart
from dashboard.components import pick
from dashboard.image_sets import ImageSet


def facts(images: ImageSet, wanted: int) -> dict[str, Any]:
    """What the browser has to know of the set."""
    return {
        "set": images.name,
        "version": image_sets.version(images),
        "token": security.TOKEN,
        "class_names": list(image_sets.class_names(images)),
        "wanted": wanted,
        "reserved": image_sets.per_class(images, images.rows_of("reserved")),
        "available": image_sets.per_class(images, image_sets.proposals(images)),
        "is_large": image_sets.is_large(images),
    }


def how_many(images: ImageSet) -> None:
    """How many are enough: the curve of the newest run on these images, or what is known of others."""
    run = image_sets.newest_run(images.name)
    if run is None:
        st.header(enough.TITLE, anchor=False)
        st.markdown(sizes_chart.without_curve())
        st.caption("After the first run on these images their own curve can be computed here.")
        return
    enough.draw(run, said_else=sizes_chart.without_curve())
    st.caption(f"Of {run.name}, the newest run on these images.")


if not gate.run_names():
    st.title("Pick", anchor=False)
known = image_sets.names()
if not known:
    st.info("No images have been imported here yet, so there is nothing to pick from.", icon=":material/inbox:")
    st.page_link("views/data.py", label="Import images", icon=":material/photo_library:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    name: str = session.bound(st.selectbox, "Image set", key=session.SET, options=known, width=420)
    images = image_sets.open_set(name)
    num = len(images.class_names)
    wanted: int = session.bound(
        st.number_input,
        "Wanted of each class",
        key=session.WANTED,
        value=image_sets.usual_wanted(num),
        min_value=1,
        max_value=10_000,
        step=1,
        width=190,
    )
    st.caption(f"{num:,} classes, so about {num * wanted:,} images in all; what is reserved already counts.")
st.markdown(
    "The reserved set is what the method trusts: **clean images with the right label**, as typical of what the model "
    "will meet as the others. These are a random sample, classes in turn: confirm what is clean and right, reject what "
    "is not, and do not leave out what is merely hard to see."
)
gate.show_refusal()
set_actions.show_news()
pick.draw(facts(images, wanted), on_reserve=lambda: set_actions.reserve(images.name))
st.page_link(
    "views/data.py", label="Back to the images", icon=":material/photo_library:", query_params={session.SET: name}
)
how_many(images)
