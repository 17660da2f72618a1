"""What a run has of every method, as the tables and sentences of a page. No Streamlit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import pandas as pd

from dashboard import frames, words

STATES = {
    "there": "computed",
    "old": "out of date",
    "absent": "not run yet",
    "failed": "failed",
    "damaged": "damaged",
    "impossible": "cannot run",
}
RIVALS = {"none": "leaving the model as it is", "enhanced": "the enhanced model itself", "retrain": "retraining"}
"""What the best treatment is held against, by name and as a sentence calls it."""

Gain = Mapping[str, float] | None


class EntryLike(Protocol):
    """What is shown of a method, see ``method_results.Entry``."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def line(self) -> str: ...
    @property
    def needs(self) -> str: ...
    @property
    def stage(self) -> str | None: ...
    @property
    def reserved(self) -> bool: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def figures(self) -> Mapping[str, Any] | None: ...
    @property
    def gain(self) -> Mapping[str, Any] | None: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def peak_memory_mb(self) -> float | None: ...


E = TypeVar("E", bound=EntryLike)

Printed = Callable[[str], Mapping[str, float | None]]
"""What the paper has for a method, by the heading of the column; None where it has nothing."""


def detectors(entries: Sequence[EntryLike], *, truth: bool, paper_auc: float | None) -> pd.DataFrame:
    """One row per detector; without the truth no figure that needs it."""
    rows = []
    for one in entries:
        found = one.figures or {}
        row: dict[str, Any] = {"Detector": one.title, "State": _state(one)}
        if truth:
            row |= {
                "AUC": found.get("auc"),
                "Average precision": found.get("average_precision"),
                "Recall at K": found.get("recall_at_k"),
            }
            if paper_auc is not None:
                row["Paper: AUC"] = paper_auc if one.name == "bir" else None
        row["Above threshold"] = found.get("num_above_threshold")
        row |= _cost(one) | {"Sees reserved set": one.reserved, "Looks at and trains": one.needs}
        rows.append(row | {"Facts": _in_words(one.facts)})
    return _numbers(pd.DataFrame(rows), but=("Detector", "Sees reserved set", "Looks at and trains", "State", "Facts"))


def models(entries: Sequence[EntryLike], *, first: str, parts: Sequence[str], paper: Printed) -> pd.DataFrame:
    """One row per treatment or named method: accuracies with intervals, difference to the base model, cost.

    Args:
        entries: what there is.
        first: heading of their names.
        parts: which groups of test images there are.
        paper: what the paper has; a column that would be empty is left out.
    """
    rows = []
    for one in entries:
        figures = one.figures
        row: dict[str, Any] = {first: one.title, "State": _state(one)}
        for part in parts:
            row[f"{part.capitalize()} (%)"] = None if figures is None else figures[part]
            row[_interval_of(part)] = None if figures is None else frames.interval(figures["intervals"][part])
        gain = (one.gain or {}).get("all")
        row["Minus base"] = gain["difference"] if gain else None
        row["Minus base, 95 %"] = _signed(gain) if gain else None
        row |= dict(paper(one.name)) | _cost(one)
        rows.append(row | {"What it does": one.line, "Needs": one.needs, "Facts": _in_words(one.facts)})
    texts = (first, *map(_interval_of, parts), "Minus base, 95 %", "What it does", "Needs", "State", "Facts")
    table = _numbers(pd.DataFrame(rows), but=texts)
    return table.drop(columns=[name for name in paper(entries[0].name) if table[name].isna().all()])


def best_detector(entries: Sequence[EntryLike]) -> str:
    """Which detector finds the corrupted samples best here, as a sentence; empty when nobody knows the truth."""
    known = [one for one in entries if one.state == "there" and one.figures and one.figures["auc"] is not None]
    if not known:
        return ""
    best = max(known, key=_auc)
    said = f"**Best detector here:** {best.title}, AUC {_auc(best):.3f}, among the {len(known)} that have run."
    bir = next(one for one in known if one.name == "bir")
    return said if best.name == "bir" else f"{said} BIR has {_auc(bir):.3f}."


def best_treatment(entries: Sequence[E], difference: Callable[[E, E], Gain], *, images: str = "test images") -> str:
    """Which treatment leaves the best model here, and whether chance explains its lead, as sentences.

    Args:
        entries: every treatment.
        difference: paired difference of two of them on all images, first minus second.
        images: what accuracies are of.
    """
    known = {one.name: one for one in entries if one.state == "there" and one.figures}
    best = max(known.values(), key=_accuracy)
    said = (
        f"**Best treatment here:** {best.title}, {_accuracy(best):.1f} % of all {images}, among the {len(known)} "
        "that have run."
    )
    against = [
        _against(difference(best, known[name]), called)
        for name, called in RIVALS.items()
        if name in known and name != best.name
    ]
    return f"{said} {' '.join(against)}"


def impossible(entries: Sequence[EntryLike]) -> str:
    """Why some cannot run here, a line for each reason; empty where all can."""
    titles: dict[str, list[str]] = {}
    for one in entries:
        titles.setdefault(one.reason, []).append(one.title)
    lines = [
        reason if reason.startswith(names[0]) else f"Cannot run here: {words.listed(names)}. {reason}"
        for reason, names in titles.items()
        if reason
    ]
    return "  \n".join(lines)


def _against(gain: Gain, called: str) -> str:
    if gain is None:
        return ""
    amount = f"{gain['difference']:+z.1f} points ({_signed(gain)})"
    verdict = "better beyond chance" if gain["low"] > 0 else "no difference beyond chance"
    return f"Against {called}: {amount}, {verdict}."


def _signed(gain: Mapping[str, float]) -> str:
    return f"{gain['low']:+z.1f} to {gain['high']:+z.1f}"


def _auc(one: EntryLike) -> float:
    return float((one.figures or {})["auc"])


def _accuracy(one: EntryLike) -> float:
    return float((one.figures or {})["all"])


def _interval_of(part: str) -> str:
    return f"{part.capitalize()}, 95 %"


def _cost(one: EntryLike) -> dict[str, Any]:
    return {"Seconds": one.seconds, "MB": one.peak_memory_mb}


def _state(one: EntryLike) -> str:
    state = "in every run" if one.stage is None else STATES[one.state]
    return STATES["impossible"] if one.reason else state


def _in_words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in facts.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "–" if value is None else str(value)


def _numbers(table: pd.DataFrame, *, but: Sequence[str]) -> pd.DataFrame:
    """The table with every other column as numbers, so that it sorts by size and an empty cell stays empty."""
    return table.astype({name: float for name in table if name not in but})
