"""Tables and reports drawn as plotly figures that read in light and dark. No Streamlit.

Every figure is told whether the page is dark: Streamlit's own ink for charts is too pale on a light page.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import frames, palette
from dashboard.frames import ScoreIndex

KIND_COLORS = {"all": palette.CLEAN, "clean": palette.CLEAN, "corrupted": palette.CORRUPTED}
KIND_TITLES = {"all": "Samples", "clean": "Clean", "corrupted": "Corrupted (truth known)"}
PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM, PLOT_HEIGHT = 72, 16, 64, 66, 360
"""Margins and height (pixels) of the histogram, which the threshold over it and the slider under it keep too."""

TICKS = (-30, -10, -3, -1, -0.3, -0.1, 0, 0.1, 0.3, 1, 3, 10, 30)

BELOW_ONE = 0.5
"""What an empty bin counts as on the logarithmic axis: under its lower end."""

PART_TITLES = {"all": "All test images", "clean": "Clean classes", "noisy": "Noisy classes"}


def histogram(index: ScoreIndex, landmarks: Mapping[str, float], *, dark: bool = False) -> go.Figure:
    """Counts of samples by score and kind on a logarithmic axis, with the landmarks marked.

    The threshold is not in it: Streamlit draws a changed figure anew, 100 ms at every move. It is laid over the plot.
    Built in one piece, since adding marks one by one costs plotly 40 ms.
    """
    low, high = float(index.edges[0]), float(index.edges[-1])
    marks = {name: float(frames.spread(value)) for name, value in landmarks.items()}
    ticks = [tick for tick in TICKS if low <= frames.spread(tick) <= high]
    top = max(int(counts.max()) for counts in index.counts.values())
    ink = page_ink(dark=dark)
    layout = {
        "height": PLOT_HEIGHT,
        "dragmode": False,
        "margin": {"t": PLOT_TOP, "l": PLOT_LEFT, "r": PLOT_RIGHT, "b": PLOT_BOTTOM},
        "legend": {"orientation": "h", "x": 0, "y": 1.09, "yanchor": "bottom", "font": ink},
        "hoverlabel": {"namelength": -1},
        "shapes": [_line(at, {"color": palette.BEFORE, "width": 1, "dash": "dot"}) for at in marks.values()],
        "annotations": [_landmark(name, at, ink) for name, at in marks.items()],
        "xaxis": {
            "title": {
                "text": "Score = loss after - loss before (nats; linear near 0, logarithmic beyond)",
                "font": ink,
            },
            "tickfont": ink,
            "tickvals": [float(frames.spread(tick)) for tick in ticks],
            "ticktext": [f"{tick:g}" for tick in ticks],
            "range": [low, high],
            "zeroline": False,
            "automargin": False,
        },
        "yaxis": {
            "title": {"text": "Training samples (log scale)", "font": ink},
            "tickfont": ink,
            "type": "log",
            "tickvals": [10**power for power in range(int(np.log10(max(top, 1))) + 1)],
            "range": [float(np.log10(0.6)), float(np.log10(max(top, 2) * 5))],
            "gridcolor": palette.GRID,
            "automargin": False,
        },
    }
    return go.Figure(data=[_steps(index, kind) for kind in index.counts], layout=layout)


def accuracy_intervals(report: Mapping[str, Any], *, dark: bool = False) -> go.Figure:
    """Every model's accuracy with its 95 % interval, one panel per group of test images."""
    parts, names = frames.parts_of(report), frames.ordered_models(report)[::-1]
    figure = make_subplots(cols=len(parts), shared_yaxes=True, subplot_titles=[PART_TITLES[part] for part in parts])
    for column, part in enumerate(parts, start=1):
        models = [report["models"][name] for name in names]
        values = [model[part] for model in models]
        bounds = [model["intervals"][part] for model in models]
        figure.add_scatter(
            row=1,
            col=column,
            x=values,
            y=[frames.MODEL_TITLES.get(name, name) for name in names],
            mode="markers",
            marker={"size": 11, "color": [palette.MODELS.get(name, palette.CLEAN) for name in names]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - value for value, (_, high) in zip(values, bounds, strict=True)],
                "arrayminus": [value - low for value, (low, _) in zip(values, bounds, strict=True)],
                "color": palette.BEFORE,
                "thickness": 1.5,
                "width": 5,
            },
            customdata=[frames.interval(bound) for bound in bounds],
            hovertemplate="%{y}: %{x:.1f} %<br>95 % interval %{customdata}<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title="Accuracy (%)", gridcolor=palette.GRID, zeroline=False, nticks=6)
    figure.update_yaxes(gridcolor=palette.GRID)
    plain(figure, height=110 + 38 * len(names), dark=dark)
    figure.update_layout(margin={"t": 36})
    return figure


def _steps(index: ScoreIndex, kind: str) -> dict[str, Any]:
    """A histogram as one filled step line: a bar each would be hundreds of elements to redraw at every move."""
    counts = index.counts[kind].tolist()
    bounds = itertools.pairwise(frames.unspread(index.edges))
    said = [
        f"score {low:.3g} to {high:.3g}<br>{count:,} samples" for (low, high), count in zip(bounds, counts, strict=True)
    ]
    heights = [max(count, BELOW_ONE) for count in counts]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": index.edges,
        "y": [*heights, BELOW_ONE],
        "line": {"shape": "hv", "width": 1, "color": KIND_COLORS[kind]},
        "fill": "tozeroy",
        "fillcolor": f"rgba({', '.join(str(int(KIND_COLORS[kind][at : at + 2], 16)) for at in (1, 3, 5))}, 0.72)",
        "name": KIND_TITLES[kind],
        "text": [*said, ""],
        "hovertemplate": "%{text}<extra>" + KIND_TITLES[kind] + "</extra>",
    }


def _line(at: float, style: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": dict(style)}


def _landmark(name: str, at: float, ink: Mapping[str, str]) -> dict[str, Any]:
    return {
        "x": at,
        "y": 0.98,
        "yref": "paper",
        "yanchor": "top",
        "xanchor": "left",
        "xshift": 1,
        "showarrow": False,
        "text": name,
        "textangle": -90 if len(name) > 1 else 0,
        "font": {**ink, "size": 11},
    }


def page_ink(*, dark: bool) -> dict[str, str]:
    """The font of what is written beside a plot."""
    return {"color": palette.INK_ON_DARK if dark else palette.INK_ON_LIGHT}


def plain(figure: go.Figure, *, height: int, dark: bool) -> None:
    """Height, margins, legend and ink that all figures share."""
    ink = page_ink(dark=dark)
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "x": 0, "y": 1.08, "yanchor": "bottom", "font": ink},
        hoverlabel={"namelength": -1},
        dragmode=False,
    )
    figure.update_xaxes(tickfont=ink, title_font=ink)
    figure.update_yaxes(tickfont=ink, title_font=ink)
    figure.update_annotations(font=ink)
