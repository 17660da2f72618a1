"""What two detectors have in common, in words, as a table and as a curve over K. No Streamlit."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from dashboard import charts, palette
from dashboard.frames import Positions

STRENGTHS = ((0.9, "very strong"), (0.7, "strong"), (0.4, "moderate"), (0.2, "weak"))
"""The least size of a rank correlation, and what it is called."""


class Overlap(Protocol):
    """How many samples are in the top K of both detectors, of one only, of neither."""

    @property
    def both(self) -> int: ...
    @property
    def only_first(self) -> int: ...
    @property
    def only_second(self) -> int: ...
    @property
    def neither(self) -> int: ...


def strength(correlation: float | None) -> str:
    """A rank correlation in words."""
    if correlation is None:
        return "one gives every sample the same score"
    found = next((word for least, word in STRENGTHS if abs(correlation) >= least), None)
    if found is None:
        return "hardly related"
    return f"{found}, but opposed" if correlation < 0 else f"{found} agreement"


def rows(found: Overlap, corrupted: Overlap | None, titles: tuple[str, str]) -> list[tuple[str, int, int | None]]:
    """Each group of samples: what it is called, how many there are, how many of them are truly corrupted."""
    names = ("Both", f"Only {titles[0]}", f"Only {titles[1]}", "Neither")
    groups = ("both", "only_first", "only_second", "neither")
    return [
        (name, getattr(found, group), None if corrupted is None else getattr(corrupted, group))
        for name, group in zip(names, groups, strict=True)
    ]


def curve(tops: Positions, shared: Positions, top: int, num: int, *, dark: bool = False) -> go.Figure:
    """Which share of the top K two detectors have in common, for every K; by chance it would be K of all samples.

    Args:
        tops: (T,) values of K, ascending, up to all samples.
        shared: (T,) how many samples are in the top K of both.
        top: the K that is looked at, marked by a line.
        num: how many samples there are.
        dark: whether the page is dark.
    """
    figure = go.Figure()
    places: Sequence[float] = tops.tolist()
    figure.add_scatter(
        x=places, y=100 * shared / tops, mode="lines", name="Shared",
        line={"color": palette.AFTER, "width": 2.5}, hovertemplate="top %{x:,}: %{y:.1f} % shared<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=places, y=100 * np.asarray(tops) / num, mode="lines", name="By chance", hoverinfo="skip",
        line={"color": palette.BEFORE, "width": 1.5, "dash": "dot"},
    )  # fmt: skip
    figure.add_vline(x=top, line={"color": palette.THRESHOLD, "width": 1.5, "dash": "dot"})
    axis = {"gridcolor": palette.GRID, "zeroline": False}
    figure.update_xaxes(title="K (logarithmic)", type="log", dtick=1, tickformat=",", **axis)
    figure.update_yaxes(title="Shared of the top K (%)", range=[-2, 104], **axis)
    charts.plain(figure, height=330, dark=dark)
    return figure
