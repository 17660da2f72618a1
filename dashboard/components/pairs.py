"""Which given class the enhanced model takes for which, among the suspects; each cell opens the suspects behind it."""

import html
import urllib.parse
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import palette, session
from dashboard.frames import ScoreIndex

MOST_CLASSES = 20
"""More of them do not fit beside each other; then the most frequent pairs are listed."""

_RED, _GREEN, _BLUE = (int(palette.AFTER[at : at + 2], 16) for at in (1, 3, 5))

STYLE = """<style>
.bir-pairs {border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; font-size: .875rem}
.bir-pairs caption {text-align: left; padding: .25rem 0 .4rem; font-size: .875rem; opacity: .85; white-space: nowrap}
.bir-pairs th {font-weight: 400; padding: .1rem .4rem; max-width: 7rem; overflow: hidden; text-overflow: ellipsis}
.bir-pairs td {padding: 0; text-align: center; min-width: 2.4rem; border-radius: .2rem}
.bir-pairs a {display: block; padding: .3rem .4rem; color: inherit; text-decoration: none; border-radius: .2rem}
.bir-pairs a:hover, .bir-pairs a:focus-visible {outline: 2px solid currentColor}
.bir-pairs .side {text-align: right}
</style>"""
MATRIX_CAPTION = "Suspects by given class (rows) and the class that the enhanced model believes (columns)"
LIST_CAPTION = f"The {MOST_CLASSES} most frequent pairs of given class and the class that the enhanced model believes"


def draw(index: ScoreIndex, threshold: float, *, run: str) -> None:
    """Draw the table of the suspects above the threshold; nothing when there are none."""
    counts = count(index, threshold)
    if not counts.any():
        return
    address = {session.RUN: run, session.THRESHOLD: repr(threshold)}
    small = len(index.class_names) <= MOST_CLASSES
    draw_them = _matrix if small else _list
    st.html(STYLE + draw_them(counts, index.class_names, address))


def count(index: ScoreIndex, threshold: float) -> NDArray[np.int64]:
    """(L, L) suspects; row = given class, column = class that the enhanced model believes."""
    chosen = index.order[: index.count_above(threshold)]
    num = len(index.class_names)
    flat = np.bincount(index.labels[chosen].astype(np.int64) * num + index.predictions[chosen], minlength=num * num)
    return flat.reshape(num, num).astype(np.int64)


def _matrix(counts: NDArray[np.int64], names: Sequence[str], address: dict[str, str]) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row" class="side">{html.escape(given)}</th>'
        + "".join(_cell(int(num), counts, given, believed, address) for num, believed in zip(row, names, strict=True))
        + "</tr>"
        for row, given in zip(counts, names, strict=True)
    )
    return f'<table class="bir-pairs"><caption>{MATRIX_CAPTION}</caption><tr><td></td>{head}</tr>{rows}</table>'


def _list(counts: NDArray[np.int64], names: Sequence[str], address: dict[str, str]) -> str:
    most = np.argsort(-counts, axis=None, kind="stable")[:MOST_CLASSES]
    pairs = [np.unravel_index(place, counts.shape) for place in most]
    rows = "".join(
        f'<tr><th scope="row" class="side">{html.escape(names[given])} &rarr; {html.escape(names[believed])}</th>'
        f"{_cell(int(counts[given, believed]), counts, names[given], names[believed], address)}</tr>"
        for given, believed in pairs
        if counts[given, believed]
    )
    return f'<table class="bir-pairs"><caption>{LIST_CAPTION}</caption>{rows}</table>'


def _cell(num: int, counts: NDArray[np.int64], given: str, believed: str, address: dict[str, str]) -> str:
    if not num:
        return "<td></td>"
    query = urllib.parse.urlencode({**address, session.GIVEN: given, session.BELIEVED: believed})
    shade = 0.12 + 0.48 * num / int(counts.max())
    spoken = html.escape(f"{num} suspects given {given}, believed {believed}")
    return (
        f'<td style="background: rgba({_RED}, {_GREEN}, {_BLUE}, {shade:.2f})">'
        f'<a href="suspects?{html.escape(query)}" target="_self" aria-label="{spoken}">{num:,}</a></td>'
    )
