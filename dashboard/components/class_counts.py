"""Suspects per given class as a table with bars. Plain HTML: it changes at every move of the threshold."""

import html

import pandas as pd
import streamlit as st

from dashboard import palette

MOST = 50
"""Of more classes those with the largest share are listed."""

STYLE = f"""<style>
.bir-classes {{width: 100%; border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums}}
.bir-classes caption {{text-align: left; padding: .25rem 0 .4rem; font-size: .875rem; opacity: .85}}
.bir-classes th, .bir-classes td {{text-align: right; padding: .38rem .75rem; white-space: nowrap;
  border-bottom: 1px solid rgba(125,134,140,.3)}}
.bir-classes th {{font-weight: 600; font-size: .875rem}}
.bir-classes th:first-child {{text-align: left; max-width: 14rem; overflow: hidden; text-overflow: ellipsis}}
.bir-classes .wide {{width: 50%; text-align: left}}
.bir-classes .track {{height: .5rem; border-radius: .25rem; background: rgba(125,134,140,.22)}}
.bir-classes .fill {{height: 100%; border-radius: .25rem; background: {palette.AFTER}}}
</style>"""


def draw(table: pd.DataFrame, *, noun: str = "Suspects") -> None:
    """Draw ``frames.class_counts``; ``noun`` says what the samples above the threshold are."""
    known, left_out = "Corrupted" in table, len(table) - MOST
    if left_out > 0:
        table = table.nlargest(MOST, ["Share", "Suspects"]).sort_index()
    head = "".join(
        f'<th scope="col">{title}</th>' for title in ("Given class", "Samples", *(["Corrupted"] if known else []), noun)
    )
    rows = "".join(_row(row, known=known) for row in table.to_dict("records"))
    st.html(
        f'{STYLE}<table class="bir-classes"><caption>{noun} per given class</caption><thead><tr>{head}'
        '<th scope="col">%</th><th scope="col" class="wide">Share of the class</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    if left_out > 0:
        st.caption(f"The {MOST} classes with the largest share; {left_out:,} more are left out.")


def _row(row: dict, *, known: bool) -> str:
    name = html.escape(str(row["Given class"]))
    corrupted = f"<td>{row['Corrupted']:,}</td>" if known else ""
    return (
        f'<tr><th scope="row" title="{name}">{name}</th><td>{row["Samples"]:,}</td>{corrupted}'
        f"<td>{row['Suspects']:,}</td><td>{row['Share']:.1f}</td>"
        '<td class="wide"><div class="track">'
        f'<div class="fill" style="width:{row["Share"]:.1f}%"></div></div></td></tr>'
    )
