"""The repair at several thresholds: what the browser draws and says of each, and a table of all. No Streamlit."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard import frames, palette, words

LOOKS = {
    "all": (palette.AFTER, "diamond"),
    "clean": (palette.CLEAN, "circle"),
    "noisy": (palette.CORRUPTED, "square"),
}

MOST_TICKS = 6


def board(
    found: Mapping[str, Any], *, run: str, report: Mapping[str, Any], how_right: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    """Everything that the browser needs, so that moving from one threshold to the next asks nobody.

    Args:
        found: the result of the stage "sensitivity".
        run: whose it is, for the link to the repair.
        report: its report, which says what the accuracies are of.
        how_right: how right the flags of a row are, in a sentence; see ``how_right``.
    """
    base, rows = found["base"], found["rows"]
    parts = _parts(base)
    titles = words.groups(report)
    kind = "Cross-fitted" if words.is_cross_fitted(report) else "Test"
    ticks = _ticks([bound for part in parts for bound in _heights(found, part)])
    return {
        "run": run,
        "title": f"{kind} accuracy of the repaired model by threshold; the table below says the same in numbers",
        "axis": "Threshold (nats), and how many samples it flags",
        "heights": f"{words.accuracy(report)} (%)",
        "ticks": ticks,
        "parts": [
            {"title": titles[part], "color": LOOKS[part][0], "shape": LOOKS[part][1], "base": base[part]}
            for part in parts
        ],
        "stops": [_stop(row, base, parts, titles, how_right(row)) for row in rows],
        "own": next(place for place, row in enumerate(rows) if row["is_own"]),
    }


def how_right(row: Mapping[str, Any]) -> str:
    """Precision and recall of the flags in a sentence, where the truth is known."""
    if row["recall"] is None:
        return "Nothing was corrupted on purpose, so no flag is known to be right."
    if row["precision"] is None:
        return "No sample is flagged, so the repair changes nothing."
    return f"Precision {100 * row['precision']:.0f} %, recall {100 * row['recall']:.0f} %."


def table(found: Mapping[str, Any]) -> pd.DataFrame:
    """One row per threshold: what is flagged, how right that is, and the accuracies with intervals."""
    parts = _parts(found["base"])
    lines = []
    for row in found["rows"]:
        line = {
            "Threshold": f"{row['threshold']:.4g}" + (f"{frames.NO_BREAK}(this{frames.NO_BREAK}run)" * row["is_own"]),
            "Suspects": f"{row['num_suspects']:,}",
        }
        if row["recall"] is not None:
            line["Precision"] = "–" if row["precision"] is None else f"{100 * row['precision']:.0f}{frames.NO_BREAK}%"
            line["Recall"] = f"{100 * row['recall']:.0f}{frames.NO_BREAK}%"
        for part in parts:
            model = row["model"]
            bounds = frames.interval(model["intervals"][part])
            line[f"{part.capitalize()} (%)"] = frames.bracketed(f"{model[part]:.1f}", bounds)
        lines.append(line)
    return pd.DataFrame(lines)


def _parts(base: Mapping[str, Any]) -> list[str]:
    return [part for part in LOOKS if base[part] is not None]


def _heights(found: Mapping[str, Any], part: str) -> list[float]:
    """Every accuracy that is drawn of a part."""
    bounds = [bound for row in found["rows"] for bound in row["model"]["intervals"][part]]
    return [found["base"][part], *bounds]


def _ticks(values: Sequence[float]) -> list[float]:
    """Round percentages that enclose the values, few enough to read."""
    low, high = min(values), max(values)
    step = next((step for step in (1, 2, 5, 10) if (high - low) / step < MOST_TICKS - 1), 20)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * place for place in range(first, max(last, first + 1) + 1)]


def _stop(
    row: Mapping[str, Any], base: Mapping[str, Any], parts: Sequence[str], titles: Mapping[str, str], said: str
) -> dict[str, Any]:
    """One threshold; ``exact`` is for links, in as many digits as it takes to mean the same."""
    model = row["model"]
    return {
        "exact": repr(row["threshold"]),
        "name": f"{row['threshold']:.4g}",
        "tick": f"{row['threshold']:.3g}",
        "flagged": f"{row['num_suspects']:,}",
        "points": [{"value": model[part], "bounds": model["intervals"][part]} for part in parts],
        "cards": [_flags(row, said), *(_accuracy(row, base, part, titles[part]) for part in parts)],
    }


def _flags(row: Mapping[str, Any], said: str) -> dict[str, str]:
    return {
        "title": "Suspects",
        "value": f"{row['num_suspects']:,}",
        "note": f"{row['num_aligned']:,} of them aligned",
        "tone": "plain",
        "said": said,
    }


def _accuracy(row: Mapping[str, Any], base: Mapping[str, Any], part: str, title: str) -> dict[str, str]:
    gain, model = row["gain"][part], row["model"]
    change = round(gain["difference"], 1)
    return {
        "title": f"{title}, n = {model['num'][part]:,}",
        "value": f"{base[part]:.1f} → {model[part]:.1f} %",
        "note": f"{gain['difference']:+z.1f} points",
        "tone": "better" if change > 0 else "worse" if change < 0 else "plain",
        "said": f"95 % interval {frames.interval(model['intervals'][part])}; paired difference from the base model "
        f"{gain['low']:+z.1f} to {gain['high']:+z.1f}.",
    }
