"""One training sample: what it looks like, what the models believe, what it resembles, and the verdict on it."""

import math

import streamlit as st

from dashboard import decisions, dossier, gate, runs, sample_charts, session, standings
from dashboard.components import ranking as rankings
from dashboard.components import sample_facts, sample_picker, verdict_form
from dashboard.dossier import Dossier
from dashboard.frames import MODEL_TITLES
from dashboard.runs import Run

NEAREST = (
    (dossier.GIVEN, "Given class: {given}"),
    (dossier.BELIEVED, "Believed class: {believed}"),
    (dossier.ANY, "Any class"),
)


def page(run: Run) -> None:
    """The bar on top, and below it the sample."""
    index = runs.scored(run).index
    ranking = rankings.current(
        index, runs.default_threshold(run), lambda *filters: standings.of_page(run, *filters).mask
    )
    first = int(ranking.chosen[0]) if len(ranking.chosen) else int(index.order[0])
    sample_picker.settle(len(index), first)

    def back() -> None:
        place = None if sample is None else ranking.place(sample)
        st.switch_page("views/suspects.py", query_params={} if place is None else {"at": str(place + 1)})

    sample = st.session_state.get(session.SAMPLE)
    sample = sample_picker.draw(len(index), ranking, on_back=back)
    if sample is None:
        sample_picker.draw_unknown(run.name, len(index), first)
        return
    place = ranking.place(sample)
    among = f"{len(ranking.chosen):,} suspects {ranking.describe()}"
    st.caption(f"Not among the {among}." if place is None else f"Number {place + 1:,} of the {among}.")
    show(run, dossier.of(run, sample), ranking.threshold)


def show(run: Run, found: Dossier, threshold: float) -> None:
    """The sample in two columns, and what resembles it below."""
    names = runs.samples(run).class_names
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        shelf = runs.shelf(run)
        sample_facts.draw_pictures(shelf.originals[found.sample], shelf.aligned_image(found.sample))
        verdict(run, found)
        sample_facts.draw(facts(found, names, threshold, total=len(shelf.originals)))
    with right:
        st.header("What the models believe", anchor=False)
        beliefs(run, found)
    st.header("Nearest reserved images", anchor=False)
    nearest(run, found)
    st.header("History of its verdicts", anchor=False)
    verdict_form.draw_log(decisions.log(run, found.sample), names)


def facts(found: Dossier, names: tuple[str, ...], threshold: float, *, total: int) -> list[sample_facts.Fact]:
    """Its figures."""
    is_above = found.score > threshold
    rows: list[sample_facts.Fact] = [
        ("Given label", names[found.given], "", False),
        ("Base model believes", names[found.base_prediction], "", False),
        ("Enhanced model believes", names[found.prediction], "", False),
    ]
    if found.truth is not None:
        changed = found.truth != found.given
        note = "the given label is wrong" if changed else "the image was changed" if found.is_corrupted else "clean"
        rows.append(("True label", names[found.truth], note, bool(found.is_corrupted)))
    where = "above" if is_above else "not above"
    rows += [
        ("Score", f"{_nats(found.score)} nats", f"{where} the threshold {threshold:.4g}", is_above),
        ("Loss, before → after", f"{_nats(found.loss_before)} → {_nats(found.loss_after)}", "nats", False),
        ("Rank", f"{found.rank:,} of {total:,}", "1 = most suspect", False),
    ]
    if found.step is not None:
        step = found.step
        rows += [
            (
                "Energy, before → after",
                f"{step.energy_before:.3f} → {step.energy_after:.3f}",
                "lower = more typical",
                False,
            ),
            ("Relative step", f"{100 * step.relative_step:.2f} %", "length of the change / of the image", False),
            ("Step size eta", f"{step.eta:.4g}", "", False),
        ]
    return rows


def verdict(run: Run, found: Dossier) -> None:
    """What holds, and the buttons."""
    held, names = decisions.standing(run, found.sample), runs.samples(run).class_names
    verdict_form.draw_standing(held.opinions, names, conflict=held.conflict)
    verdict_form.draw_buttons(
        found.sample,
        names,
        found.prediction,
        conflict=held.conflict,
        longest=decisions.LONGEST_REVIEWER,
        on_decide=lambda word, **by: gate.decide(run, found.sample, word, **by),
        on_undo=lambda **by: gate.undo(run, **by),
    )


def beliefs(run: Run, found: Dossier) -> None:
    """The chart, and what is missing in it."""
    names = runs.samples(run).class_names
    figure = sample_charts.beliefs(found.beliefs, names, found.given, dark=session.is_dark())
    st.plotly_chart(
        figure, config={"displayModeBar": False}, alt=f"Share of each class in {len(found.beliefs)} beliefs"
    )
    said = ["Soft target: the enhanced model's belief on the aligned image, which the repair learns."]
    if found.repaired_by is not None:
        said.append(f"Repaired model: {MODEL_TITLES.get(found.repaired_by, found.repaired_by)}.")
    st.caption(" ".join(said))
    if "base" not in found.beliefs:
        st.caption(
            f"The base model takes it for {names[found.base_prediction]}; how sure it is, and what the repaired model "
            "believes, is stored with the evaluation; that of this run is missing, older or damaged."
        )


def nearest(run: Run, found: Dossier) -> None:
    """Reserved images of either class, to compare with."""
    if found.nearest is None:
        gate.offer(run, "embed", "Reserved images that resemble this one are not looked up for this run yet.")
        return
    names, reserved = runs.samples(run).class_names, runs.reserved(run)
    st.caption(
        "Clean images that look most alike to the enhanced model: cosine of the features in front of its last layer, "
        "1 = the same direction."
    )
    titles = {"given": names[found.given], "believed": names[found.prediction]}
    kinds = [row for row in NEAREST if row[0] != dossier.BELIEVED or found.prediction != found.given]
    for column, (kind, title) in zip(st.columns(len(NEAREST), gap="large"), kinds, strict=False):
        with column:
            st.subheader(title.format(**titles), anchor=False)
            sample_facts.draw_neighbours(
                [reserved.images[one.reserved] for one in found.nearest[kind]],
                [(names[one.label], f"cos {one.cosine:.3f}") for one in found.nearest[kind]],
            )


def _nats(value: float) -> str:
    return f"{value + 0.0:.4g}" if math.isfinite(value) else "∞"


run = gate.the_run()
gate.needs(run, "data")
gate.needs(run, "score")
gate.whole(run, "align", "embed")
with gate.guarded():
    page(run)
