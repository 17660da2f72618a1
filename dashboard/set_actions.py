"""What buttons do to image sets; what cannot be done is said on the page that is drawn next."""

from typing import BinaryIO

import streamlit as st

from dashboard import gate, image_sets, imports, session
from dashboard.imports import ImportRequest

_NEWS = "set_news"
_IMPORTED = "set_imported"


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


def delete_upload(name: str) -> None:
    """Callback: remove the pictures of an upload for good."""
    with gate.refusable():
        image_sets.delete_upload(name)
        st.session_state[_NEWS] = f"The upload {name} is deleted, and its pictures with it."


def start_import(asked: ImportRequest) -> None:
    """Callback: start an import, which is shown until it has ended."""
    with gate.refusable():
        imports.start(asked)
        st.session_state[_IMPORTED] = asked.name


def import_again(name: str) -> None:
    """Callback: import a set as it was imported."""
    with gate.refusable():
        start_import(imports.again(name))


def start_upload(name: str, archive: BinaryIO, *, skip_unreadable: bool) -> None:
    """Callback: unpack an archive, and import what was in it."""
    with gate.refusable():
        folder = imports.receive(name, archive)
        start_import(ImportRequest(name=name, path=str(folder), skip_unreadable=skip_unreadable))


def show_imported() -> None:
    """Turn to the set whose import was started here, once it is there."""
    name = st.session_state.get(_IMPORTED)
    if name in image_sets.names():
        session.put(session.SET, st.session_state.pop(_IMPORTED))
