"""The histogram of all scores with a threshold that is dragged in the browser; the server hears where it rests."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import frames, palette
from dashboard.frames import ScoreIndex

KEY = "score_histogram"
HEARD = "score_histogram_heard"
"""How many moves of the line this session's server has heard of."""
KINDS = {
    "all": ("Samples", palette.CLEAN),
    "clean": ("Clean", palette.CLEAN),
    "corrupted": ("Corrupted (truth known)", palette.CORRUPTED),
}
LABELS = 5
"""Fewer numbers than this say too little of an axis."""

FOLDER = Path(__file__).parent
COLORS = f".histogram {{ --threshold: {palette.THRESHOLD}; --plain: {palette.BEFORE}; }}\n"

_mount = st.components.v2.component(
    "bir_histogram",
    html='<div class="histogram"></div>\n',
    css=COLORS + (FOLDER / "histogram.css").read_text(encoding="utf-8"),
    js=(FOLDER / "histogram.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What the scores are called.

    Attributes:
        axis: below the axis.
        unit: of the scores, with a space before it; may be empty.
        noun: what samples above the line are.
        opens: whether a stretch of the scores can be opened in the gallery, which knows the run's own score only.
    """

    axis: str
    unit: str
    noun: str
    opens: bool


OWN = Wording(
    axis="Score = loss after - loss before (nats; linear near 0, logarithmic beyond)",
    unit=" nats",
    noun="suspects",
    opens=True,
)
"""The run's own score."""


def draw(
    index: ScoreIndex,
    threshold: float,
    landmarks: Mapping[str, float],
    *,
    run: str,
    on_moved: Callable[[float], None],
    wording: Wording = OWN,
) -> None:
    """Draw it.

    Args:
        index: the scores.
        threshold: where the line stands.
        landmarks: thresholds by name that are marked.
        run: whose scores they are, for links.
        on_moved: told the threshold at which the line came to rest, before the page is drawn anew.
        wording: what the scores are called.
    """

    def moved() -> None:
        move = st.session_state[KEY].get("moved")
        if move is not None:
            st.session_state[HEARD] = int(move["number"])
            on_moved(float(move["threshold"]))

    heard = {"heard": st.session_state.get(HEARD, 0)}
    _mount(data=table(index, threshold, landmarks, run=run) | vars(wording) | heard, key=KEY, on_moved_change=moved)


def table(index: ScoreIndex, threshold: float, landmarks: Mapping[str, float], *, run: str) -> dict[str, Any]:
    """What the browser needs to draw and to count by itself: bins, and counts above each stop of the line."""
    stops = line_stops(index, [*landmarks.values()])
    is_known = index.corrupted is not None
    return {
        "run": run,
        "title": "Histogram of the scores of all training samples, with the threshold",
        "near_zero": index.near_zero,
        "ticks": ticks(float(index.edges[0]), float(index.edges[-1]), index.near_zero),
        "low": float(index.edges[0]),
        "high": float(index.edges[-1]),
        "top": max(int(counts.max()) for counts in index.counts.values()),
        "kinds": [
            {"title": KINDS[kind][0], "color": KINDS[kind][1], "counts": counts.tolist()}
            for kind, counts in index.counts.items()
        ],
        "stops": stops,
        "above": [index.count_above(stop) for stop in stops],
        "caught": [index.caught(stop) for stop in stops] if is_known else None,
        "known": len(index.corrupted_ascending),
        "landmarks": dict(landmarks),
        "threshold": threshold,
        "count": index.count_above(threshold),
        "right": index.caught(threshold),
    }


def line_stops(index: ScoreIndex, extra: Sequence[float], num: int = 240) -> list[float]:
    """Thresholds at which the line stops: even steps of the histogram's axis, and ``extra`` exactly.

    Each extra value takes the place of its nearest step, so that the line stays in line with the histogram.
    """
    even = frames.unspread(np.linspace(index.edges[0], index.edges[-1], num), index.near_zero)
    steps = [float(f"{value:.3g}") for value in even.tolist()]
    positions, fixed = frames.spread(steps, index.near_zero), set[int]()
    for value in sorted({float(value) for value in extra}):
        if value in steps:
            fixed.add(steps.index(value))
            continue
        away = np.abs(positions - frames.spread(value, index.near_zero))
        nearest = next(int(at) for at in np.argsort(away) if int(at) not in fixed)
        steps[nearest] = value
        fixed.add(nearest)
    return sorted(set(steps))


def ticks(low: float, high: float, near_zero: float) -> list[float]:
    """Scores that are written below an axis from ``low`` to ``high``: 1 and 3 times powers of ten where it is
    logarithmic, even steps on one that hardly is."""
    first, last = (frames.unspread(end, near_zero) for end in (low, high))
    top = max(abs(first), abs(last))
    heads = (1, 3) if high - low < 16 else (1,)
    powers = range(math.floor(math.log10(near_zero)), math.ceil(math.log10(top)) + 1)
    sizes = [float(f"{head}e{power}") for power in powers for head in heads]
    far = [size for size in sizes if size >= 5 * near_zero]
    found = [tick for tick in sorted([*(-size for size in far), 0.0, *far]) if first <= tick <= last]
    return found if len(found) >= LABELS else even_ticks(first, last)


def even_ticks(first: float, last: float) -> list[float]:
    """About six round numbers at even steps."""
    rough = (last - first) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(head * power for head in (1, 2, 5, 10) if head * power >= rough)
    return [float(f"{at * step:.6g}") for at in range(math.ceil(first / step), math.floor(last / step) + 1)]
