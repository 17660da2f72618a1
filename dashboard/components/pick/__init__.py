"""Picking the reserved set in the browser: proposals, decided by key; ``routes_sets`` answers it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import palette
from dashboard.components import gallery

FOLDER = Path(__file__).parent
COLORS = f".pick {{ --confirm: {palette.AFTER}; --reject: {palette.CORRUPTED}; }}\n"
SHARED = ("nodes.js", "reviewer.js", "server.js", "outbox.js", "sheet.js")
"""What asks, keeps and shows as the gallery does."""

_mount = st.components.v2.component(
    "bir_pick",
    html='<div class="pick"></div>\n',
    css=COLORS + (FOLDER / "pick.css").read_text(encoding="utf-8"),
    js="\n".join(
        [gallery.joined(*SHARED), *((FOLDER / name).read_text(encoding="utf-8") for name in ("standing.js", "pick.js"))]
    ),
)


def draw(data: dict[str, Any], *, on_reserve: Callable[[], None]) -> None:
    """Show it.

    Args:
        data: ``set``, ``version`` and ``token`` for its requests; ``class_names``; ``wanted`` images of each class;
            ``reserved`` and ``available`` images by class; ``is_large``, whether pictures are shown smoothly.
        on_reserve: told that what is confirmed is to become the reserved set.
    """
    # By the trigger "stale" an open page asks for the data anew: the set was changed, or the server started anew.
    _mount(data=data, key="pick", on_stale_change=lambda: None, on_reserve_change=on_reserve)
