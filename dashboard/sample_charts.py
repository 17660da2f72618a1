"""One sample drawn as plotly figures that read in light and dark. No Streamlit."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import palette

MOST_CLASSES = 10
"""More of them do not fit beside each other; then those that some model believes most are drawn."""
LONGEST_NAME = 22

STYLES: dict[str, dict[str, Any]] = {
    "base": {"color": palette.MODELS["base"]},
    "enhanced": {"color": palette.MODELS["enhanced"]},
    "soft": {"color": palette.MODELS["enhanced"], "pattern": {"shape": "/", "size": 5, "fgopacity": 0.9}},
    "repaired": {"color": palette.MODELS["bir"]},
}
TITLES = {"base": "Base model", "enhanced": "Enhanced model", "soft": "Soft target", "repaired": "Repaired model"}


def beliefs(
    shares: Mapping[str, NDArray[np.float32]], class_names: Sequence[str], given: int, *, dark: bool = False
) -> go.Figure:
    """What each model believes of one sample: grouped bars, a group per class, the given class marked.

    Args:
        shares: (L,) shares in 0..1 by kind, a key of ``STYLES``; all kinds are drawn in that order.
        class_names: in label order.
        given: the sample's label.
        dark: whether the page is.
    """
    drawn = classes_to_draw(list(shares.values()), given)
    ink = {"color": palette.INK_ON_DARK if dark else palette.INK_ON_LIGHT}
    figure = go.Figure()
    for kind, style in STYLES.items():
        if kind not in shares:
            continue
        percents = [100 * float(shares[kind][label]) for label in drawn]
        figure.add_bar(
            x=percents,
            y=list(range(len(drawn))),
            orientation="h",
            name=TITLES[kind],
            marker={**style, "line": {"width": 0}},
            customdata=[html.escape(class_names[label]) for label in drawn],
            hovertemplate="%{customdata}: %{x:.1f} %<extra>" + TITLES[kind] + "</extra>",
        )
    figure.update_layout(
        height=90 + len(drawn) * (14 + 9 * len(shares)),
        margin={"l": 10, "r": 16, "t": 36, "b": 10},
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": ink, "traceorder": "normal"},
        barmode="group",
        bargap=0.25,
        bargroupgap=0.06,
        dragmode=False,
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(
        title={"text": "Share of belief (%)", "font": ink},
        tickfont=ink,
        range=[0, 100],
        gridcolor=palette.GRID,
        zeroline=False,
    )
    figure.update_yaxes(
        tickfont=ink,
        tickvals=list(range(len(drawn))),
        ticktext=[_tick(class_names[label], is_given=label == given) for label in drawn],
        range=[len(drawn) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    return figure


def classes_to_draw(shares: Sequence[NDArray[np.float32]], given: int) -> list[int]:
    """All labels, or of many the given one and those with the largest share of any model, in label order."""
    largest = np.nan_to_num(np.max(shares, axis=0)).astype(np.float64)
    if len(largest) <= MOST_CLASSES:
        return list(range(len(largest)))
    largest[given] = np.inf
    return sorted(int(label) for label in np.argsort(-largest, kind="stable")[:MOST_CLASSES])


def _tick(name: str, *, is_given: bool) -> str:
    short = html.escape(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")
    return f"<b>{short} (given)</b>" if is_given else short
