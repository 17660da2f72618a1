"""Two detectors on the same samples: how far they agree, and who finds what the other misses."""

from typing import Any

import streamlit as st

from dashboard import agreement_chart, clouds, detectors, openings, picks, runs, session
from dashboard.components import overlap
from dashboard.detectors import Detector
from dashboard.runs import Run

JACCARD = "Samples that both have in their top K, as a share of those that either has."
SPEARMAN = "Spearman's rank correlation over all samples: 1 = the same order, 0 = unrelated, -1 = the reverse order."
EITHER = "Corrupted samples that at least one of the two has in its top K."
PLAIN: dict[str, Any] = {"border": True, "delta_color": "off", "delta_arrow": "off"}


def draw(run: Run, shown: Detector) -> None:
    """How far two detectors agree, who finds what the other misses, and the samples themselves."""
    first, second, top = choose_two(run, shown)
    if first == second:
        st.info("Both are the same detector: choose another one on one side.", icon=":material/compare_arrows:")
        return
    one, other = detectors.index(run, first), detectors.index(run, second)
    titles = (first.title, second.title)
    found, corrupted = detectors.overlap(one, other, top)
    agreement = detectors.pair(run, first, second)
    headline(found, corrupted, agreement.spearman, top)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        overlap.draw(agreement_chart.rows(found, corrupted, titles), top=top)
        for index, against, title in ((one, other, titles[0]), (other, one, titles[1])):
            open_only(run, detectors.only_first(index, against, top).tolist(), title)
        for index, title in ((one, titles[0]), (other, titles[1])):
            if detectors.cuts_a_tie(index, top):
                st.caption(f"{title}: equal scores stand at rank {top:,}; those first in the data set are taken.")
    with right:
        st.plotly_chart(
            agreement_chart.curve(agreement.tops, agreement.shared, top, len(one), dark=session.is_dark()),
            key="overlap_curve",
            config={"displayModeBar": False},
            alt="Share of the top K that both detectors have in common, for every K",
        )
    figure = clouds.ranks(one, other, top, titles=titles, dark=session.is_dark())
    alt = f"Ranks by {titles[1]} against ranks by {titles[0]}"
    openings.select(run, one, figure, f"ranks_{first.name}_{second.name}", alt, first="the top K of both")


def choose_two(run: Run, shown: Detector) -> tuple[Detector, Detector, int]:
    """Pickers of two detectors and of K, whose choice stands in the URL."""
    known = detectors.computed(run)
    names = list(known)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = session.bound(
            st.selectbox,
            "First",
            key=session.FIRST,
            options=names,
            format_func=lambda name: known[name].title,
            width=300,
        )
        second = session.bound(
            st.selectbox,
            "Second",
            key=session.SECOND,
            options=names,
            index=names.index(shown.name) if shown != detectors.OWN else len(names) - 1,
            format_func=lambda name: known[name].title,
            width=300,
        )
        top = session.bound(
            st.number_input,
            "K",
            key=session.TOP,
            value=max(detectors.num_suspects(run), 1),
            min_value=1,
            step=1,
            width=150,
            help="The K most suspect samples of each are compared; at first as many as the run has suspects.",
        )
    return known[first], known[second], min(top, len(runs.scored(run).index))


def headline(
    found: detectors.Overlap, corrupted: detectors.Overlap | None, correlation: float | None, top: int
) -> None:
    """The overlap in three figures, and how many corrupted samples the two find together when truth is known."""
    columns = st.columns(3 if corrupted is None else 4)
    columns[0].metric("In both top K", f"{found.both:,}", f"{100 * found.both / top:.1f} % of {top:,}", **PLAIN)
    either = found.both + found.only_first + found.only_second
    columns[1].metric(
        "Jaccard", f"{found.jaccard:.3f}", f"{found.both:,} of {either:,} in either", help=JACCARD, **PLAIN
    )
    said = "-" if correlation is None else f"{correlation:.3f}"
    columns[2].metric("Rank correlation", said, agreement_chart.strength(correlation), help=SPEARMAN, **PLAIN)
    if corrupted is not None:
        known = corrupted.both + corrupted.only_first + corrupted.only_second
        columns[3].metric(
            "Corrupted in either", f"{known:,}", f"of {known + corrupted.neither:,} corrupted", help=EITHER, **PLAIN
        )


def open_only(run: Run, samples: list[int], title: str) -> None:
    """A link to what one detector has in its top K and the other has not."""
    if not samples:
        st.caption(f"There is nothing that only {title} finds.")
        return
    shown = samples[: picks.MOST]
    many = f"{len(shown):,} most suspect of the {len(samples):,}" if len(shown) < len(samples) else f"{len(shown):,}"
    openings.link(run, shown, f"Open the {many} that only {title} finds")
