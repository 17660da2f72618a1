"""Small figures as SVG text, in the colours of the page that they stand in. No library: the page must be light.

Colours are CSS variables of ``page``; every figure has a title, which is its text for those who cannot see it.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bir_core.records import Doubles, Flags

WIDTH = 720
NEAR_ZERO = 0.02
"""Scores (nats) within this are drawn on a nearly linear scale, larger ones on a logarithmic one."""

SCORE_TICKS = (-10, -1, -0.1, 0, 0.1, 1, 10)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A value with its interval."""

    label: str
    value: float
    low: float
    high: float
    color: str


def intervals(title: str, readings: Sequence[Reading]) -> str:
    """One line per reading: a dot with its interval, in percent."""
    low = math.floor(min(one.low for one in readings) / 10) * 10
    high = math.ceil(max(one.high for one in readings) / 10) * 10
    left, right, row = 210, 70, 30
    height = row * len(readings) + 34

    def x(value: float) -> float:
        return left + (value - low) / max(high - low, 1) * (WIDTH - left - right)

    parts = [_grid(x(value), row * len(readings) + 6, f"{value:g} %") for value in _ticks(low, high)]
    for place, one in enumerate(readings):
        y = row * place + row / 2
        parts.append(
            f'<text x="{left - 14}" y="{y + 4:.1f}" text-anchor="end">{html.escape(one.label)}</text>'
            f'<line x1="{x(one.low):.1f}" x2="{x(one.high):.1f}" y1="{y:.1f}" y2="{y:.1f}" class="whisker"/>'
            f'<circle cx="{x(one.value):.1f}" cy="{y:.1f}" r="5.5" fill="var(--{one.color})"/>'
            f'<text x="{x(one.high) + 10:.1f}" y="{y + 4:.1f}" class="strong">{one.value:.1f}</text>'
        )
    return _figure(title, height, parts)


def dumbbells(title: str, rows: Sequence[tuple[str, float, float]]) -> str:
    """One line per class: accuracy before (open) and after (filled), in percent."""
    low = math.floor(min(min(before, after) for _, before, after in rows) / 10) * 10
    left, right, row = 150, 130, 26
    height = row * len(rows) + 34

    def x(value: float) -> float:
        return left + (value - low) / max(100 - low, 1) * (WIDTH - left - right)

    parts = [_grid(x(value), row * len(rows) + 6, f"{value:g} %") for value in _ticks(low, 100)]
    for place, (name, before, after) in enumerate(rows):
        y = row * place + row / 2
        parts.append(
            f'<text x="{left - 14}" y="{y + 4:.1f}" text-anchor="end">{html.escape(name)}</text>'
            f'<line x1="{x(before):.1f}" x2="{x(after):.1f}" y1="{y:.1f}" y2="{y:.1f}" class="whisker"/>'
            f'<circle cx="{x(before):.1f}" cy="{y:.1f}" r="5" class="open"/>'
            f'<circle cx="{x(after):.1f}" cy="{y:.1f}" r="5.5" fill="var(--after)"/>'
            f'<text x="{WIDTH}" y="{y + 4:.1f}" text-anchor="end">{before:.1f} &#8594; {after:.1f}</text>'
        )
    return _figure(title, height, parts)


def histogram(title: str, scores: Doubles, corrupted: Flags | None, threshold: float | None) -> str:
    """Counts of samples by score, known corrupted ones in another colour, with the threshold marked."""
    finite = np.isfinite(scores)
    scores, corrupted = scores[finite], None if corrupted is None else corrupted[finite]
    spread = np.arcsinh(scores / NEAR_ZERO)
    edges = np.linspace(spread.min() - 1e-3, spread.max() + 1e-3, 81)
    left, right, bottom, height = 60, 20, 210, 262
    kinds = (
        {"clean": np.ones(len(scores), dtype=np.bool_)}
        if corrupted is None
        else {"clean": ~corrupted, "wrong": corrupted}
    )
    counts = {kind: np.histogram(spread[flags], edges)[0] for kind, flags in kinds.items()}
    top = math.log10(max(int(found.max()) for found in counts.values()) * 1.5 + 1)

    def x(position: float) -> float:
        return float(left + (position - edges[0]) / (edges[-1] - edges[0]) * (WIDTH - left - right))

    parts = []
    for kind, found in counts.items():
        for place in np.flatnonzero(found):
            tall = math.log10(found[place] + 1) / top * (bottom - 12)
            parts.append(
                f'<rect x="{x(edges[place]):.1f}" y="{bottom - tall:.1f}" width="{x(edges[1]) - x(edges[0]):.1f}" '
                f'height="{tall:.1f}" fill="var(--{kind})" fill-opacity="0.72"/>'
            )
    for tick in SCORE_TICKS:
        if edges[0] <= np.arcsinh(tick / NEAR_ZERO) <= edges[-1]:
            parts.append(
                f'<text x="{x(float(np.arcsinh(tick / NEAR_ZERO))):.1f}" y="{bottom + 20}" '
                f'text-anchor="middle">{tick:g}</text>'
            )
    power = 0
    while math.log10(10**power + 1) < top:
        y = bottom - math.log10(10**power + 1) / top * (bottom - 12)
        parts.append(f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>')
        power += 1
    if threshold is not None:
        at = x(float(np.arcsinh(threshold / NEAR_ZERO)))
        side, shift = ("end", -8) if at > WIDTH / 2 else ("start", 8)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="4" y2="{bottom}" class="cut"/>'
            f'<text x="{at + shift:.1f}" y="16" text-anchor="{side}" class="strong">threshold {threshold:.4g}</text>'
        )
    parts.append(f'<line x1="{left}" x2="{WIDTH - right}" y1="{bottom}" y2="{bottom}" class="grid"/>')
    parts.append(
        f'<text x="{(left + WIDTH - right) / 2}" y="{height - 8}" text-anchor="middle">score (nats); counts on a '
        "logarithmic scale</text>"
    )
    return _figure(title, height, parts)


def _grid(x: float, height: float, label: str) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}" class="grid"/>'
        f'<text x="{x:.1f}" y="{height + 18}" text-anchor="middle">{label}</text>'
    )


def _ticks(low: float, high: float) -> list[float]:
    step = next(step for step in (1, 2, 5, 10, 20, 50) if (high - low) / step <= 6)
    return [low + step * place for place in range(int((high - low) / step) + 1)]


def _figure(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img"><title>{html.escape(title)}</title>{"".join(parts)}</svg>'
    )
