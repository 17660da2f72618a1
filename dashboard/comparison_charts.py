"""Two models on the same test images, drawn: class by class, which class for which, how sure and how right."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb

from dashboard import charts, palette

SHARES_ON_LIGHT = [[0, "#DCE8EF"], [0.02, "#D3E3EC"], [0.1, "#9CC3D9"], [0.4, "#3B82C4"], [1, "#123A63"]]
SHARES_ON_DARK = [[0, "#22323F"], [0.02, "#263C4E"], [0.1, "#2C557A"], [0.4, "#3B82C4"], [1, "#B9DCF7"]]
"""Steep at the start: a few per cent of mistakes must show beside a diagonal near 100."""

CHANGES_ON_LIGHT = [[0, "#1F5FA0"], [0.45, "#BFD6E8"], [0.5, "#EEECE6"], [0.55, "#F0CFB4"], [1, "#B4560F"]]
CHANGES_ON_DARK = [[0, "#7DB4E6"], [0.45, "#27465F"], [0.5, "#20282C"], [0.55, "#5A3A20"], [1, "#F0A768"]]
"""Fewer, as many, more."""

MOST_COUNTS = 20
"""With more classes the cells are too small for numbers."""

MARKS = (("circle-open", palette.BEFORE), ("diamond", palette.AFTER))
"""The first and the second model, told apart by form as well."""


def per_class_change(table: pd.DataFrame, before: str, after: str, *, dark: bool = False) -> go.Figure:
    """A dumbbell per class of ``frames.per_class``: accuracy of the first (open circle) and the second (diamond)."""
    names = [f"{name} *" if kind == "noisy" else name for name, kind in zip(table["class"], table["kind"], strict=True)]
    figure = go.Figure()
    gaps = [[old, new, None] for old, new in zip(table["before"], table["after"], strict=True)]
    figure.add_scatter(
        x=[value for gap in gaps for value in gap], y=[name for name in names for _ in range(3)], mode="lines",
        line={"color": palette.BEFORE, "width": 2.5}, showlegend=False, hoverinfo="skip",
    )  # fmt: skip
    for column, title, (symbol, color) in zip(("before", "after"), (before, after), MARKS, strict=True):
        figure.add_scatter(
            x=table[column],
            y=names,
            mode="markers",
            name=title,
            marker={"symbol": symbol, "size": 12, "color": color, "line": {"width": 2.5, "color": color}},
            customdata=table[f"{column}_interval"],
            hovertemplate="class %{y}: %{x:.1f} %<br>95 % interval %{customdata}<extra>" + title + "</extra>",
        )
    figure.update_xaxes(title="Accuracy on test images of the class (%)", gridcolor=palette.GRID, zeroline=False)
    title = "Class (* = noisy class)" if (table["kind"] == "noisy").any() else "Class"
    figure.update_yaxes(title=title, gridcolor=palette.GRID, type="category", autorange="reversed")
    charts.plain(figure, height=120 + 30 * len(names), dark=dark)
    figure.update_layout(legend={"y": 1.1})
    return figure


def confusion(counts: NDArray[np.int64], names: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Which class a model takes for which: the share of each true class, with counts written in."""
    share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    scale = SHARES_ON_DARK if dark else SHARES_ON_LIGHT
    return _matrix(
        # Empty cells stay transparent, so that the page's own background shows in light and dark.
        np.where(counts > 0, share, np.nan),
        [[str(count) if count else "" for count in row] for row in counts.tolist()],
        _inks(scale, share / 100),
        names,
        scale={"zmin": 0, "zmax": 100, "colorscale": scale},
        bar="% of<br>true class",
        said="true %{y}, predicted %{x}<br>%{text} images, %{z:.1f} % of the class<extra></extra>",
        dark=dark,
    )


