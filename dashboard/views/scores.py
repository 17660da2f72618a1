"""How suspect every training sample is, by the run's own score or by another detector, and where to draw the line."""

import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import (
    clouds,
    detectors,
    frames,
    gate,
    openings,
    progress,
    runs,
    session,
    standings,
    two_detectors,
    words,
)
from dashboard.components import class_counts, class_histograms, histogram, pairs, reviewers, sections
from dashboard.components import threshold as thresholds
from dashboard.components.histogram import Wording
from dashboard.detectors import Detector
from dashboard.frames import ScoreIndex
from dashboard.runs import Run

RECOMMENDED = "log 1.05"
TWO = "Two detectors"
SECTIONS = ("Classes", "Class histograms", "Given and believed", "Losses", "Map", TWO)
OTHER_SECTIONS = ("Classes", TWO)
PRECISION = "Share of the {noun} that are truly corrupted."
RECALL = "Share of the corrupted samples that are {noun}."
AUC = "How often a corrupted sample scores higher than a clean one; the same for every threshold."
MEASURED = (
    "Share of the judged samples above the threshold that reviewers remove or relabel; "
    f"{reviewers.WITHOUT_CONFLICTS}. Its interval holds as far as these were chosen blindly."
)
PLAIN: dict[str, Any] = {"border": True, "delta_color": "off", "delta_arrow": "off"}


@st.fragment
def board(run: Run) -> None:
    """Histogram, threshold and counts; moving the threshold redraws only this."""
    with gate.guarded():
        gate.show_refusal()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            one = choose_detector(run)
            threshold = own_line(run) if one == detectors.OWN else other_line(run, one)
        watch_detector(run)
        if one == detectors.OWN:
            own_board(run, threshold)
        else:
            other_board(run, one, threshold)


# ---------------------------------------------------------------- which detector


def choose_detector(run: Run) -> Detector:
    """Picker among the detectors whose scores are there, and an offer to compute another."""
    known = detectors.computed(run)
    chosen: str = session.bound(
        st.selectbox,
        "Detector",
        key=session.DETECTOR,
        options=list(known),
        format_func=lambda name: known[name].title,
        width=250,
    )
    absent = detectors.absent(run)
    if absent:
        with st.popover("More", icon=":material/add:", help="Compute the scores of another detector."):
            offer_detector(run, absent)
    return known[chosen]


def offer_detector(run: Run, absent: dict[str, Detector]) -> None:
    """What a detector that was not run would do and need, and a button that runs it."""
    name = st.selectbox(
        "Compute the scores of", list(absent), key="absent_detector", format_func=lambda one: absent[one].title
    )
    one = absent[name]
    st.markdown(one.line)
    st.caption(
        f"Cost: {one.needs}. {'It sees' if one.reserved else 'It does not see'} the reserved set. Source: {one.source}."
    )
    job = runs.latest_job(run.name)
    is_busy = job is not None and job.state in runs.ACTIVE
    reason = detectors.missing_packages(one) or ("A job of this run is at work; wait for it." if is_busy else None)
    st.button(
        "Compute it",
        key="compute_detector",
        on_click=gate.compute,
        args=(run.name, (detectors.stage_of(one),)),
        icon=":material/play_arrow:",
        disabled=reason is not None,
    )
    st.caption(reason or "Finished stages are kept, and so are the suspects of this run.")


def watch_detector(run: Run) -> None:
    """The job that computes a detector, while it works or when it failed."""
    job = runs.latest_job(run.name)
    wanted = [] if job is None else [one for one in detectors.absent(run).values() if _makes(job.stages, one)]
    if job is None or not wanted:
        return
    if job.state in runs.ACTIVE:
        gate.watch(job, until=detectors.stage_of(wanted[0]))
    elif job.state == "failed":
        gate.ended(job)


def _makes(stages: tuple[str, ...], one: Detector) -> bool:
    return detectors.stage_of(one) in stages


# ---------------------------------------------------------------- the run's own score


