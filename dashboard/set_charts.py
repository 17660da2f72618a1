"""What an image set holds, as a chart and as tables. No Streamlit."""

import html
import statistics
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard import charts, palette

COLORS = {
    "train": palette.CLEAN,
    "validation": palette.MODELS["enhanced"],
    "reserved": palette.AFTER,
    "test": palette.CORRUPTED,
}
MOST_BARS = 40
"""More classes cannot be read as bars; the table has them all."""

Splits = Mapping[str, Mapping[str, int]]
"""Images by part and class, as the report of an import says it."""


def counts(splits: Splits, names: Mapping[str, str], *, dark: bool = False) -> go.Figure:
    """Images of each class, a colour per part.

    Args:
        splits: of the report.
        names: what a page calls each class, in label order.
        dark: whether the page is.
    """
    figure = go.Figure()
    for split, found in splits.items():
        figure.add_bar(
            name=split,
            x=[html.escape(name) for name in names.values()],
            y=[found.get(name, 0) for name in names],
            marker_color=COLORS[split],
            hovertemplate=f"%{{x}}: %{{y:,}} {split}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.25)
    figure.update_xaxes(type="category", title="Class")
    figure.update_yaxes(title="Images", gridcolor=palette.GRID)
    charts.plain(figure, height=330, dark=dark)
    return figure


def table(splits: Splits, names: Mapping[str, str]) -> pd.DataFrame:
    """One row per class, a column per part."""
    columns = {split.capitalize(): [found.get(name, 0) for name in names] for split, found in splits.items()}
    frame = pd.DataFrame({"Class": list(names.values()), **columns})
    frame["All"] = frame[list(columns)].sum(axis=1)
    return frame


def in_words(splits: Splits) -> str:
    """How evenly the classes are filled, in a sentence."""
    training = list(splits.get("train", {}).values())
    if not training:
        return ""
    low, middle, high = min(training), statistics.median(training), max(training)
    if low == high:
        return f"{len(training):,} classes with {low:,} training images each."
    return f"{len(training):,} classes with {low:,} to {high:,} training images each, {middle:,.0f} in the middle."


def sizes(found: Mapping[str, Any]) -> str:
    """Which sizes the images have, in a sentence."""
    if found["num"] == 1:
        return f"All images have {_size(found['smallest'])} pixels."
    common = ", ".join(f"{_size(size)} ({size[2]:,})" for size in found["common"][:3])
    return (
        f"{found['num']:,} sizes from {_size(found['smallest'])} to {_size(found['largest'])} pixels; most frequent: "
        f"{common}."
    )


def _size(size: list[int]) -> str:
    return f"{size[0]:,} × {size[1]:,}"
