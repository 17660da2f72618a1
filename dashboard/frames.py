"""Records and reports turned into what a view shows: plain tables and a sorted index of scores. No Streamlit."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bir_core.exports import sections

MODEL_TITLES = sections.MODELS
NUM_BINS = 120
NO_BREAK = "\u00a0"
Positions = NDArray[np.integer[Any]]
Classes = NDArray[np.integer[Any]]
NEAR_ZERO = 0.02
"""Scores (nats) within this are drawn on a nearly linear scale, larger ones on a logarithmic one."""


def spread(score: Any, near_zero: float = NEAR_ZERO) -> Any:
    """Where a score stands on the histogram's axis: linear near zero, logarithmic far from it."""
    return np.arcsinh(np.asarray(score, dtype=np.float64) / near_zero)


def unspread(position: Any, near_zero: float = NEAR_ZERO) -> Any:
    """The score at a position of the histogram's axis."""
    return np.sinh(np.asarray(position, dtype=np.float64)) * near_zero


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """A threshold for a wanted K.

    Attributes:
        threshold: the score above which samples are suspects.
        num_suspects: how many are above it.
        tie: a sentence when K cannot be had because scores are equal, else empty.
    """

    threshold: float
    num_suspects: int
    tie: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreIndex:
    """Scores of N training samples in order, so that any threshold is answered in microseconds.

    Attributes:
        scores: (N,) nats, higher = more suspect.
        order: (N,) positions, most suspect first; equal scores stay in data-set order.
        labels: (N,) given class.
        predictions: (N,) class that the enhanced model believes.
        corrupted: (N,) which samples are known to be corrupted, or None when nobody knows.
        class_names: in label order.
        near_zero: scores within it stand nearly linearly on the histogram's axis.
    """

    scores: NDArray[np.float64]
    order: Positions
    labels: Classes
    predictions: Classes
    corrupted: NDArray[np.bool_] | None
    class_names: tuple[str, ...]
    near_zero: float = NEAR_ZERO

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def ranks(self) -> Positions:
        """(N,) place of each sample in ``order``, from 1."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(1, len(self) + 1, dtype=self.order.dtype)
        return places

    @cached_property
    def ascending(self) -> NDArray[np.float64]:
        """(N,) sorted scores."""
        return np.asarray(self.scores[self.order[::-1]])

    def score_of(self, samples: Positions) -> NDArray[np.float64]:
        """Scores of some samples, from what is sorted anyway: ``scores`` may lie on the disk."""
        return np.asarray(self.ascending[len(self) - self.ranks[samples].astype(np.int64)])

    @cached_property
    def corrupted_ascending(self) -> NDArray[np.float64]:
        """Sorted scores of the corrupted samples."""
        return np.empty(0) if self.corrupted is None else self.ascending[self.corrupted[self.order[::-1]]]

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """(NUM_BINS + 1,) bin edges on the histogram's axis."""
        low, high = spread(self.ascending[[0, -1]], self.near_zero)
        margin = max((high - low) * 0.01, 1e-3)
        return np.linspace(low - margin, high + margin, NUM_BINS + 1)

    @cached_property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Histogram by kind: "clean" and "corrupted" when that is known, else "all"."""
        values = unspread(self.edges, self.near_zero)
        every = _in_bins(self.ascending, values)
        if self.corrupted is None:
            return {"all": every}
        corrupted = _in_bins(self.corrupted_ascending, values)
        return {"clean": every - corrupted, "corrupted": corrupted}

    @cached_property
    def auc(self) -> float | None:
        """Share of (corrupted, clean) pairs in which the corrupted one scores higher; ties count half."""
        if self.corrupted is None or self.corrupted.all():
            return None
        clean = self.ascending[~self.corrupted[self.order[::-1]]]
        below = np.searchsorted(clean, self.corrupted_ascending, "left")
        upto = np.searchsorted(clean, self.corrupted_ascending, "right")
        return float((below + upto).mean() / 2 / len(clean))

    def count_above(self, threshold: float) -> int:
        """How many scores exceed the threshold."""
        return _above(self.ascending, threshold)

    def per_class_above(self, threshold: float) -> list[int]:
        """How many of each given class exceed it."""
        above = self.labels[self.order[: self.count_above(threshold)]]
        return [int(count) for count in np.bincount(above, minlength=len(self.class_names))]

    def per_class_bins(self, edges: NDArray[np.float64]) -> NDArray[np.int64]:
        """(L, bins) histogram of each given class, by edges on the histogram's axis."""
        num_classes, bins = len(self.class_names), np.arange(len(edges) - 1)
        place = np.repeat(bins, _in_bins(self.ascending, unspread(edges, self.near_zero)))
        inside = self.labels[self.order[::-1]][: len(place)]
        flat = np.bincount(inside.astype(np.int64) * len(bins) + place, minlength=num_classes * len(bins))
        return flat.reshape(num_classes, len(bins)).astype(np.int64)

    def caught(self, threshold: float) -> int:
        """How many corrupted samples exceed it."""
        return _above(self.corrupted_ascending, threshold)

    def precision_recall(self, threshold: float) -> tuple[float | None, float | None]:
        """Both in 0..1; None where nothing is selected or truth is unknown."""
        if self.corrupted is None:
            return None, None
        caught, chosen = self.caught(threshold), self.count_above(threshold)
        return (caught / chosen if chosen else None), caught / len(self.corrupted_ascending)

    def cut_for(self, wanted: int) -> Cut:
        """The threshold between the K-th and the next score."""
        num = len(self)
        wanted = min(max(wanted, 0), num)
        upper = math.inf if wanted == 0 else float(self.ascending[num - wanted])
        lower = -math.inf if wanted == num else float(self.ascending[num - wanted - 1])
        if upper == lower:
            count = self.count_above(upper)
            reached = num - int(np.searchsorted(self.ascending, upper, "left"))
            tie = (
                f"The scores ranked {wanted} and {wanted + 1} are equal ({upper:.4g}), so no threshold takes exactly "
                f"{wanted}: it is {count} or {reached}. Taken: {count}."
            )
            return Cut(threshold=upper, num_suspects=count, tie=tie)
        return Cut(threshold=_shortest_between(lower, upper), num_suspects=wanted, tie="")

    def ranked(
        self,
        threshold: float,
        *,
        below: float = math.inf,
        given: Sequence[int] = (),
        believed: Sequence[int] = (),
        among: NDArray[np.bool_] | None = None,
        sort: str = "score",
    ) -> Positions:
        """Positions of the suspects that pass the filters, in the order wanted; an empty filter lets all pass.

        Scores are above ``threshold`` and at most ``below``; of ``among`` (N,) the true ones pass.
        """
        chosen = self.order[self.count_above(below) : self.count_above(threshold)]
        if among is not None:
            chosen = chosen[among[chosen]]
        if given:
            chosen = chosen[np.isin(self.labels[chosen], given)]
        if believed:
            chosen = chosen[np.isin(self.predictions[chosen], believed)]
        if sort == "lowest":
            return chosen[::-1]
        if sort == "given":
            return chosen[np.argsort(self.labels[chosen], kind="stable")]
        if sort == "believed":
            return chosen[np.argsort(self.predictions[chosen], kind="stable")]
        return chosen


