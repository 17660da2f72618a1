"""What two detectors find together and alone, as a table. Plain HTML: it changes with every K."""

import html
from collections.abc import Sequence

import streamlit as st

STYLE = """<style>
.bir-overlap {width: 100%; border-collapse: collapse; font-size: .95rem; font-variant-numeric: tabular-nums}
.bir-overlap caption {text-align: left; padding: .25rem 0 .4rem; font-size: .875rem; opacity: .85}
.bir-overlap th, .bir-overlap td {text-align: right; padding: .38rem .6rem; vertical-align: top;
  border-bottom: 1px solid rgba(125,134,140,.3)}
.bir-overlap th {font-weight: 600; font-size: .875rem}
.bir-overlap th:first-child {text-align: left; overflow-wrap: anywhere}
</style>"""


def draw(rows: Sequence[tuple[str, int, int | None]], *, top: int) -> None:
    """Draw ``agreement_chart.rows``; without truth only how many samples there are."""
    known = all(corrupted is not None for _, _, corrupted in rows)
    head = "".join(
        f'<th scope="col">{title}</th>'
        for title in ("In the top K of", "Samples", *(["Corrupted", "%"] if known else []))
    )
    body = "".join(_row(*row) for row in rows)
    st.html(
        f'{STYLE}<table class="bir-overlap"><caption>Who finds what, K = {top:,}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(name: str, num: int, corrupted: int | None) -> str:
    share = f"{100 * corrupted / num:.1f}" if corrupted is not None and num else "-"
    known = "" if corrupted is None else f"<td>{corrupted:,}</td><td>{share}</td>"
    return f'<tr><th scope="row">{html.escape(name)}</th><td>{num:,}</td>{known}</tr>'
