"""The suspects one by one, most suspect first."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard import gate, picks, runs, security, session, standings, words
from dashboard.batches import Batch
from dashboard.components import gallery, sampling, threshold, verdict_filter
from dashboard.components.ranking import SORTS
from dashboard.frames import ScoreIndex
from dashboard.runs import Run
from dashboard.standings import Passing


def suspects(run: Run) -> None:
    """Filters, and the gallery of what passes them. No fragment: a restarted server knows none of an open page."""
    with gate.guarded():
        index = runs.scored(run).index
        batch = sampling.current()
        if batch is not None:
            review_batch(run, index, batch)
            return
        picked = picks_of_link(index)
        if picked is not None:
            review_picked(run, index, picked)
            return
        chosen, cut, passing = filtered(run, index)
        total = index.count_above(cut)
        if not len(chosen):
            nothing(total, cut)
            if passing.states:
                verdict_filter.draw_again()
            return
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            of_all = "" if len(chosen) == total else f"{len(chosen):,} of {total:,} suspects. "
            with st.container():
                st.markdown(of_all + legend(run))
            if passing.states:
                verdict_filter.draw_again()
            sampling.progress(*standings.measured_bands(run))
        labels = {key: _labels(index, st.session_state[key]) for key in (session.GIVEN, session.BELIEVED)}
        filters = {"t": repr(cut), **labels, "sort": st.session_state[session.SORT], **passing.query}
        if upper_bound() < math.inf:
            filters["below"] = repr(upper_bound())
        what = f"suspects with a score above {cut:.4g}{filters_in_words()}"
        show(run, index, len(chosen), filters, what, told=passing.told)


def review_batch(run: Run, index: ScoreIndex, batch: Batch) -> None:
    """The gallery of a random batch alone, and what its verdicts say of its band."""
    drawn = batch.drawn(index.scores)
    sampling.head(batch, len(drawn), standings.measured(run, drawn))
    if not len(drawn):
        st.info("No sample has a score in this band: end the sampling and draw from another one.")
        return
    show(run, index, len(drawn), {"batch": str(batch)}, "samples of the random batch", only=drawn.tolist())


def filtered(run: Run, index: ScoreIndex) -> tuple[np.ndarray, float, Passing]:
    """The row of filters, what passes them, and what passes the one by verdict."""
    columns = st.columns([1.2, 1.2, 1.15, 1.5, 1.3], vertical_alignment="bottom")
    with columns[0]:
        cut = threshold.number(runs.default_threshold(run), measured=standings.help_of(run))
    names = list(index.class_names)
    with columns[1]:
        given = of_classes("Given class", session.GIVEN, names)
    with columns[2]:
        believed = of_classes("Believed class", session.BELIEVED, names, help="What the enhanced model believes.")
    with columns[3]:
        states = verdict_filter.draw()
    with columns[4]:
        sort = session.bound(
            st.selectbox,
            "Order",
            key=session.SORT,
            options=list(SORTS),
            format_func=lambda name: SORTS[name].capitalize(),
        )
    below = upper_bound()
    if below < math.inf:
        st.button(
            f"Only scores up to {below:.4g}: show all above", on_click=leave, args=(session.BELOW,),
            icon=":material/filter_alt_off:", key="end_below",
        )  # fmt: skip
    passing = standings.of_page(run, states, cut, tuple(given), tuple(believed), sort)
    chosen = index.ranked(
        cut,
        below=below,
        given=[names.index(name) for name in given],
        believed=[names.index(name) for name in believed],
        among=passing.mask,
        sort=sort,
    )
    return chosen, cut, passing


def of_classes(label: str, key: str, names: list[str], **options: str) -> list[str]:
    """A filter by class; returns the names that pass, none = all."""
    chosen: list[str] = session.bound(st.multiselect, label, key=key, options=names, placeholder="All", **options)
    return chosen


def nothing(total: int, cut: float) -> None:
    """Why there is no card, and what to do."""
    if total:
        st.info(
            f"None of the {total:,} suspects passes these filters: take one away.", icon=":material/filter_alt_off:"
        )
    else:
        st.info(f"No sample has a score above {cut:.4g}: lower the threshold.", icon=":material/search_off:")


def show(
    run: Run,
    index: ScoreIndex,
    total: int,
    filters: dict[str, str],
    what: str,
    *,
    only: list[int] | None = None,
    told: Sequence[int] = (),
) -> None:
    """The gallery, which asks the routes for the rest; arguments as its ``draw`` takes them."""
    height, width = runs.samples(run).images.shape[2:]
    gallery.draw(
        {
            "run": run.name,
            "token": security.TOKEN,
            "filters": filters,
            "class_names": list(index.class_names),
            "image_width": width,
            "image_height": height,
            "total": total,
            "what": what,
            "only": only,
            "told": list(told),
        },
        on_conflicts=verdict_filter.only_conflicts,
    )


def picks_of_link(index: ScoreIndex) -> list[int] | None:
    """The samples that the link names, if it names some."""
    asked = st.query_params.get(session.ONLY)
    found = None if asked is None else picks.parse(asked, len(index))
    if asked is not None and found is None:
        st.toast(
            f"The link asks for samples {asked[:60]}, which this run does not have; the suspects are shown instead."
        )
    return found


def review_picked(run: Run, index: ScoreIndex, picked: list[int]) -> None:
    """The gallery of samples that were picked on another page."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(picked):,} samples** that were picked, most suspect first. {legend(run)}", width="stretch")
        st.button("Show all suspects", on_click=leave, args=(session.ONLY,), icon=":material/close:", key="end_picked")
    show(run, index, len(picked), {"only": picks.as_text(picked)}, "picked samples", only=picked)


def leave(parameter: str) -> None:
    """Callback: take a parameter out of the link."""
    st.query_params.pop(parameter, None)


def upper_bound() -> float:
    """The highest score that passes, as the link has it; infinity where it has none."""
    try:
        value = float(st.query_params.get(session.BELOW, "inf"))
    except ValueError:
        value = math.nan
    if math.isnan(value):
        asked = st.query_params.pop(session.BELOW)  # so that it is said once
        st.toast(f"The link asks for below={asked[:40]}, which is no number; it is ignored.")
        return math.inf
    return value


def filters_in_words() -> str:
    """What the filters let pass, as the end of a sentence."""
    given, believed, states = (st.session_state[key] for key in (session.GIVEN, session.BELIEVED, session.VERDICT))
    said = [f"given {words.listed(given)}"] if given else []
    said += [f"believed {words.listed(believed)}"] if believed else []
    said += [verdict_filter.in_words(states)] if states else []
    return "".join(f", {part}" for part in said)


def _labels(index: ScoreIndex, names: list[str]) -> str:
    return ",".join(str(index.class_names.index(name)) for name in names)


def legend(run: Run) -> str:
    """How to read the pictures."""
    bars = "Given → believed class; bars: the enhanced model's belief (green = believed, orange = given)."
    if not runs.has(run, "align"):
        return f"{bars} Aligned images are not computed for this run yet."
    if runs.aligned(run).eta == 0:
        return f"{bars} The step size is 0, so images stay as they are and only the labels change."
    return bars


run = gate.the_run()
gate.needs(run, "data")
gate.needs(run, "score")
suspects(run)
