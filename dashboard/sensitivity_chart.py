"""The repair at several thresholds, drawn once; the slider below it keeps to its scale. No Streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard import charts, frames, palette

PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM, PLOT_HEIGHT = 64, 16, 56, 62, 380
"""Margins and height (pixels), which the line over the plot and the slider under it keep too."""

SIDE = 0.35
"""Room beside the first and the last threshold, in units of the distance between two."""

LOOKS = {
    "all": (palette.AFTER, "diamond"),
    "clean": (palette.CLEAN, "circle"),
    "noisy": (palette.CORRUPTED, "square"),
}


def share(place: int, num: int) -> float:
    """Where the threshold of that number stands on the plot's width, 0 to 1."""
    return (place + SIDE) / (num - 1 + 2 * SIDE)


def accuracies(found: Mapping[str, Any], *, dark: bool = False) -> go.Figure:
    """Test accuracy with its 95 % interval by threshold, and the base model's as dotted lines.

    Args:
        found: the result of the stage "sensitivity".
        dark: whether the page is dark.
    """
    rows, base = found["rows"], found["base"]
    figure = go.Figure()
    for part, (color, symbol) in LOOKS.items():
        if base[part] is None:
            continue
        title = charts.PART_TITLES[part]
        figure.add_scatter(**_line(rows, part, color, symbol, title))
        figure.add_scatter(
            x=[-SIDE, len(rows) - 1 + SIDE],
            y=[base[part]] * 2,
            mode="lines",
            line={"color": color, "width": 1.5, "dash": "dot"},
            showlegend=False,
            hovertemplate=f"base model, {title.lower()}: {base[part]:.1f} %<extra></extra>",
        )
    figure.add_scatter(
        x=[None], y=[None], mode="lines", name="Base model", line={"color": palette.BEFORE, "width": 1.5, "dash": "dot"}
    )
    ink = charts.page_ink(dark=dark)
    figure.update_xaxes(
        title={"text": "Threshold (nats), and how many samples it flags", "font": ink, "standoff": 8},
        tickfont=ink,
        tickvals=list(range(len(rows))),
        ticktext=[f"{row['threshold']:.3g}<br>{row['num_suspects']:,}" for row in rows],
        range=[-SIDE, len(rows) - 1 + SIDE],
        zeroline=False,
        showgrid=False,
        automargin=False,
    )
    figure.update_yaxes(
        title={"text": "Accuracy (%)", "font": ink},
        tickfont=ink,
        gridcolor=palette.GRID,
        zeroline=False,
        automargin=False,
    )
    figure.update_layout(
        height=PLOT_HEIGHT,
        dragmode=False,
        margin={"t": PLOT_TOP, "l": PLOT_LEFT, "r": PLOT_RIGHT, "b": PLOT_BOTTOM},
        legend={"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom", "font": ink},
        hoverlabel={"namelength": -1},
    )
    return figure


def table(found: Mapping[str, Any]) -> pd.DataFrame:
    """One row per threshold: what is flagged, how right that is, and the accuracies with intervals."""
    parts = [part for part in LOOKS if found["base"][part] is not None]
    lines = []
    for row in found["rows"]:
        line = {
            "Threshold": f"{row['threshold']:.4g}" + (f"{frames.NO_BREAK}(this{frames.NO_BREAK}run)" * row["is_own"]),
            "Suspects": f"{row['num_suspects']:,}",
        }
        if row["recall"] is not None:
            line["Precision"] = "-" if row["precision"] is None else f"{100 * row['precision']:.0f}{frames.NO_BREAK}%"
            line["Recall"] = f"{100 * row['recall']:.0f}{frames.NO_BREAK}%"
        for part in parts:
            model = row["model"]
            bounds = frames.interval(model["intervals"][part])
            line[f"{part.capitalize()} (%)"] = frames.bracketed(f"{model[part]:.1f}", bounds)
        lines.append(line)
    return pd.DataFrame(lines)


def _line(rows: Sequence[Mapping[str, Any]], part: str, color: str, symbol: str, title: str) -> dict[str, Any]:
    values = [row["model"][part] for row in rows]
    bounds = [row["model"]["intervals"][part] for row in rows]
    return {
        "x": list(range(len(rows))),
        "y": values,
        "name": title,
        "mode": "lines+markers",
        "line": {"color": color, "width": 1.5},
        "marker": {"color": color, "symbol": symbol, "size": 9},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, (_, high) in zip(values, bounds, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, bounds, strict=True)],
            "color": color,
            "thickness": 1,
            "width": 4,
        },
        "customdata": [[row["threshold"], *bound] for row, bound in zip(rows, bounds, strict=True)],
        "hovertemplate": "threshold %{customdata[0]:.4g}: %{y:.1f} %<br>95 % interval %{customdata[1]:.1f} to "
        "%{customdata[2]:.1f}<extra>" + title + "</extra>",
    }
