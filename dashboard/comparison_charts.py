"""Models on the same test images, drawn: class by class, which class for which, how sure and how right."""

from collections.abc import Mapping, Sequence
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

MOST_CLASSES = 30
"""Of more classes a figure shows those in which most goes wrong."""

MARKS = (
    ("circle-open", palette.BEFORE, 12),
    ("diamond", palette.AFTER, 12),
    ("square-open", palette.CLEAN, 10),
    ("triangle-up-open", palette.CORRUPTED, 11),
    ("cross-open", palette.MODELS["enhanced"], 11),
    ("star-open", palette.MODELS["bir_with_reserved"], 12),
)
"""Form, colour and size of the first model, the second, and further ones; open, so that one shows through another."""

LEGEND_LINE, LANE = 20, 8
"""Pixels by which a chart grows for a further model: a line of the legend, and room in each class."""


def per_class_change(
    before: str, tables: Mapping[str, pd.DataFrame], *, images: str = "test images", dark: bool = False
) -> go.Figure:
    """A dumbbell per class from the first model to the second, and a mark for each further one.

    Args:
        before: what the first model is called.
        tables: ``frames.per_class`` from it to every other model, by what that is called, the second model first.
        images: what accuracies are of.
        dark: whether the page is dark.
    """
    table = next(iter(tables.values()))
    names = [f"{name} *" if kind == "noisy" else name for name, kind in zip(table["class"], table["kind"], strict=True)]
    lanes = _lanes(len(names), len(tables))
    figure = go.Figure()
    gaps = [[old, new, None] for old, new in zip(table["before"], table["after"], strict=True)]
    figure.add_scatter(
        x=[value for gap in gaps for value in gap], y=lanes[0].repeat(3), mode="lines",
        line={"color": palette.BEFORE, "width": 2.5}, showlegend=False, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(**_marks(table, "before", before, names, lanes[0]), **_look(0))
    for place, (title, found) in enumerate(tables.items()):
        figure.add_scatter(**_marks(found, "after", title, names, lanes[place]), **_look(place + 1))
    figure.update_xaxes(title=f"Accuracy on {images} of the class (%)", gridcolor=palette.GRID, zeroline=False)
    title = "Class (* = noisy class)" if (table["kind"] == "noisy").any() else "Class"
    figure.update_yaxes(
        title=title, gridcolor=palette.GRID, zeroline=False,
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6],
    )  # fmt: skip
    charts.plain(figure, height=120 + (30 + LANE * (len(tables) - 1)) * len(names), dark=dark)
    figure.update_layout(legend={"y": 1.1})
    _make_room(figure, len(tables) + 1)
    return figure


def worst_classes(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``frames.per_class`` to draw: all, or of many classes those with the lowest accuracy after."""
    return table.loc[table["after"].nsmallest(MOST_CLASSES).index.sort_values()]


def most_confused(*counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels to draw in confusion matrices (L, L): all, or of many those with most mistakes, made and received."""
    mistakes = np.zeros(len(counts[0]), dtype=np.int64)
    for found in counts:
        mistakes += found.sum(axis=0) + found.sum(axis=1) - 2 * np.diagonal(found)
    return np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])


def _lanes(num_classes: int, num_lanes: int) -> NDArray[np.float64]:
    """(lanes, classes) heights: the dumbbell is in its first lane, each further model in one of its own."""
    beside = (np.arange(num_lanes) - (num_lanes - 1) / 2) * 0.7 / num_lanes
    heights: NDArray[np.float64] = np.arange(num_classes) + beside[:, None]
    return heights


def _marks(
    table: pd.DataFrame, column: str, title: str, names: Sequence[str], heights: NDArray[np.float64]
) -> dict[str, Any]:
    return {
        "x": table[column],
        "y": heights,
        "mode": "markers",
        "name": title,
        "customdata": np.stack([names, table[f"{column}_interval"]], axis=1),
        "hovertemplate": "class %{customdata[0]}: %{x:.1f} %<br>95 % interval %{customdata[1]}<extra>"
        + title
        + "</extra>",
    }


def _look(place: int) -> dict[str, Any]:
    symbol, color, size = MARKS[place]
    return {"marker": {"symbol": symbol, "size": size, "color": color, "line": {"width": 2.5, "color": color}}}


def confusion(
    counts: NDArray[np.int64],
    names: Sequence[str],
    *,
    totals: NDArray[np.int64] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Which class a model takes for which: the share of each true class, with counts written in.

    Args:
        counts: (L, L) images; rows are true classes, columns predicted ones.
        names: of the classes.
        totals: (L,) images of each true class, where some are predicted as classes that are not drawn.
        dark: whether the page is dark.
    """
    sizes = counts.sum(axis=1) if totals is None else totals
    share = 100 * counts / np.maximum(sizes, 1)[:, None]
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
        bins: ``numerics.metrics.CalibrationBin`` of each model.
        titles: what they are called.
        dark: whether the page is dark.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": palette.BEFORE, "width": 1, "dash": "dot"},
        name="As sure as right", hoverinfo="skip",
    )  # fmt: skip
    for found, title, (symbol, color, _) in zip(bins, titles, MARKS, strict=False):
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
    _make_room(figure, len(titles))
    return figure


def _make_room(figure: go.Figure, num_models: int) -> None:
    """With more than two models the legend is a list, for which the figure grows."""
    if num_models > 2:
        figure.update_layout(
            height=figure.layout.height + LEGEND_LINE * num_models, legend={"orientation": "v", "y": 1.02}
        )


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
