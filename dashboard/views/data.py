"""Images of one's own: what has been imported, what is in it, and importing more."""

import streamlit as st

from dashboard import gate, image_sets, import_form, security, session, set_actions, set_charts, words
from dashboard.components import sections, set_report, set_table, thumbnails
from dashboard.image_sets import ImageSet

PICTURES = 60
SECTIONS = ("Counts", "Pictures", "Report")
HOW_TO = """
1. **A folder with one folder per class** (`cats/1.png`, `dogs/2.jpg`), or `train`, `reserved` and `test` with these in
   them; or **a table** (CSV, Parquet, JSON lines) with the columns `path` and `label`.
2. About **30 clean images per class** that you vouch for: a `reserved` folder or column, or picked here by eye.
3. Originals stay where they are; the import keeps an index and thumbnails.
"""


def chosen_set(images: ImageSet) -> None:
    """Everything about one image set."""
    figures(images)
    if images.report["warnings"]:
        st.warning("  \n".join(map(sentence, images.report["warnings"])), icon=":material/warning:")
    actions(images)
    section = sections.choose("Show", SECTIONS, key="data_section")
    if section == "Counts":
        counts(images)
    elif section == "Pictures":
        pictures(images)
    else:
        set_report.draw(images.report, set_charts.sizes(images.report["sizes"]))


def figures(images: ImageSet) -> None:
    """How much there is of what, and where it comes from."""
    columns = st.columns(4)
    for column, (title, rows) in zip(
        columns,
        (
            ("Training images", len(images.rows_of("train")) + len(images.rows_of("validation"))),
            ("Reserved images", len(images.rows_of("reserved"))),
            ("Test images", len(images.rows_of("test"))),
            ("Classes", len(images.class_names)),
        ),
        strict=True,
    ):
        column.metric(title, f"{rows:,}", border=True)
    origin = words.plain(str(images.origin.get("path", "somewhere else")))
    st.caption(f"Imported from {origin}, which is read whenever a run needs it.")


def actions(images: ImageSet) -> None:
    """What can be done with the set."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "views/pick.py",
            label="Pick the reserved set",
            icon=":material/checklist:",
            query_params={session.SET: images.name},
        )
        st.page_link(
            "views/new_run.py",
            label="New run with these images",
            icon=":material/add_circle:",
            query_params={session.DATA: images.name},
        )
        st.button(
            "Import again",
            on_click=set_actions.import_again,
            args=(images.name,),
            icon=":material/refresh:",
            help="Reads only what has changed since.",
        )
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown(f"Delete the image set **{images.name}**? The images themselves stay where they are.")
            st.button("Yes, delete it", key="delete_set", on_click=set_actions.delete, args=(images.name,))


def counts(images: ImageSet) -> None:
    """Images of each class and part."""
    splits = images.report["splits"]
    names = dict(zip(images.class_names, image_sets.class_names(images), strict=True))
    st.markdown(set_charts.in_words(splits))
    table = set_charts.table(splits, names)
    if len(names) > set_charts.MOST_BARS:
        st.dataframe(table, hide_index=True, height=420, alt="Images by class and part")
        return
    st.plotly_chart(
        set_charts.counts(splits, names, dark=session.is_dark()),
        key="set_counts",
        config={"displayModeBar": False},
        alt="Images by class and part",
    )
    with st.expander("The same as a table", icon=":material/table:"):
        table["Class"] = table["Class"].map(words.plain)
        st.table(table, border="horizontal", hide_index=True, alt="Images by class and part")


def pictures(images: ImageSet) -> None:
    """Some images of a class."""
    names = image_sets.class_names(images)
    with st.container(horizontal=True):
        split = st.selectbox("Part", list(images.report["splits"]), key=f"part_{images.name}", width=170)
        label = st.selectbox(
            "Class", range(len(names)), format_func=lambda at: names[at], key=f"class_{images.name}", width=260
        )
    rows = image_sets.some_of(images, split, label, PICTURES)
    if not rows:
        st.caption("There is no such image.")
        return
    thumbnails.draw(
        {
            "set": images.name,
            "version": image_sets.version(images),
            "token": security.TOKEN,
            "rows": [image_sets.card(images, row) for row in rows],
            "is_large": image_sets.is_large(images),
        }
    )
    if len(rows) == PICTURES:
        st.caption(f"The first {PICTURES} of them.")


def uploads() -> None:
    """What was uploaded stays until somebody deletes it here."""
    names = image_sets.uploaded()
    if not names:
        return
    with st.expander("Uploads", icon=":material/folder_zip:", key="uploads_fold"):
        name = st.selectbox("Upload", names, key="upload", width=420)
        num, size = image_sets.extent_of_upload(name)
        made = image_sets.made_of(name)
        named = ", ".join(f"**{words.plain(one)}**" for one in made)
        user = f"Image sets made of it: {named}." if made else "No image set is made of it."
        st.markdown(
            f"{num:,} files, {set_report.amount(size)}. {user} Once an upload is deleted, its image sets have their "
            "counts and thumbnails left; the galleries of their runs are empty, and no run can read its pictures."
        )
        sure = st.checkbox("Delete its pictures for good", key=f"sure_{name}")
        st.button(
            "Delete the upload",
            key="delete_upload",
            on_click=set_actions.delete_upload,
            args=(name,),
            icon=":material/delete:",
            disabled=not sure,
        )


def sentence(text: str) -> str:
    """A warning of the engine as a sentence; what it quotes of the data is no markup."""
    return words.plain(f"{text[:1].upper()}{text[1:]}.")


if not gate.run_names():
    st.title("Data", anchor=False)
gate.show_refusal()
set_actions.show_news()
import_form.watch()
set_actions.show_imported()
sets = image_sets.summaries()
if not sets:
    st.markdown("Find what harms a model that learns from **your own images**. What is expected:")
    st.markdown(HOW_TO)
    st.caption("The README shows it step by step, in the section *Your data in five minutes*.")
    import_form.draw()
    uploads()
    st.stop()
set_table.draw(sets)
with st.expander("Import images", icon=":material/add_photo_alternate:", key="import_fold"):
    import_form.draw()
name: str = session.bound(st.selectbox, "Image set", key=session.SET, options=[one.name for one in sets], width=420)
with gate.guarded():
    chosen_set(image_sets.open_set(name))
uploads()