def own_line(run: Run) -> float:
    """The threshold above which samples are suspects of the run."""
    threshold = thresholds.number(runs.default_threshold(run), width=190, measured=standings.help_of(run))
    with st.container(width=150):
        thresholds.top_k(runs.scored(run).index, threshold)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.markdown("Landmarks", width="content")
        thresholds.landmark_buttons(threshold, runs.LANDMARKS, recommended=RECOMMENDED)
    return threshold


def own_board(run: Run, threshold: float) -> None:
    """The run's own score: where its suspects come from."""
    index = runs.scored(run).index
    sentence = thresholds.tie_sentence(threshold)
    if sentence:
        st.caption(sentence)
    histogram.draw(index, threshold, runs.LANDMARKS, run=run.name, on_moved=thresholds.move)
    figures(run, index, threshold)
    section = sections.choose("Show", SECTIONS, key="scores_section")
    if section == "Classes":
        class_counts.draw(frames.class_counts(index, threshold))
    elif section == "Class histograms":
        class_histograms.draw(index, threshold, run=run.name)
    elif section == "Given and believed":
        pairs.draw(index, threshold, run=run.name)
    elif section == "Losses":
        losses(run, index, threshold)
    elif section == "Map":
        feature_map(run, index, threshold)
    else:
        two_detectors.draw(run, detectors.OWN)


# ---------------------------------------------------------------- another detector's scores


