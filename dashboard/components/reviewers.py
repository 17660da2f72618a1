"""What reviewers found so far: how often a flag was right, by score, and where to stop looking."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

WITHOUT_CONFLICTS = "samples in conflict do not count here"
"""The gallery counts them among the reviewed."""


def draw(bands: Sequence[Mapping[str, Any]], stop: float | None) -> None:
    """The bands from the highest score to the lowest; nothing when nobody has reviewed anything.

    Args:
        bands: ``low`` and ``high`` (nats), ``num`` samples, how many were ``reviewed`` and ``confirmed``, and
            ``interval`` (95 %, in 0..1).
        stop: the score below which looking on is hardly worth while, None = not known yet.
    """
    if any(band["reviewed"] for band in bands):
        st.header("What the reviewers found")
        table(bands, stop)


def table(bands: Sequence[Mapping[str, Any]], stop: float | None) -> None:
    """Advice in words and a row per band; ``bands`` and ``stop`` as in ``draw``."""
    st.markdown(_advice(bands, stop))
    st.table(
        pd.DataFrame([_row(band) for band in bands]),
        border="horizontal",
        hide_index=True,
        alt="How often a flag was right, by score, as reviewers measured it",
    )
    st.caption(
        "Detrimental: its reviewers remove or relabel it, so a flag on it is right. In brackets: 95 % intervals, which "
        "hold as far as the reviewed samples of a band were chosen blindly."
    )


def _advice(bands: Sequence[Mapping[str, Any]], stop: float | None) -> str:
    reviewed, confirmed = (sum(band[name] for band in bands) for name in ("reviewed", "confirmed"))
    if not reviewed:
        return f"No sample with a positive score is judged yet; {WITHOUT_CONFLICTS}."
    right = f"**{confirmed:,} of {reviewed:,}** reviewed samples with a positive score are detrimental"
    found = f"{right}; {WITHOUT_CONFLICTS}."
    if stop is None:
        return f"{found} No band holds fewer than half of them beyond chance, so looking further down may pay."
    return f"{found} Below a score of **{stop:.3g}** fewer than half are: one may stop there."


def span(band: Mapping[str, Any]) -> str:
    """From which score to which."""
    return f"above {band['low']:.3g}" if band["high"] == float("inf") else f"{band['low']:.3g} to {band['high']:.3g}"


def _row(band: Mapping[str, Any]) -> dict[str, Any]:
    low, high = (f"{100 * bound:.0f}" for bound in band["interval"])
    share = 100 * band["confirmed"] / band["reviewed"] if band["reviewed"] else None
    return {
        "Score (nats)": span(band),
        "Samples": band["num"],
        "Reviewed": band["reviewed"],
        "Detrimental": band["confirmed"],
        "Precision (%)": "" if share is None else f"{share:.0f} ({low} to {high})",
    }
