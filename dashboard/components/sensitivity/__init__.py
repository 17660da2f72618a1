"""The repair at several thresholds: a chart with a slider that moves in the browser; the server is never asked."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import palette

FOLDER = Path(__file__).parent
COLORS = f".sensitivity {{ --threshold: {palette.THRESHOLD}; --plain: {palette.BEFORE}; }}\n"

_mount = st.components.v2.component(
    "bir_sensitivity",
    html='<div class="sensitivity"></div>\n',
    css=COLORS + (FOLDER / "sensitivity.css").read_text(encoding="utf-8"),
    js=(FOLDER / "sensitivity.js").read_text(encoding="utf-8"),
)


def draw(data: dict[str, Any]) -> None:
    """Show it.

    Args:
        data: ``sensitivity_chart.board``.
    """
    _mount(data=data, key="sensitivity")
