"""Which network the base model is, and what weights it starts from."""

from collections.abc import Mapping, Sequence

import streamlit as st

BUILT_IN = "built-in"
FILE = "file"
STARTS = {
    "scratch": "Fresh weights: the base model is trained here.",
    "imagenet": "ImageNet's weights where they are to be had, else fresh ones; the report says which.",
    FILE: "A file of weights of this very network, such as your trained classifier.",
}
START_TITLES = {"scratch": "Fresh", "imagenet": "ImageNet", FILE: "A file"}


def network(built_in: Mapping[str, str], origins: Sequence[str], *, key: str) -> str:
    """The network as a config names it: a built-in one, or ``ORIGIN:NAME``.

    Args:
        built_in: titles by name, the usual one first.
        origins: libraries that others can come from.
        key: tells these widgets from others.
    """
    left, right = st.columns([1, 1.2])
    with left:
        origin: str = st.radio(
            "Network from",
            [BUILT_IN, *origins],
            horizontal=True,
            format_func=lambda name: "Built in" if name == BUILT_IN else name,
            key=f"{key}_origin",
            persist_state="session",
        )
    with right:
        if origin == BUILT_IN:
            return st.selectbox(
                "Network",
                list(built_in),
                format_func=lambda name: built_in[name],
                key=f"{key}_network",
                persist_state="session",
            )
        name = st.text_input(
            "Network",
            key=f"{key}_network_{origin}",
            placeholder="resnet18",
            help=f"The name by which {origin} makes it.",
            persist_state="session",
        )
    return f"{origin}:{(name or '').strip()}"


def start(files: Sequence[str], root: str, *, key: str) -> str:
    """What the base model starts from: a word of the config, or a file as it was named.

    Args:
        files: those that are offered, relative to ``root``; another below it can be typed.
        root: the folder of the files that may be named.
        key: tells these widgets from others.
    """
    left, right = st.columns([1, 1.2])
    with left:
        chosen: str = st.radio(
            "Start from",
            list(STARTS),
            horizontal=True,
            format_func=lambda name: START_TITLES[name],
            key=f"{key}_start",
            persist_state="session",
        )
    with right:
        if chosen != FILE:
            st.caption(STARTS[chosen])
            return chosen
        named = st.selectbox(
            "File of weights",
            list(files),
            index=None,
            accept_new_options=True,
            placeholder="choose or type a path",
            help=f"Below {root}.",
            key=f"{key}_file",
            persist_state="session",
        )
    return str(named or "")