def other_line(run: Run, one: Detector) -> float:
    """Where the line stands in another detector's scores; at first where its own rule puts it."""
    index, key = detectors.index(run, one), session.threshold_of(one.name)
    marks = landmarks(run, one)
    step = 10.0 ** math.floor(math.log10(index.near_zero))
    threshold = thresholds.number_of(one.name, next(iter(marks.values())), step=step, width=190)
    with st.container(width=150):
        thresholds.top_k(index, threshold, key=key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        thresholds.landmark_buttons(threshold, marks, key=key)
    return threshold


def landmarks(run: Run, one: Detector) -> dict[str, float]:
    """The detector's own threshold, where it has one, and the one that takes as many samples as the run does."""
    own = detectors.own_threshold(run, one)
    as_many = detectors.index(run, one).cut_for(detectors.num_suspects(run)).threshold
    return ({} if own is None else {"its own": own}) | {"as many as BIR": as_many}


def other_board(run: Run, one: Detector, threshold: float) -> None:
    """Another detector's scores of the same samples, for comparison."""
    index, key = detectors.index(run, one), session.threshold_of(one.name)
    st.markdown(
        f"**{one.title}** ({one.source}): {one.line} For comparison only: the suspects of this run come from BIR's "
        "score, and nothing here changes them."
    )
    if not detectors.is_current(run, one):
        st.warning(gate.OLD, icon=":material/update:")
        st.button(
            "Compute it again",
            on_click=gate.compute,
            args=(run.name, (detectors.stage_of(one),)),
            icon=":material/refresh:",
        )
    sentence = thresholds.tie_sentence(threshold)
    if sentence:
        st.caption(sentence)
    histogram.draw(
        index,
        threshold,
        landmarks(run, one),
        run=run.name,
        on_moved=lambda value: thresholds.move(value, key),
        wording=Wording(
            axis=f"{one.title}: higher = more suspect (linear near 0, logarithmic beyond)",
            unit="",
            noun="samples above",
            opens=False,
        ),
    )
    figures(run, index, threshold, noun="samples above", title="Above the line")
    st.caption(in_words(run, one))
    section = sections.choose("Show", OTHER_SECTIONS, key="detector_section")
    if section == "Classes":
        class_counts.draw(frames.class_counts(index, threshold), noun="Above")
    else:
        two_detectors.draw(run, one)


def in_words(run: Run, one: Detector) -> str:
    """What else there is to know of a detector: figures that no threshold changes, what it cost, what it notes."""
    found, own = detectors.figures(run, one), detectors.own_threshold(run, one)
    parts = []
    if found.average_precision is not None and found.recall is not None:
        parts.append(f"Average precision **{found.average_precision:.3f}**")
        parts.append(f"recall at K **{100 * found.recall:.1f} %** (K = {found.num_corrupted:,}, the corrupted samples)")
    if own is None:
        parts.append("it has no threshold of its own")
    else:
        num = detectors.index(run, one).count_above(own)
        parts.append(f"**{num:,}** samples above its own threshold {own:.4g}")
    if found.seconds is None or found.peak_memory_mb is None:
        parts.append("computed along with BIR's score")
    else:
        took = progress.seconds_in_words(found.seconds)
        parts.append(f"computed in {took} on {found.device}, peak memory {found.peak_memory_mb:,.0f} MB")
    parts += [f"{name.replace('_', ' ')}: {value}" for name, value in found.facts.items()]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def losses(run: Run, index: ScoreIndex, threshold: float) -> None:
    """Why each sample was flagged: its loss under both models."""
    drawn = clouds.shown(index, threshold)
    figure = clouds.losses(index, drawn, *runs.losses(run, drawn), threshold, dark=session.is_dark())
    openings.select(run, index, figure, "losses", "Loss after against loss before, with the threshold")


def feature_map(run: Run, index: ScoreIndex, threshold: float) -> None:
    """Where the samples lie by what the enhanced model sees in them."""
    if not runs.has(run, "embed"):
        gate.offer(run, "embed", "The features of this run's samples have not been laid out yet.")
        return
    found = runs.embedding(run)
    figure = clouds.feature_map(index, found.coordinates, threshold, found.layout, dark=session.is_dark())
    openings.select(run, index, figure, "map", "Training samples by their features, coloured by score")


def measured(run: Run, index: ScoreIndex, threshold: float, columns: Sequence[Any]) -> None:
    """The precision that reviewers measured above the threshold, which stands in for the true one."""
    found = standings.measured_above(run, threshold, index)
    said = words.share(found) if found["reviewed"] else "-"
    judged = f"{found['confirmed']:,} of {found['reviewed']:,} judged" if found["reviewed"] else "none judged yet"
    columns[1].metric("Measured precision", said, judged, help=MEASURED, **PLAIN)
    columns[2].caption(
        "Nobody knows which samples are wrong, so precision, recall and AUC cannot be said. What can be said is how "
        f"often people found a flag right. {words.measured(found)} *Progress and sampling* on the Suspects page draws "
        "samples to judge at random."
    )


def figures(
    run: Run,
    index: ScoreIndex,
    threshold: float,
    *,
    noun: str = "suspects",
    title: str = "Suspects",
) -> None:
    """Totals, and how right they are: by the truth, else by what reviewers found."""
    above = index.count_above(threshold)
    precision, recall = index.precision_recall(threshold)
    columns = st.columns([1, 1, 2]) if index.corrupted is None else st.columns(4)
    columns[0].metric(title, f"{above:,}", f"{100 * above / len(index):.1f} % of {len(index):,}", **PLAIN)
    if index.corrupted is None:
        measured(run, index, threshold, columns)
        return
    caught, known = index.caught(threshold), int(index.corrupted.sum())
    said = "-" if precision is None else f"{100 * precision:.1f} %"
    columns[1].metric("Precision", said, f"{caught:,} of {above:,} {noun}", help=PRECISION.format(noun=noun), **PLAIN)
    columns[2].metric(
        "Recall",
        f"{100 * (recall or 0):.1f} %",
        f"{caught:,} of {known:,} corrupted",
        help=RECALL.format(noun=noun),
        **PLAIN,
    )
    auc = "-" if index.auc is None else f"{index.auc:.4f}"
    columns[3].metric("AUC", auc, "0.5 is chance", help=AUC, **PLAIN)


run = gate.the_run()
st.markdown(
    "BIR's score of a training sample is how much its loss **grows** when the model learns a little from the clean "
    "reserved set. Higher = more suspect; samples above the threshold are suspects."
)
gate.needs(run, "data")
gate.needs(run, "score")
board(run)
reviewers.draw(*standings.measured_bands(run))
