"""Choosing a folder or a manifest of the server's computer, below the folders that may be named in the browser."""

from pathlib import Path

import streamlit as st

from dashboard import gate, imports
from dashboard.imports import Listing


def draw(label: str, *, key: str) -> str:
    """A box for the path, and below it what is there; the path, empty where none can be taken, which is said here."""
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
    return ""


def shelf(path: str, key: str) -> None:
    """The folders and manifests where the path points to, each a click away; at the top, where to begin."""
    starts = imports.starts()
    if not starts:
        st.caption(f"There is nothing in {imports.where()} yet: put a folder with your images there.")
    elif path or len(starts) == 1:
        inside(imports.look(path or starts[0]), key, top=None if len(starts) == 1 else "")
    else:
        choose("Begin in", starts, key, folder=Path(), above=None, placeholder=f"{len(starts)} folders")


def inside(found: Listing, key: str, *, top: str | None) -> None:
    """What is in a folder; ``top`` is what lies above the ones that may be named, None for nothing."""
    choices = [f"{name}/" for name in found.folders] + list(found.files)
    choose(
        f"In {found.path}",
        choices,
        key,
        folder=found.path,
        above=top if found.parent is None else str(found.parent),
        placeholder=f"{len(found.folders)} folders and {len(found.files)} tables" if choices else "nothing further",
    )
    if not found.is_whole:
        st.caption("There is more than is listed here: type the path.")


def choose(label: str, choices: list[str], key: str, *, folder: Path, above: str | None, placeholder: str) -> None:
    """The way up, and the ways on from a folder."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "Up",
            key=f"{key}_up",
            on_click=go,
            args=(key, above),
            disabled=above is None,
            icon=":material/arrow_upward:",
        )
        st.selectbox(
            label,
            choices,
            index=None,
            key=f"{key}_inside",
            on_change=enter,
            args=(key, folder),
            placeholder=placeholder,
            disabled=not choices,
        )


def go(key: str, path: str) -> None:
    """Callback: put a path into the box."""
    st.session_state[key] = path
    st.session_state[f"{key}_inside"] = None


def enter(key: str, folder: Path) -> None:
    """Callback: follow what was chosen in a folder."""
    chosen = st.session_state[f"{key}_inside"]
    if chosen:
        go(key, str(folder / chosen))
