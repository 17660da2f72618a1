"""Every detector, treatment and named method on this run, side by side, with the paper's numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import frames, gate, method_frames, method_results, runs, words
from dashboard.components import method_choice
from dashboard.method_results import Board, Entry, Suspects
from dashboard.runs import Run

TEXTS = ("What it does", "Needs", "Looks at and trains", "Facts")
PAPER_SUSPECTS: dict[str, Suspects] = {"Paper: true": "true_set", "Paper: 75 %": "mixed_75_25"}
HELP = {
    "AUC": "Chance that a corrupted sample scores higher than another one; 0.5 is guessing, 1 is best.",
    "Average precision": "Mean precision over the ranks of the corrupted samples; 1 is best.",
    "Recall at K": "Share of the K corrupted samples among the K highest scores.",
    "Above threshold": "Samples above the detector's own default threshold.",
    "Minus base": "Paired difference to the base model on all the images that accuracies are of, in points.",
    "Paper: true": "The paper's accuracy (%) on all test images with exactly the corrupted samples treated.",
    "Paper: 75 %": "The same when a quarter of the treated samples are clean ones.",
    "Seconds": "Time of the stages that it needs besides data and base model, extra models that it trains included.",
    "MB": "Largest memory of the process in these stages, the program itself included.",
    "Facts": "What it found out on its way, for whoever judges the result.",
}


def columns(table: pd.DataFrame) -> dict[str, Any]:
    """How the columns of a table are written."""
    found: dict[str, Any] = {}
    for name in table.columns[1:]:
        explained = HELP.get(name)
        if name in TEXTS:
            found[name] = st.column_config.TextColumn(width="large", help=explained)
        elif name == "State":
            found[name] = st.column_config.TextColumn(
                width=104, help="What is out of date or damaged can be run again."
            )
        elif name == "Sees reserved set":
            found[name] = st.column_config.CheckboxColumn()
        elif pd.api.types.is_float_dtype(table[name]):
            found[name] = st.column_config.NumberColumn(format=written(name), help=explained)
    found[table.columns[0]] = st.column_config.TextColumn(pinned=True)
    return found


def written(column: str) -> str:
    """The number format of a column."""
    if column == "Minus base":
        return "%+.1f"
    if column in ("Above threshold", "MB"):
        return "%.0f"
    return "%.1f" if "(%)" in column or column in ("Seconds", *PAPER_SUSPECTS) else "%.3f"


def show(table: pd.DataFrame, *, alt: str) -> None:
    """A table that sorts by a click on a heading."""
    st.dataframe(table, hide_index=True, height="content", column_config=columns(table), placeholder="–", alt=alt)


def impossible(entries: Sequence[Entry]) -> None:
    """Why some cannot run here."""
    if reasons := method_frames.impossible(entries):
        st.caption(reasons)


def detectors(report: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    """How well each detector finds the corrupted samples."""
    st.header("Detectors")
    truth = report["identification"]["auc"] is not None
    show(
        method_frames.detectors(entries, truth=truth, paper_auc=method_results.printed_auc(report)),
        alt="Every detector with its figures, its cost and what it needs",
    )
    impossible(entries)
    if not truth:
        st.caption(
            "Nobody knows which samples are wrong, so AUC, precision and recall cannot be said and are left out. What "
            "reviewers found of the flags stands on the Scores page, for every detector."
        )


def treatments(report: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    """What each treatment makes of this run's suspects."""
    st.header("Treatments of this run's suspects")
    table = method_frames.models(
        entries,
        first="Treatment",
        parts=frames.parts_of(report),
        paper=lambda name: {
            heading: None if (found := method_results.printed(report, name, suspects)) is None else found.all
            for heading, suspects in PAPER_SUSPECTS.items()
        },
    )
    show(table, alt="Every treatment with the accuracy of the model that it leaves, and its cost")
    st.caption(
        "All treat the same suspects. Those of every run share stages, whose whole time stands at each of them: one "
        "makes Fine-tune and Retrain, another BIR with and without the reserved set. The search for the suspects is "
        "not counted."
    )
    impossible(entries)


def named(report: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    """Each of the paper's methods with its own detector."""
    st.header("The paper's methods")
    table = method_frames.models(
        entries,
        first="Method",
        parts=frames.parts_of(report),
        paper=lambda name: {
            f"Paper: {part} (%)": None
            if (found := method_results.printed(report, name)) is None
            else getattr(found, part)
            for part in frames.parts_of(report)
        },
    )
    show(table, alt="Every named method of the paper with the accuracy of the model that it leaves, and its cost")
    st.caption(
        "Each finds suspects with its own detector, as many as this run has, and treats them its own way; the time "
        "counts both."
    )
    impossible(entries)


def best(run: Run, report: Mapping[str, Any], board: Board) -> None:
    """What is best here, in words."""
    sentences = [
        method_frames.best_detector(board.detectors),
        method_frames.best_treatment(
            board.treatments,
            lambda model, minus: method_results.difference(run, model, minus),
            images=words.images(report),
        ),
    ]
    for sentence in filter(None, sentences):
        st.markdown(sentence)
    st.caption(
        f"{words.judged(report)} Whoever picks the best of many by them flatters it a little: the more have run, the "
        "more so."
    )


def footnotes(report: Mapping[str, Any]) -> None:
    """What one must know to read the tables."""
    st.caption(
        "Sort a table by a click on a heading. Seconds count the extra models that a method trains, on this machine; "
        "brackets and columns named 95 % are intervals."
    )
    for note in method_results.paper_notes(report):
        st.caption(f"About the paper's numbers: {note}")


run = gate.the_run()
st.markdown(
    "Every way to find the samples that misled the model, and every way to repair it, on this run. What a run does not "
    "need is computed only when you ask for it."
)
gate.needs(run, "evaluate")
report = runs.report(run)
if not runs.is_current(run, "evaluate"):
    st.warning(f"{gate.OLD} Compute the run again.")
board = method_results.of_run(run, report)
best(run, report, board)
asked = {"Detectors": board.detectors, "Treatments": board.treatments, "The paper's methods": board.named}
is_busy = gate.asked_for(run, {one.stage for entries in asked.values() for one in entries if one.stage})
method_choice.draw(asked, gate.compute, run=run.name, key="methods", is_busy=is_busy)
detectors(report, board.detectors)
treatments(report, board.treatments)
named(report, board.named)
footnotes(report)
