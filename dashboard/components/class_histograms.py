"""A small histogram per given class, all on one scale; each opens the gallery of its class."""

import base64
import html
import math
import urllib.parse

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import frames, palette, session
from dashboard.frames import ScoreIndex

MOST = 24
"""Of more classes those with the most suspects are drawn."""

NUM_BINS = 48
WIDTH, HEIGHT = 220, 84

STYLE = """<style>
.bir-multiples {display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); gap: .75rem}
.bir-multiples a {display: block; padding: .6rem .75rem; border: 1px solid rgba(125,134,140,.35); border-radius: .5rem;
  color: inherit !important; text-decoration: none !important; min-width: 0}
.bir-multiples a:hover, .bir-multiples a:focus-visible {outline: 2px solid currentColor}
.bir-multiples div {display: flex; justify-content: space-between; gap: .5rem; font-size: .875rem;
  font-variant-numeric: tabular-nums}
.bir-multiples b {overflow: hidden; text-overflow: ellipsis; white-space: nowrap}
.bir-multiples span {white-space: nowrap}
.bir-multiples img {display: block; width: 100%; height: auto; margin-top: .3rem}
</style>"""


def draw(index: ScoreIndex, threshold: float, *, run: str) -> None:
    """Draw them, in label order; the shaded part is above the threshold."""
    above = np.array(index.per_class_above(threshold))
    most = np.sort(np.argsort(-above, kind="stable")[:MOST])
    edges = np.linspace(index.edges[0], index.edges[-1], NUM_BINS + 1)
    counts = index.per_class_bins(edges)[most]
    top = int(counts.max())
    shade = _shade(edges, threshold)
    address = {session.RUN: run, session.THRESHOLD: repr(threshold)}
    tiles = "".join(
        _tile(index.class_names[label], int(above[label]), _bars(found, top) + shade, address)
        for label, found in zip(most.tolist(), counts, strict=True)
    )
    st.html(f'{STYLE}<div class="bir-multiples">{tiles}</div>')
    left_out = len(above) - len(most)
    st.caption(
        "Scores as above, counts on a logarithmic scale, the same for every class; shaded: above the threshold. A "
        "click opens the gallery of the class."
        + (f" {left_out} classes with fewer suspects are left out." if left_out else "")
    )


def _tile(name: str, above: int, drawn: str, address: dict[str, str]) -> str:
    query, shown = urllib.parse.urlencode({**address, session.GIVEN: name}), html.escape(name)
    return (
        f'<a href="suspects?{html.escape(query)}" target="_self" aria-label="{above} suspects given {shown}">'
        f'<div><b title="{shown}">{shown}</b><span>{above:,} above</span></div>'
        f"{_picture(drawn, f'Histogram of the scores of the samples given {shown}')}</a>"
    )


def _picture(drawn: str, said: str) -> str:
    """A drawing as an image of its own: Streamlit takes every SVG element out of the HTML of a page."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{drawn}</svg>'
    source = base64.b64encode(svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{source}" width="{WIDTH}" height="{HEIGHT}" alt="{said}">'


def _bars(counts: NDArray[np.int64], top: int) -> str:
    step = WIDTH / NUM_BINS
    return "".join(
        f'<rect x="{place * step:.1f}" width="{step:.1f}" y="{HEIGHT - _tall(int(count), top):.1f}" '
        f'height="{_tall(int(count), top):.1f}" fill="{palette.CLEAN}"/>'
        for place, count in enumerate(counts)
        if count
    )


def _shade(edges: NDArray[np.float64], threshold: float) -> str:
    share = (float(frames.spread(threshold)) - edges[0]) / (edges[-1] - edges[0])
    at = WIDTH * min(max(share, 0.0), 1.0)
    return (
        f'<rect x="{at:.1f}" y="0" width="{WIDTH - at:.1f}" height="{HEIGHT}" fill="{palette.THRESHOLD}" '
        f'fill-opacity="0.13"/><line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT}" stroke="{palette.THRESHOLD}" '
        'stroke-width="2"/>'
    )


def _tall(count: int, top: int) -> float:
    return HEIGHT * 0.94 * math.log1p(count) / math.log1p(max(top, 1))
