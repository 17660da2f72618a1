"""The suspects one by one, most suspect first."""

import math

import numpy as np
import streamlit as st

from dashboard import gate, pictures, runs, session
from dashboard.components import cards, threshold
from dashboard.components.cards import Card
from dashboard.frames import ScoreIndex
from dashboard.runs import Run

PAGE_SIZE = 24
SORTS = {
    "score": "highest score first",
    "lowest": "lowest score first",
    "given": "by given class",
    "believed": "by predicted class",
}


@st.fragment
def gallery(run: Run) -> None:
    """Filters, pages and cards."""
    with gate.guarded():
        index = runs.scored(run).index
        chosen, cut = filtered(run, index)
        total = index.count_above(cut)
        if not len(chosen):
            nothing(total, cut)
            return
        num_pages = math.ceil(len(chosen) / PAGE_SIZE)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            said = f"**{len(chosen):,}**" + (f" of {total:,}" if len(chosen) != total else "")
            st.markdown(f"{said} suspects above {cut:.4g}, {SORTS[st.session_state[session.SORT]]}.", width="content")
            page = session.bound(
                lambda _label, **options: st.pagination(num_pages, **options), "Page", key=session.PAGE
            )
        first = (page - 1) * PAGE_SIZE
        show(run, chosen[first : first + PAGE_SIZE])


def filtered(run: Run, index: ScoreIndex) -> tuple[np.ndarray, float]:
    """The row of filters, and what passes them."""
    columns = st.columns([1, 1.4, 1.4, 1.2], vertical_alignment="bottom")
    with columns[0]:
        cut = threshold.number(runs.default_threshold(run))
    names = list(index.class_names)
    with columns[1]:
        given = session.bound(st.multiselect, "Given class", key=session.GIVEN, options=names, placeholder="All")
    with columns[2]:
        believed = session.bound(
            st.multiselect,
            "Predicted class (enhanced model)",
            key=session.BELIEVED,
            options=names,
            placeholder="All",
        )
    with columns[3]:
        sort = session.bound(
            st.selectbox,
            "Order",
            key=session.SORT,
            options=list(SORTS),
            format_func=lambda name: SORTS[name].capitalize(),
        )
    chosen = index.ranked(
        cut, given=[names.index(name) for name in given], believed=[names.index(name) for name in believed], sort=sort
    )
    return chosen, cut


def nothing(total: int, cut: float) -> None:
    """Why there is no card, and what to do."""
    if total:
        st.info(
            f"None of the {total:,} suspects passes these filters: take one away.", icon=":material/filter_alt_off:"
        )
    else:
        st.info(f"No sample has a score above {cut:.4g}: lower the threshold.", icon=":material/search_off:")


def show(run: Run, chosen: np.ndarray) -> None:
    """The cards of one page."""
    aligned = runs.aligned(run) if runs.has(run, "align") else None
    samples, scored = runs.samples(run), runs.scored(run)
    originals = samples.images.images
    rows = {} if aligned is None else dict(zip(aligned.indices.tolist(), range(len(aligned)), strict=True))
    here = [position for position in chosen.tolist() if position in rows]
    changes = [aligned.images[rows[position]] - originals[position] for position in here] if aligned is not None else []
    factor = pictures.amplification(np.array(changes))
    legend(run, factor, has_aligned=bool(here))
    ranks = {position: rank for rank, position in enumerate(scored.index.order.tolist(), start=1)}
    shown = []
    for position in chosen.tolist():
        moved = aligned.images[rows[position]] if aligned is not None and position in rows else None
        original, label = originals[position], int(samples.images.labels[position])
        true = None if samples.truth is None else samples.class_names[int(samples.truth.original_labels[position])]
        shown.append(
            Card(
                rank=ranks[position],
                sample=position,
                given=samples.class_names[label],
                true=true,
                score=float(scored.index.scores[position]),
                loss_before=float(scored.scores.loss_before[position]),
                loss_after=float(scored.scores.loss_after[position]),
                original=pictures.image_url(original),
                aligned=None if moved is None else pictures.image_url(moved),
                difference=None if moved is None else pictures.difference_url(original, moved, factor),
                soft_label=scored.scores.soft_labels[position].tolist(),
            )
        )
    cards.draw(shown, samples.class_names, amplification=factor)


def legend(run: Run, factor: int, *, has_aligned: bool) -> None:
    """How to read the pictures."""
    bars = "Bars: the enhanced model's soft label (green = most likely; underlined = given class)."
    if not has_aligned:
        st.caption(f"{bars} Aligned images are not computed for this run yet.")
        return
    eta = runs.aligned(run).eta
    moved = (
        "The step size is 0, so images stay as they are and only the labels change."
        if eta == 0
        else f"Difference: aligned minus original, times {factor} on this page; orange = brighter, blue = darker."
    )
    st.caption(f"{bars} {moved}")


run = gate.the_run()
gate.needs(run, "data")
gate.needs(run, "score")
gallery(run)
