"""The suspects one by one, most suspect first."""

import numpy as np
import streamlit as st

from dashboard import gate, runs, security, session
from dashboard.components import gallery, threshold
from dashboard.components.ranking import SORTS
from dashboard.frames import ScoreIndex
from dashboard.runs import Run


def suspects(run: Run) -> None:
    """Filters, and the gallery of what passes them. No fragment: a restarted server knows none of an open page."""
    with gate.guarded():
        index = runs.scored(run).index
        chosen, cut = filtered(run, index)
        total = index.count_above(cut)
        if not len(chosen):
            nothing(total, cut)
            return
        said = f"**{len(chosen):,}**" + (f" of {total:,}" if len(chosen) != total else "")
        st.markdown(f"{said} suspects above {cut:.4g}, {SORTS[st.session_state[session.SORT]]}. {legend(run)}")
        show(run, index, len(chosen), cut)


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


def show(run: Run, index: ScoreIndex, total: int, cut: float) -> None:
    """The gallery, which asks the routes for the rest."""
    height, width = runs.samples(run).images.images.shape[2:]
    labels = {key: _labels(index, st.session_state[key]) for key in (session.GIVEN, session.BELIEVED)}
    gallery.draw(
        {
            "run": run.name,
            "token": security.TOKEN,
            "filters": {"t": repr(cut), **labels, "sort": st.session_state[session.SORT]},
            "class_names": list(index.class_names),
            "image_width": width,
            "image_height": height,
            "total": total,
        }
    )


def _labels(index: ScoreIndex, names: list[str]) -> str:
    return ",".join(str(index.class_names.index(name)) for name in names)


def legend(run: Run) -> str:
    """How to read the pictures."""
    bars = "Bars: the enhanced model's belief per class (green = believed, orange = given)."
    if not runs.has(run, "align"):
        return f"{bars} Aligned images are not computed for this run yet."
    if runs.aligned(run).eta == 0:
        return f"{bars} The step size is 0, so images stay as they are and only the labels change."
    return bars


run = gate.the_run()
gate.needs(run, "data")
gate.needs(run, "score")
suspects(run)
