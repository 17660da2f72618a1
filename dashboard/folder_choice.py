"""Choosing a folder or a manifest of the server's computer, below the folders that may be named in the browser."""

from pathlib import Path

import streamlit as st

from dashboard import gate, imports


def draw(label: str, *, key: str) -> str:
    """A box for the path, and below it what is there; the path as it stands in the box, empty for none."""
    path: str = st.text_input(
        label,
        key=key,
        placeholder="choose below, or type a path",
        help=f"A folder with one folder per class, or a table of paths and labels, inside {imports.where()}.",
        persist_state="session",
    ).strip()
    with gate.guarded():
        shelf(path, key)
    return path


def shelf(path: str, key: str) -> None:
    """The folders and manifests where the path points to, each a click away."""
    found = imports.look(path)
    if found is None:
        st.caption(f"There is nothing in {imports.where()} yet: put a folder with your images there.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Up",
            key=f"{key}_up",
            on_click=go,
            args=(key, str(found.parent)),
            disabled=found.parent is None,
            icon=":material/arrow_upward:",
        )
        choices = [f"{name}/" for name in found.folders] + list(found.files)
        st.selectbox(
            f"In {found.path}",
            choices,
            index=None,
            key=f"{key}_inside",
            on_change=enter,
            args=(key, found.path),
            placeholder=f"{len(found.folders)} folders and {len(found.files)} tables" if choices else "nothing further",
            disabled=not choices,
        )
    if not found.is_whole:
        st.caption("There is more than is listed here: type the path.")


def go(key: str, path: str) -> None:
    """Callback: put a path into the box."""
    st.session_state[key] = path
    st.session_state[f"{key}_inside"] = None


def enter(key: str, folder: Path) -> None:
    """Callback: follow what was chosen in a folder."""
    chosen = st.session_state[f"{key}_inside"]
    if chosen:
        go(key, str(folder / chosen))
