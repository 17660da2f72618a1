"""Parts of the report page that are tables: every model beside the others, and what the reviewers found."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bir_core import methods, report_words
from bir_core.exports import names
from bir_core.review import Band

MODELS = {
    "base": "Base model (before)",
    "bir": "BIR",
    "bir_with_reserved": "BIR + reserved set",
    **{one.name: one.title for one in methods.TREATMENTS if one.name != "none"},
    "fine_tune": "Fine-tune on the rest",
    "retrain": "Retrain without suspects",
}
"""Every model that a report may have, as a table calls it."""

MOST_CLASSES = 30
"""Of more classes the page shows those that matter most, and says so."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What people said of the training samples.

    Attributes:
        counts: samples by the verdict on which all their reviewers agree.
        num_conflicts: samples with two different verdicts.
        num_reviewers: people whose verdicts hold.
        bands: precision of the flags by score, the highest band first.
        stop: the score below which looking on is hardly worth while, None = not known.
    """

    counts: Mapping[str, int]
    num_conflicts: int
    num_reviewers: int
    bands: Sequence[Band]
    stop: float | None


def comparison(report: Mapping[str, Any]) -> str:
    """Accuracy of every model with its interval, and its paired difference to the base model."""
    models = report["models"]
    titles = report_words.groups(report)
    groups = [group for group in titles if models["base"][group] is not None]
    gains = {row["model"]: row["all"] for row in report["differences"] if row["minus"] == "base"}
    head = ["Model", *(f"{titles[group]} (%)<br>n = {models['base']['num'][group]:,}" for group in groups)]
    rows = [
        [MODELS.get(name, name), *(_accuracy(model, group) for group in groups), _points(gains.get(name))]
        for name, model in models.items()
    ]
    return _table([*head, "Minus base,<br>all (points)"], rows, strong=report["repair"]["method"], keys=list(models))


def suspects_by_class(report: Mapping[str, Any]) -> str:
    """How many of each given class are suspects, the noisy classes first; only where nobody knows the truth."""
    if report_words.is_known(report):
        return ""
    data, rows = report["data"], [row for row in report["identification"]["per_class"] if row["num"]]
    noisy = set(data["noisy_classes"])
    shown = sorted(rows, key=lambda row: (row["label"] not in noisy, -row["share"], row["label"]))[:MOST_CLASSES]
    cells = [
        [
            names.in_html(data["class_names"][row["label"]], 30) + (" *" if row["label"] in noisy else ""),
            f"{row['num']:,}",
            f"{row['num_suspects']:,}",
            f"{100 * row['share']:.1f} <small>{100 * row['low']:.1f} to {100 * row['high']:.1f}</small>",
        ]
        for row in shown
    ]
    said = report_words.noisy(report, [data["class_names"][label] for label in data["noisy_classes"]])
    left_out = f" {len(rows) - len(shown):,} more classes are left out." if len(rows) > len(shown) else ""
    return (
        f"<h3>Suspects by given class</h3>{_table(['Class', 'Samples', 'Suspects', 'Share, %'], cells)}"
        f"<p class='soft'>{html.escape(said)} Beside the share: 95 % interval.{left_out}</p>"
    )


def reviewed(found: Reviewed) -> str:
    """How many verdicts there are, and how often a flag was right by score; says so when nobody has reviewed."""
    total = sum(found.counts.values())
    if not total and not found.num_conflicts:
        return (
            "<section><h2>What the reviewers found</h2><p class='soft'>Nobody has reviewed a sample yet.</p></section>"
        )
    listed = ", ".join(f"{count:,} {verdict}" for verdict, count in found.counts.items() if count)
    people = "One reviewer has" if found.num_reviewers == 1 else f"{found.num_reviewers} reviewers have"
    said = f"{people} decided about {total:,} samples: {listed}." if total else f"{people} looked at some samples."
    if found.num_conflicts:
        said += f" {found.num_conflicts:,} more have two different verdicts."
    if found.stop is not None:
        said += f" Below a score of {found.stop:.3g} fewer than half of the flags are right."
    rows = [_band(band) for band in found.bands if band.reviewed]
    table = _table(["Score (nats)", "Samples", "Reviewed", "Detrimental", "Precision, %"], rows) if rows else ""
    note = (
        "<p class='soft'>Detrimental: its reviewers remove or relabel it. Beside the precision: 95 % intervals, which "
        "hold as far as the reviewed samples were chosen blindly.</p>"
    )
    return f"<section><h2>What the reviewers found</h2><p>{said}</p>{table}{note if rows else ''}</section>"


def _band(band: Band) -> list[str]:
    low, high = (f"{100 * bound:.0f}" for bound in band.interval)
    above = f"above {band.low:.3g}"
    return [
        above if band.high == float("inf") else f"{band.low:.3g} to {band.high:.3g}",
        f"{band.num:,}",
        f"{band.reviewed:,}",
        f"{band.confirmed:,}",
        f"{100 * band.confirmed / band.reviewed:.0f} <small>{low} to {high}</small>",
    ]


def _accuracy(model: Mapping[str, Any], group: str) -> str:
    low, high = model["intervals"][group]
    return f"{model[group]:.1f} <small>{low:.1f} to {high:.1f}</small>"


def _points(gain: Mapping[str, float] | None) -> str:
    return (
        "" if gain is None else f"{gain['difference']:+z.1f} <small>{gain['low']:+z.1f} to {gain['high']:+z.1f}</small>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, strong: str = "", keys: Sequence[str] = ()) -> str:
    """Cells are this module's own words and numbers; the row whose key is ``strong`` stands out."""
    top = "".join(f"<th scope='col'>{cell}</th>" for cell in head)
    body = []
    for place, row in enumerate(rows):
        mark = " class='strong'" if keys and keys[place] == strong else ""
        cells = "".join(f"<td>{cell}</td>" for cell in row[1:])
        body.append(f"<tr{mark}><th scope='row'>{row[0]}</th>{cells}</tr>")
    return f"<div class='wide'><table><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
