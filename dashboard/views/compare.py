"""Two or more models on the same test images: how right, where, which images changed, how sure they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard import comparison_charts, frames, gate, models, runs, session, words
from dashboard.components import changed, sections
from dashboard.components.changed import Change
from dashboard.models import Model

PLAIN = {"displayModeBar": False}
ON_A_PAGE = 48
MOST_OTHERS = 4
SECTIONS = ("Classes", "Mistakes", "Changed images", "Calibration")
ECE = (
    "Expected calibration error: by how many points sureness and accuracy differ on average, in 15 bins (Guo 2017). "
    "0 is best."
)


def choose(known: Mapping[str, Model], headline: str) -> tuple[Model, Model, list[Model]]:
    """Pickers of two models and of further ones, whose choice stands in the URL."""
    names = list(known)
    left, right = st.columns(2)
    with left:
        before = session.bound(
            st.selectbox, "Before", key="before", options=names, format_func=lambda name: known[name].title
        )
    with right:
        after = session.bound(
            st.selectbox,
            "After",
            key="after",
            options=names,
            index=names.index(headline),
            format_func=lambda name: known[name].title,
        )
    also = session.bound(
        st.multiselect,
        "Also show",
        key="also",
        options=names,
        max_selections=MOST_OTHERS,
        placeholder="Further models",
        format_func=lambda name: known[name].title,
    )
    return known[before], known[after], [known[name] for name in also if name not in (before, after)]


def headline(
    before: Mapping[str, Any], after: Mapping[str, Any], gains: Mapping[str, Any], titles: Mapping[str, str]
) -> None:
    """Accuracies side by side, with the paired difference."""
    parts = [part for part in titles if before[part] is not None]
    columns = st.columns(len(parts) + 1)
    for column, part in zip(columns, parts, strict=False):
        gain = gains[part]
        with column.container(border=True, height="stretch", gap="small"):
            st.metric(
                f"{titles[part]}, n = {before['num'][part]:,}",
                f"{before[part]:.1f} → {after[part]:.1f} %",
                f"{gain['difference']:+z.1f} points",
            )
            st.caption(
                f"95 % intervals: before {frames.interval(before['intervals'][part])}, "
                f"after {frames.interval(after['intervals'][part])}; "
                f"paired difference {gain['low']:+z.1f} to {gain['high']:+z.1f}."
            )
    with columns[-1].container(border=True, height="stretch", gap="small"):
        errors = [100 * model["calibration_error"] for model in (before, after)]
        st.metric("Calibration error (points)", f"{errors[0]:.1f} → {errors[1]:.1f}", help=ECE)
        st.caption("By how much the models are surer, or less sure, than they are right. Lower is better.")


def overview(before: Model, others: Sequence[Model]) -> None:
    """All models that are shown, in numbers."""
    st.table(models.table(before, others), border="horizontal", hide_index=True, alt="All models that are shown")
    st.caption(
        f"In brackets: 95 % intervals. Change in points from {before.title}, paired on the same images; ECE: "
        "calibration error in points."
    )


def classes(report: Mapping[str, Any], before: Model, others: Sequence[Model]) -> None:
    """Per-class accuracies of all models as a chart, and of the first two as a table."""
    data = report["data"]
    tables = {model.title: frames.per_class(data, models.figures(before), models.figures(model)) for model in others}
    first = tables[others[0].title]
    drawn = comparison_charts.worst_classes(first)
    if len(drawn) < len(first):
        tables = {title: table.loc[drawn.index] for title, table in tables.items()}
        st.caption(f"Of {len(first):,} classes the {len(drawn)} with the lowest accuracy after are shown.")
    if said := words.noisy(report):
        st.caption(said)
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        st.plotly_chart(
            comparison_charts.per_class_change(
                before.title, tables, accuracy=words.accuracy_on(report), dark=session.is_dark()
            ),
            key="per_class",
            config=PLAIN,
            alt="Accuracy of each class under every model",
        )
    with right:
        st.table(
            frames.per_class_text(drawn),
            border="horizontal",
            hide_index=True,
            alt="Accuracy of each class under both models, with 95 % intervals",
        )
        st.caption(f"In brackets: 95 % intervals. Change in points; n = {words.images(report)} of the class.")


def mistakes(before: Model, after: Model, names: list[str]) -> None:
    """Both confusion matrices, and what changed from one to the other."""
    whole = [models.confusion(model) for model in (before, after)]
    drawn = comparison_charts.most_confused(*whole)
    counts, totals = [found[np.ix_(drawn, drawn)] for found in whole], whole[0].sum(axis=1)[drawn]
    if len(drawn) < len(names):
        st.caption(
            f"Of {len(names):,} classes the {len(drawn)} with the most mistakes are drawn; what is taken for another "
            "class than these is left out."
        )
    names = [names[label] for label in drawn.tolist()]
    dark = session.is_dark()
    left, right = st.columns(2, gap="large")
    for column, model, found, when in zip((left, right), (before, after), counts, ("Before", "After"), strict=True):
        with column:
            st.markdown(f"**{when}: {model.title}**")
            st.plotly_chart(
                comparison_charts.confusion(found, names, totals=totals, dark=dark),
                key=f"confusion_{when}",
                config=PLAIN,
                alt=f"Confusion matrix of {model.title}",
            )
    with left:
        st.markdown("**Difference: after minus before**")
        st.plotly_chart(
            comparison_charts.confusion_change(counts[0], counts[1], names, dark=dark),
            key="confusion_change",
            config=PLAIN,
            alt="Confusion matrix of the second model minus that of the first, in images",
        )
    with right.container(height=430, border=False, vertical_alignment="center"):
        st.markdown(
            "Read the difference like this: orange on the diagonal are images that are now right, orange beside it "
            "are new mistakes, blue beside it are mistakes that are gone."
        )


@st.fragment
def images(before: Model, after: Model, names: list[str], kind_of: str) -> None:
    """The images that one of the two gets right and the other does not."""
    with gate.guarded():
        both, judged = models.compared(before, after), models.judged_part(before.run)
        kinds = {"Wrong → right": both.gained, "Right → wrong": both.lost}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            with st.container(width="content"):
                kind = sections.choose(
                    "Which images",
                    list(kinds),
                    key="changed_kind",
                    shown=lambda name: f"{name} ({len(kinds[name])})",
                    is_labelled=True,
                )
            wanted = st.multiselect("True class", names, key="changed_class", placeholder="All", width=340)
        chosen = kinds[kind]
        if wanted:
            chosen = chosen[np.isin(judged.labels[chosen], [names.index(name) for name in wanted])]
        if not len(chosen):
            st.info(f"None of the {kind_of} changed in this way.", icon=":material/check:")
            return
        pages = -(-len(chosen) // ON_A_PAGE)
        page = st.pagination(pages, key="changed_page") if pages > 1 else 1
        st.caption(f"{len(chosen):,} images, those first of which the model after is surest.")
        changed.draw(
            [
                Change(
                    image=judged.images[at],
                    true=names[judged.labels[at]],
                    before=_belief(both.before[at], names),
                    after=_belief(both.after[at], names),
                )
                for at in chosen[ON_A_PAGE * (page - 1) : ON_A_PAGE * page]
            ]
        )


def _belief(probabilities: Any, names: list[str]) -> tuple[str, float]:
    label = int(probabilities.argmax())
    return names[label], float(probabilities[label])


def calibration(shown: Sequence[Model], kind_of: str) -> None:
    """The reliability diagram."""
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        st.plotly_chart(
            comparison_charts.reliability(
                [models.calibration(model) for model in shown],
                [model.title for model in shown],
                dark=session.is_dark(),
            ),
            key="reliability",
            config=PLAIN,
            alt="Share of right predictions by how sure the models are",
        )
    with right.container(height=430, border=False, vertical_alignment="center"):
        st.markdown(
            "A model on the dotted line is right as often as it is sure. Below it, it is too sure of itself; larger "
            f"marks stand for more {kind_of}."
        )


run = gate.the_run()
gate.needs(run, "evaluate")
report = runs.report(run)
names = report["data"]["class_names"]
before, after, further = choose(models.of_data(run), report["repair"]["method"])
if before == after:
    st.info("Both are the same model: choose another one on one side.", icon=":material/compare_arrows:")
    st.stop()
headline(
    models.figures(before), models.figures(after), models.compared(before, after).differences, words.groups(report)
)
if further:
    overview(before, (after, *further))
section = sections.choose("Show", SECTIONS, key="compare_section")
if section == "Classes":
    classes(report, before, (after, *further))
elif section == "Mistakes":
    mistakes(before, after, names)
elif section == "Changed images":
    images(before, after, names, words.images(report))
else:
    calibration((before, after, *further), words.images(report))
st.caption(f"{words.judged(report)} Differences are paired, on the same images.")
