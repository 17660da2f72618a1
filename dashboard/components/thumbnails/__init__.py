"""Some pictures of an image set, side by side; ``routes_sets`` answers it."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.components import gallery

FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "bir_thumbnails",
    html='<div class="thumbnails"></div>\n',
    css=(FOLDER / "thumbnails.css").read_text(encoding="utf-8"),
    js="\n".join(
        [gallery.joined("nodes.js", "server.js", "sheet.js"), (FOLDER / "thumbnails.js").read_text(encoding="utf-8")]
    ),
)


def draw(data: dict[str, Any]) -> None:
    """Show them.

    Args:
        data: ``set``, ``version`` and ``token`` for its requests; ``rows``, cards of
            ``image_sets``; ``is_large``, whether pictures are shown smoothly.
    """
    # By this trigger an open page asks for the data anew: the server was started anew and has another token.
    _mount(data=data, key="thumbnails", on_stale_change=lambda: None)
