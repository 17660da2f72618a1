"""The Gaussian-mean example with its sliders: computed and drawn in the browser; the server is never asked."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import palette

FOLDER = Path(__file__).parent
COLORS = f".gaussian {{ --threshold: {palette.THRESHOLD}; }}\n"
# The mathematics and what is drawn of it are files of their own, which the browser gets as one module.
SCRIPTS = ("mathematics.js", "charts.js", "gaussian_mean.js")

_mount = st.components.v2.component(
    "bir_gaussian_mean",
    html='<div class="gaussian"></div>\n',
    css=COLORS + (FOLDER / "gaussian_mean.css").read_text(encoding="utf-8"),
    js="\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS),
)


def draw(data: dict[str, Any]) -> None:
    """Show it.

    Args:
        data: ``gaussian_example.board``.
    """
    _mount(data=data, key="gaussian_mean")
