"""The form of an import, and the import while it is at work: a part of the Data page."""

import streamlit as st

from dashboard import folder_choice, gate, imports, runs, set_actions
from dashboard.components import job_progress, sections
from dashboard.imports import InputError, Wish

HERE, UPLOAD = "A folder or table here", "Upload a zip"


def watch() -> None:
    """The newest import, while it works or when it did not end well."""
    job = imports.latest()
    if job is None or job.state == "finished":
        return
    if job.state in runs.ACTIVE:
        st.header(f"Importing {imports.name_of(job)}", anchor=False)
        gate.watch(job)
    else:
        gate.ended(job)


def draw() -> None:
    """Where the images are, what they are to be called, and the button."""
    if sections.choose("From", (HERE, UPLOAD), key="import_from") == UPLOAD:
        upload()
    else:
        from_here()


def from_here() -> None:
    """Images that lie on the server's computer."""
    path = folder_choice.draw("Folder or table", key="import_path")
    with st.container(horizontal=True):
        has_reserved = st.toggle("Reserved images lie elsewhere", key="import_has_reserved")
        has_test = st.toggle("Test images lie elsewhere", key="import_has_test")
    reserved = (
        folder_choice.draw("Folder or table of the reserved images", key="import_reserved") if has_reserved else ""
    )
    test = folder_choice.draw("Folder or table of the test images", key="import_test") if has_test else ""
    name, skip = name_box(imports.proposed_name(path)), skip_box()
    if not path or (has_reserved and not reserved) or (has_test and not test):
        st.button("Start the import", type="primary", disabled=True, icon=":material/play_arrow:", key="import_go")
        return
    wish = Wish(name=name, path=path, reserved=reserved, test=test, skip_unreadable=skip)
    try:
        asked, problem = imports.request(wish), ""
    except InputError as fault:
        asked, problem = None, job_progress.sentence(str(fault))
    st.button(
        "Start the import",
        type="primary",
        icon=":material/play_arrow:",
        key="import_go",
        on_click=set_actions.start_import,
        args=(asked,),
        disabled=asked is None,
    )
    if asked is None:
        st.error(problem, icon=":material/error:")
        return
    st.caption("The same on the command line:")
    st.code(imports.command(asked), language=None, wrap_lines=True)


def upload() -> None:
    """Images as one archive."""
    archive = st.file_uploader(
        "A zip with one folder per class, or with a table and its images",
        type="zip",
        max_upload_size=imports.LARGEST_UPLOAD_MB,
        key="import_archive",
        help=f"Up to {imports.LARGEST_UPLOAD_MB} MB; larger collections belong into {imports.where()}.",
    )
    name, skip = name_box(imports.proposed_name(archive.name) if archive else ""), skip_box()
    st.button(
        "Start the import",
        type="primary",
        icon=":material/play_arrow:",
        key="import_go",
        on_click=set_actions.start_upload,
        args=(name, archive),
        kwargs={"skip_unreadable": skip},
        disabled=archive is None or not name,
    )


def name_box(proposed: str) -> str:
    """What the set is to be called."""
    given = st.text_input(
        "Name of the image set",
        key="import_name",
        placeholder=proposed or "give a name",
        max_chars=80,
        help="Left empty, it is the one shown. A name that is there already: that set is imported anew.",
    )
    return (given or "").strip() or proposed


def skip_box() -> bool:
    """Whether files that are no pictures may be left out."""
    return st.toggle(
        "Leave out files that cannot be read",
        key="import_skip",
        help="They are counted and named in the report. Otherwise one such file stops the import.",
    )
