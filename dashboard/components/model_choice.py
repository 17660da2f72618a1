"""Which network the base model is, and what weights it starts from."""

from collections.abc import Mapping, Sequence

import streamlit as st

BUILT_IN = "built-in"
EXPORT = "export"
FILE = "file"
STARTS = {
    "scratch": "The base model is trained here.",
    "imagenet": "ImageNet's weights where they are to be had, else fresh ones; the report says which.",
}
START_TITLES = {"scratch": "Fresh weights", "imagenet": "ImageNet", FILE: "A file of weights"}
PROGRAM = "An exported program has its own weights: it is scored and aligned as it is, and cannot be trained anew."
TRAINED = "Choose preset Trained to take the weights as they are; the other presets train on from them."


def network(
    built_in: Mapping[str, str], libraries: Sequence[str], programs: Sequence[str], places: str, *, key: str
) -> str:
    """The network as a config names it, which may be an ``export:FILE`` as the file was named.

    Args:
        built_in: titles by name, the usual one first.
        libraries: that others can come from.
        programs: files that are offered; others can be typed.
        places: the folders that files may be in, in words.
        key: tells these widgets from others.
    """
    titles = {BUILT_IN: "Built in", **{name: name for name in libraries}, EXPORT: "An exported program"}
    left, right = st.columns([1, 1.5])
    with left:
        origin: str = st.selectbox(
            "Network from",
            list(titles),
            format_func=lambda name: titles[name],
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
        if origin == EXPORT:
            return f"{EXPORT}:{_file('Program', programs, places, key=f'{key}_program')}"
        name = st.text_input(
            "Network",
            key=f"{key}_network_{origin}",
            placeholder="resnet18",
            help=f"The name by which {origin} makes it.",
            persist_state="session",
        )
    return f"{origin}:{(name or '').strip()}"


def start(files: Sequence[str], places: str, *, key: str) -> str:
    """What the base model starts from: a word of the config, or a file as it was named.

    Args:
        files: those that are offered; others can be typed.
        places: the folders that files may be in, in words.
        key: tells these widgets from others.
    """
    left, right = st.columns([1, 1.5])
    with left:
        chosen: str = st.selectbox(
            "Start from",
            list(START_TITLES),
            format_func=lambda name: START_TITLES[name],
            key=f"{key}_start",
            persist_state="session",
        )
        if chosen != FILE:
            st.caption(STARTS[chosen])
            return chosen
        st.caption(TRAINED)
    with right:
        return _file("File of weights", files, places, key=f"{key}_file")


def _file(label: str, files: Sequence[str], places: str, *, key: str) -> str:
    named = st.selectbox(
        label,
        list(files),
        index=None,
        accept_new_options=True,
        placeholder="choose or type a path",
        help=f"Inside {places}.",
        key=key,
        persist_state="session",
    )
    return str(named or "")
