"""The histogram of all scores with a threshold that is dragged in the browser; the server hears where it rests."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import frames, palette
from dashboard.frames import ScoreIndex

KEY = "score_histogram"
KINDS = {
    "all": ("Samples", palette.CLEAN),
    "clean": ("Clean", palette.CLEAN),
    "corrupted": ("Corrupted (truth known)", palette.CORRUPTED),
}
FOLDER = Path(__file__).parent
COLORS = f".histogram {{ --threshold: {palette.THRESHOLD}; --plain: {palette.BEFORE}; }}\n"

_mount = st.components.v2.component(
    "bir_histogram",
    html='<div class="histogram"></div>\n',
    css=COLORS + (FOLDER / "histogram.css").read_text(encoding="utf-8"),
    js=(FOLDER / "histogram.js").read_text(encoding="utf-8"),
)


def draw(
    index: ScoreIndex, threshold: float, landmarks: Mapping[str, float], *, run: str, on_moved: Callable[[float], None]
) -> None:
    """Draw it.

    Args:
        index: the scores.
        threshold: where the line stands.
        landmarks: thresholds by name that are marked.
        run: whose scores they are, for links.
        on_moved: told the threshold at which the line came to rest, before the page is drawn anew.
    """

    def moved() -> None:
        value = st.session_state[KEY].get("moved")
        if value is not None:
            on_moved(float(value))

    _mount(data=table(index, threshold, landmarks, run=run), key=KEY, on_moved_change=moved)


def table(index: ScoreIndex, threshold: float, landmarks: Mapping[str, float], *, run: str) -> dict[str, Any]:
    """What the browser needs to draw and to count by itself: bins, and counts above each stop of the line."""
    stops = slider_stops(index, [*landmarks.values()])
    is_known = index.corrupted is not None
    return {
        "run": run,
        "title": "Histogram of the scores of all training samples, with the threshold",
        "axis": "Score = loss after - loss before (nats; linear near 0, logarithmic beyond)",
        "near_zero": frames.NEAR_ZERO,
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


def slider_stops(index: ScoreIndex, extra: Sequence[float], num: int = 240) -> list[float]:
    """Thresholds that a slider offers: even steps of the histogram's axis, and ``extra`` exactly.

    Each extra value takes the place of its nearest step, so that the slider stays in line with the histogram.
    """
    steps = [
        float(f"{value:.3g}") for value in frames.unspread(np.linspace(index.edges[0], index.edges[-1], num)).tolist()
    ]
    positions, fixed = frames.spread(steps), set[int]()
    for value in sorted({float(value) for value in extra}):
        if value in steps:
            fixed.add(steps.index(value))
            continue
        nearest = next(int(at) for at in np.argsort(np.abs(positions - frames.spread(value))) if int(at) not in fixed)
        steps[nearest] = value
        fixed.add(nearest)
    return sorted(set(steps))