def _above(ascending: NDArray[np.float64], threshold: float) -> int:
    return len(ascending) - int(np.searchsorted(ascending, threshold, "right"))


def _in_bins(ascending: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many sorted scores lie between neighbouring edges, which hold them all."""
    return np.diff(np.searchsorted(ascending, edges)).astype(np.int64)


def _shortest_between(lower: float, upper: float) -> float:
    """A number t with lower <= t < upper, in as few decimals as will do, so that it reads well in a link."""
    if math.isinf(lower) and math.isinf(upper):
        return 0.0
    if math.isinf(upper):
        return math.ceil(lower * 1000) / 1000
    if math.isinf(lower):
        return math.floor(upper * 1000) / 1000 - 0.001
    middle = (lower + upper) / 2
    for digits in range(2, 17):
        rounded = round(middle, digits)
        if lower <= rounded < upper:
            return rounded
    return lower


def class_counts(index: ScoreIndex, threshold: float) -> pd.DataFrame:
    """One row per given class: samples, suspects, share, and corrupted ones when known."""
    sizes = np.bincount(index.labels, minlength=len(index.class_names)).tolist()
    above = index.per_class_above(threshold)
    table = pd.DataFrame(
        {
            "Given class": index.class_names,
            "Samples": sizes,
            "Suspects": above,
            "Share": [100 * count / size if size else 0.0 for count, size in zip(above, sizes, strict=True)],
        }
    )
    if index.corrupted is not None:
        table["Corrupted"] = np.bincount(index.labels[index.corrupted], minlength=len(sizes))
    return table


def percent(value: float | None, digits: int = 1) -> str:
    """An accuracy as text."""
    return "-" if value is None else f"{value:.{digits}f} %"


def interval(values: Sequence[float] | None) -> str:
    """A 95 % interval as text."""
    return "" if not values else f"{values[0]:.1f} to {values[1]:.1f}"


def bracketed(value: str, bounds: str) -> str:
    """A value with its interval in brackets, which a narrow table breaks before the bracket only."""
    return f"{value} ({bounds})".replace(" to ", f"{NO_BREAK}to{NO_BREAK}")


def points(difference: Mapping[str, float] | None) -> str:
    """A paired difference with its interval, in percentage points."""
    if not difference:
        return "-"
    return bracketed(f"{difference['difference']:+z.1f}", f"{difference['low']:+z.1f} to {difference['high']:+z.1f}")


def find_difference(report: Mapping[str, Any], model: str, minus: str, part: str) -> dict[str, float] | None:
    """The paired difference of two models on "all", "clean" or "noisy", if the report has it."""
    for row in report["differences"]:
        if row["model"] == model and row["minus"] == minus:
            found: dict[str, float] | None = row.get(part)
            return found
    return None


def parts_of(report: Mapping[str, Any]) -> list[str]:
    """Which groups of test images the report tells apart."""
    base = report["models"]["base"]
    return [part for part in ("all", "clean", "noisy") if base.get(part) is not None]


def ordered_models(report: Mapping[str, Any]) -> list[str]:
    """Names of the models, the base model first, then the one that the report puts first."""
    names = list(report["models"])
    first = ["base", report["repair"]["method"]]
    wanted = first + [name for name in MODEL_TITLES if name not in first]
    return [name for name in wanted if name in names]


def comparison(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row per model: accuracies with intervals, and the paired difference to the base model."""
    rows = []
    for name in ordered_models(report):
        model = report["models"][name]
        row = {"Model": MODEL_TITLES.get(name, name)}
        for part in parts_of(report):
            row[f"{part.capitalize()} (%)"] = bracketed(f"{model[part]:.1f}", interval(model["intervals"].get(part)))
        row["Minus base, all (points)"] = "" if name == "base" else points(find_difference(report, name, "base", "all"))
        rows.append(row)
    return pd.DataFrame(rows)


def per_class(data: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """One row per class with test images: accuracy of two models of a report, with intervals and n."""
    noisy = set(data["noisy_classes"])
    # Where nobody knows, a class that is not taken for noisy is not therefore clean.
    others = "clean" if data.get("noisy_classes_origin", "known") == "known" else "other"
    rows = [
        {
            "class": data["class_names"][old["label"]],
            "kind": "noisy" if old["label"] in noisy else others,
            "before": old["accuracy"],
            "before_interval": interval((old["low"], old["high"])),
            "after": new["accuracy"],
            "after_interval": interval((new["low"], new["high"])),
            "change": new["accuracy"] - old["accuracy"],
            "num": old["num"],
        }
        for old, new in zip(before["per_class"], after["per_class"], strict=True)
        if old["num"]
    ]
    return pd.DataFrame(rows)


def per_class_text(table: pd.DataFrame) -> pd.DataFrame:
    """``per_class`` in the words of a page: accuracies with their 95 % intervals."""
    return pd.DataFrame(
        {
            "Class": table["class"],
            "Kind": table["kind"],
            "Before (%)": [bracketed(f"{row.before:.1f}", str(row.before_interval)) for row in table.itertuples()],
            "After (%)": [bracketed(f"{row.after:.1f}", str(row.after_interval)) for row in table.itertuples()],
            "Change": [f"{change:+z.1f}" for change in table["change"]],
            "n": table["num"],
        }
    )


def candidates(report_selection: Mapping[str, Any]) -> pd.DataFrame:
    """The layer subsets tried: loss on the reserved set after one epoch, smallest first."""
    rows = [
        {
            "Layers": row["label"],
            "Names": ", ".join(row["layers"]),
            "Reserved loss (nats)": row["loss"],
            "Parameters": row["num_parameters"],
            "Chosen": "chosen" if row["label"] == report_selection["label"] else "",
        }
        for row in report_selection["candidates"]
    ]
    return pd.DataFrame(rows).sort_values("Reserved loss (nats)") if rows else pd.DataFrame()
