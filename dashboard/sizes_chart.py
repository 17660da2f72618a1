"""How far smaller reserved sets get, as a chart, a table and a sentence. No Streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import charts, frames, palette

Row = Mapping[str, Any]

FIGURES: dict[str, tuple[str, str, float]] = {
    "left_out": ("Right on reserved images left out", "%", 1.0),
    "found_again": ("Suspects of this run found again", "%", 100.0),
    "auc": ("AUC of the scores", "", 1.0),
}
"""Title, unit, and what a stored value is multiplied by."""
COLORS = {"left_out": palette.CLEAN, "found_again": palette.AFTER, "auc": palette.CORRUPTED}

ENOUGH = 0.95
"""A size is called enough when it finds so much of what the whole reserved set finds."""

PAPER = {30: 0.938, 100: 0.984, 200: 0.993, 300: 0.993}
"""AUC with wrong labels on full MNIST, mean of five seeds: ``benchmarks/results/table11.md``."""


def figure(rows: Sequence[Row], *, dark: bool = False) -> go.Figure:
    """A panel per figure, size to the right: the mean of the draws as a line, and a bar with what ``table`` brackets.

    Args:
        rows: the result of the stage "reserved_sizes".
        dark: whether the page is.
    """
    shown = [name for name in FIGURES if any(row[name] is not None for row in rows)]
    drawn = make_subplots(cols=len(shown), subplot_titles=[_axis(name) for name in shown])
    for column, name in enumerate(shown, start=1):
        _, unit, factor = FIGURES[name]
        known = [row for row in rows if row[name] is not None]
        values, low, high = ([factor * row[f"{name}{end}"] for row in known] for end in ("", "_low", "_high"))
        drawn.add_scatter(
            row=1,
            col=column,
            x=[row["size"] for row in known],
            y=values,
            mode="lines+markers",
            line={"color": COLORS[name], "width": 2},
            marker={"size": 9},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [top - value for value, top in zip(values, high, strict=True)],
                "arrayminus": [value - bottom for value, bottom in zip(values, low, strict=True)],
                "thickness": 1.5,
                "width": 5,
                "color": palette.BEFORE,
            },
            customdata=[f"{bottom:.3g} to {top:.3g}" for bottom, top in zip(low, high, strict=True)],
            hovertemplate=f"%{{x}} reserved images: %{{y:.3g}} {unit}<br>%{{customdata}}<extra></extra>",
            showlegend=False,
        )
    sizes = [row["size"] for row in rows]
    drawn.update_xaxes(title="Reserved images", tickvals=sizes, rangemode="tozero", gridcolor=palette.GRID)
    drawn.update_yaxes(gridcolor=palette.GRID, nticks=6)
    charts.plain(drawn, height=290, dark=dark)
    drawn.update_layout(margin={"t": 36})
    return drawn


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """One line per size; in brackets from the lowest to the highest, or the 95 % interval of an accuracy."""
    shown = [name for name in FIGURES if any(row[name] is not None for row in rows)]
    lines = []
    for row in rows:
        line = {"Reserved images": f"{row['size']:,}", "Draws": str(row["draws"])}
        for name in shown:
            _, unit, factor = FIGURES[name]
            line[_axis(name)] = "–" if row[name] is None else _spread(name, row, factor, digits=1 if unit else 3)
        lines.append(line)
    return pd.DataFrame(lines)


def sentence(rows: Sequence[Row]) -> str:
    """From which size on a smaller set would have found nearly the same."""
    whole = rows[-1]
    if len(rows) == 1:
        return (
            f"This run has {whole['size']:,} reserved images, too few to leave some out: there is no smaller size to "
            "compare with."
        )
    smaller = [row for row in rows[:-1] if row["found_again"] is not None]
    if not smaller:
        return "This run has no suspects, so how many of them a smaller set would find cannot be said."
    enough = next((row for row in smaller if row["found_again"] >= ENOUGH), None)
    if enough is not None:
        return (
            f"With **{enough['size']:,}** reserved images {100 * enough['found_again']:.0f} % of this run's suspects "
            f"are found again: on these data that many are about enough, and all {whole['size']:,} add little."
        )
    most = smaller[-1]
    return (
        f"With {most['size']:,} reserved images only {100 * most['found_again']:.0f} % of the suspects are found that "
        f"all {whole['size']:,} find: the result still hangs on the size, so more than {whole['size']:,} may find "
        "others again."
    )


def without_curve() -> str:
    """What is known of other data, where this set has no curve yet."""
    known = ", ".join(f"{auc:.3f} with {size}" for size, auc in PAPER.items())
    return (
        "Known from the experiment of the paper (handwritten digits, ten classes, wrong labels; AUC of the scores, "
        f"mean of five seeds): {known}. Other data may need more or fewer."
    )


def _axis(name: str) -> str:
    title, unit, _ = FIGURES[name]
    return f"{title} ({unit})" if unit else title


def _spread(name: str, row: Row, factor: float, *, digits: int) -> str:
    low, high = (factor * row[f"{name}_{end}"] for end in ("low", "high"))
    return frames.bracketed(f"{factor * row[name]:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}")
