"""Tables and reports drawn as plotly figures that read in light and dark. No Streamlit.

Every figure is told whether the page is dark: Streamlit's own ink for charts is too pale on a light page.
"""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import frames, palette, words


def accuracy_intervals(report: Mapping[str, Any], *, dark: bool = False) -> go.Figure:
    """Every model's accuracy with its 95 % interval, one panel per group of images; says so when it is cross-fitted."""
    titles = words.groups(report)
    parts, names = frames.parts_of(report), frames.ordered_models(report)[::-1]
    figure = make_subplots(cols=len(parts), shared_yaxes=True, subplot_titles=[titles[part] for part in parts])
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
            marker={"size": 11, "color": [palette.MODELS.get(name, palette.OTHER_MODEL) for name in names]},
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
    said = "Cross-fitted accuracy (%)" if words.is_cross_fitted(report) else "Accuracy (%)"
    figure.update_xaxes(title=said, gridcolor=palette.GRID, zeroline=False, nticks=6)
    figure.update_yaxes(gridcolor=palette.GRID)
    plain(figure, height=110 + 38 * len(names), dark=dark)
    figure.update_layout(margin={"t": 36})
    return figure


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
