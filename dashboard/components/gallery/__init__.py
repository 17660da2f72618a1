"""All suspects in one gallery that lives in the browser: it scrolls, shows, decides by key; ``routes`` answers it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import palette

SCRIPTS = (
    "nodes.js",
    "reviewer.js",
    "server.js",
    "outbox.js",
    "ranges.js",
    "sheet.js",
    "ranking.js",
    "review.js",
    "tile.js",
    "resembling.js",
    "detail.js",
    "keys.js",
    "gallery.js",
)
"""Joined in this order to one module; the last one exports what Streamlit calls."""

FOLDER = Path(__file__).parent


def joined(*names: str) -> str:
    """Some of the gallery's files as one text; other components that ask and send as it does take theirs from here."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


COLORS = f""".gallery {{
  --keep: {palette.AFTER}; --remove: {palette.CORRUPTED}; --relabel: {palette.CLEAN}; --conflict: {palette.THRESHOLD};
  --believed: {palette.AFTER}; --plain: {palette.BEFORE};
}}
"""

_mount = st.components.v2.component(
    "bir_gallery",
    html='<div class="gallery"></div>\n',
    css=COLORS + joined("gallery.css", "resembling.css"),
    js=joined(*SCRIPTS),
)


def draw(data: dict[str, Any], *, on_conflicts: Callable[[], None]) -> None:
    """Show the gallery.

    Args:
        data: ``run`` and ``token`` for its requests; ``filters`` as the route of the cards takes them; ``class_names``;
            ``image_width`` and ``image_height`` in pixels; ``total``, how many pass the filters; ``what``, the filters
            in words; ``only``, the samples of a random batch or None; ``told``, those of which somebody had said what
            a filter by verdict wants.
        on_conflicts: told that the reader wants to see only what the reviewers differ about.
    """
    # After a restart of the server an open page has an old token, and asks by this trigger for the data anew.
    _mount(data=data, key="gallery", on_stale_change=lambda: None, on_conflicts_change=on_conflicts)