def confusion_change(
    before: NDArray[np.int64], after: NDArray[np.int64], names: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """The second confusion matrix minus the first, in images: more (orange), fewer (blue)."""
    change = after - before
    reach = max(int(np.abs(change).max()), 1)
    scale = CHANGES_ON_DARK if dark else CHANGES_ON_LIGHT
    return _matrix(
        np.where(change != 0, change, np.nan),
        [[f"{value:+d}" if value else "" for value in row] for row in change.tolist()],
        _inks(scale, (change / reach + 1) / 2),
        names,
        scale={"zmin": -reach, "zmax": reach, "colorscale": scale},
        bar="images",
        said="true %{y}, predicted %{x}<br>%{text} images<extra></extra>",
        dark=dark,
    )


def _matrix(
    values: NDArray[np.float64],
    written: list[list[str]],
    inks: list[list[str]],
    names: Sequence[str],
    *,
    scale: dict[str, Any],
    bar: str,
    said: str,
    dark: bool,
) -> go.Figure:
    """A heat map with true classes as rows and a text in each cell that has one."""
    ink = charts.page_ink(dark=dark)
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(names),
            y=list(names),
            text=written,
            hovertemplate=said,
            colorbar={"title": {"text": bar, "font": ink}, "tickfont": ink, "thickness": 10, "outlinewidth": 0},
            xgap=2,
            ygap=2,
            **scale,
        )
    )
    if len(names) <= MOST_COUNTS:
        cells = [(row, column) for row in range(len(names)) for column in range(len(names)) if written[row][column]]
        figure.add_scatter(
            x=[names[column] for _, column in cells],
            y=[names[row] for row, _ in cells],
            mode="text",
            text=[written[row][column] for row, column in cells],
            textfont={"size": 11, "color": [inks[row][column] for row, column in cells]},
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_xaxes(title="Predicted class", type="category", showgrid=False, range=[-0.5, len(names) - 0.5])
    figure.update_yaxes(title="True class", type="category", showgrid=False, range=[len(names) - 0.5, -0.5])
    charts.plain(figure, height=430, dark=dark)
    return figure


def reliability(bins: Sequence[Sequence[Any]], titles: Sequence[str], *, dark: bool = False) -> go.Figure:
    """How often each model is right when it is so sure, beside the diagonal where sureness is earned; sizes are counts.

    Args:
        bins: ``numerics.metrics.CalibrationBin`` of two models.
        titles: what the two are called.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": palette.BEFORE, "width": 1, "dash": "dot"},
        name="As sure as right", hoverinfo="skip",
    )  # fmt: skip
    for found, title, (symbol, color) in zip(bins, titles, MARKS, strict=True):
        filled = [one for one in found if one.num]
        total = sum(one.num for one in filled)
        figure.add_scatter(
            x=[100 * one.confidence for one in filled],
            y=[100 * one.accuracy for one in filled],
            mode="lines+markers",
            name=title,
            line={"color": color, "width": 1.5},
            marker={
                "symbol": symbol,
                "color": color,
                "size": [7 + 20 * (one.num / total) ** 0.5 for one in filled],
                "line": {"width": 2, "color": color},
            },
            customdata=[f"{one.num:,}" for one in filled],
            hovertemplate="%{x:.1f} % sure, %{y:.1f} % right<br>%{customdata} images<extra>" + title + "</extra>",
        )
    figure.update_xaxes(title="How sure the model is (%)", gridcolor=palette.GRID, zeroline=False, range=[-3, 106])
    figure.update_yaxes(title="How often it is right (%)", gridcolor=palette.GRID, zeroline=False, range=[-3, 108])
    charts.plain(figure, height=430, dark=dark)
    return figure


def _inks(scale: Sequence[Sequence[Any]], places: NDArray[np.float64]) -> list[list[str]]:
    """The ink that reads better on each cell; plotly's own choice is grey on the blues in the middle.

    Args:
        scale: a colour scale.
        places: (L, L) where on it each cell lies, 0 to 1.
    """
    stops, colors = zip(*scale, strict=True)
    channels = np.array([hex_to_rgb(color) for color in colors]).T
    mixed = np.stack([np.interp(places, stops, channel) for channel in channels]) / 255
    linear = np.where(mixed <= 0.03928, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)
    luminance = np.tensordot((0.2126, 0.7152, 0.0722), linear, axes=1)
    # Where both inks have the same contrast to a colour (WCAG 2).
    return np.where(luminance < 0.196, palette.COUNT_ON_DARK, palette.COUNT_ON_LIGHT).tolist()
