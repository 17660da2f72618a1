"""A run's report as one HTML page to mail: figures, examples, settings, provenance. It asks nobody for anything.

No script, no request: pictures are in the page, figures are SVG. Light and dark as the reader's system has it.
"""

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bir_core import report_words
from bir_core.exports import drawing, names, sections
from bir_core.exports.cleaned import png
from bir_core.exports.drawing import Reading
from bir_core.exports.sections import Reviewed
from bir_core.records import Doubles, Flags, Floats

HARM = {
    "none": "nothing was corrupted on purpose",
    "label": "wrong labels",
    "input": "noise on the pixels",
    "adv": "adversarial attacks",
    "human": "wrong labels that people gave",
    "given": "another true label than the given one",
}
GLOSSARY = {
    "base model": "trained on the data as it came",
    "reserved set": "small, known to be clean; never counts as test, unless cross-fitted for lack of test images",
    "cross-fitted": "each reserved image is judged by models that were made without it, fold by fold",
    "enhanced model": "the base model with some layers trained further on the reserved set",
    "score": "change of loss from base to enhanced model under the given label; higher = more suspect",
    "suspect": "a training sample taken for detrimental",
    "aligned": "moved one step down the enhanced model's energy, with a soft label",
    "repaired": "the base model after treatment",
    "noisy classes": "classes with corrupted samples: known, named by the user or ranked by share of suspects; the "
    "others are the clean classes",
}
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


LARGEST, PIXELATED_BELOW = 80, 48
"""Pixels: larger pictures would make the page too heavy to mail; smaller ones are shown as the squares they are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A suspect: its image, the aligned one if there is any, and what the labels say."""

    sample: int
    image: Floats
    aligned: Floats | None
    given: str
    believed: str
    score: float
    verdict: str


def compose(
    report: Mapping[str, Any],
    scores: Doubles,
    corrupted: Flags | None,
    examples: Sequence[Example],
    *,
    reviewed: Reviewed,
    provenance: Mapping[str, Any],
) -> str:
    """The whole page.

    Args:
        report: as ``report.compose`` makes it.
        scores: (N,) of the training samples, higher = more suspect.
        corrupted: (N,) which are known to be corrupted, or None when nobody knows.
        examples: some suspects, most suspect first.
        reviewed: what people said.
        provenance: with what versions and when the run was made.
    """
    parts = (
        _head(report, provenance),
        _cards(report),
        _before_and_after(report),
        _identification(report, scores, corrupted),
        _examples(examples),
        sections.reviewed(reviewed),
        _classes(report),
        _settings(report, provenance),
        _glossary(),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{html.escape(report['run'])} - model repair report</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    return (
        f"<header><h1>Model repair report</h1><p class='soft'>Run {html.escape(report['run'])}, "
        f"made {html.escape(str(provenance['created']).replace('T', ' ')[:16])} UTC</p>"
        f"<p class='lead'>{html.escape(report['conclusion'])}</p></header>"
    )


def _cards(report: Mapping[str, Any]) -> str:
    method, models, found = report["repair"]["method"], report["models"], report["identification"]
    cards = []
    for group, title in report_words.groups(report).items():
        before, after = models["base"][group], models[method][group]
        if before is None:
            continue
        low, high = models[method]["intervals"][group]
        cards.append(
            f"<div class='card'>{title}<b>{before:.1f} &rarr; {after:.1f} %</b><small>n = "
            f"{models['base']['num'][group]:,}; after: 95 % interval {low:.1f} to {high:.1f}</small></div>"
        )
    right = (
        "" if found["precision"] is None else f"; {100 * found['precision']:.0f} % of them are known to be corrupted"
    )
    cards.append(
        f"<div class='card'>Suspects<b>{found['num_suspects']:,}</b><small>of {found['num_scored']:,} training samples"
        f"{right}</small></div>"
    )
    return f"<div class='cards'>{''.join(cards)}</div>"


def _before_and_after(report: Mapping[str, Any]) -> str:
    method, models = report["repair"]["method"], report["models"]
    colors = {"base": "before", method: "after"}
    readings = [
        Reading(
            label=sections.MODELS.get(name, name),
            value=model["all"],
            low=model["intervals"]["all"][0],
            high=model["intervals"]["all"][1],
            color=colors.get(name, "clean"),
        )
        for name, model in models.items()
    ]
    gain = next(row["all"] for row in report["differences"] if row["model"] == method and row["minus"] == "base")
    return (
        "<section><h2>Before and after, beside the honest alternatives</h2>"
        + drawing.intervals(
            f"Accuracy of every model on all {report_words.images(report)}, with 95 % intervals", readings
        )
        + f"<p class='soft'>{_judged(report)} Paired difference of {html.escape(sections.MODELS.get(method, method))} "
        f"to the base model: {gain['difference']:+z.2f} points ({gain['low']:+z.2f} to {gain['high']:+z.2f}).</p>"
        + sections.comparison(report)
        + "</section>"
    )


def _judged(report: Mapping[str, Any]) -> str:
    if report_words.is_cross_fitted(report):
        return f"{report_words.judged(report)} Lines are 95 % intervals."
    num = report["models"]["base"]["num"]["all"]
    return f"Accuracy on {num:,} test images that no stage has touched, with 95 % intervals."


def _identification(report: Mapping[str, Any], scores: Doubles, corrupted: Flags | None) -> str:
    found, data = report["identification"], report["data"]
    truth = f"{report_words.UNKNOWN}, so precision and recall cannot be said."
    if report_words.is_known(report):
        num_corrupted, num_train = data["num_corrupted"], data["num_train"]
        truth = f"{num_corrupted:,} of {num_train:,} samples are known to be corrupted: there is nothing to tell apart."
    if found["auc"] is not None:
        harm = HARM.get(data["corruption"], data["corruption"])
        truth = f"{data['num_corrupted']:,} samples are known to be corrupted ({harm}; orange). AUC {found['auc']:.3f}."
    if found["precision"] is not None:
        truth += (
            f" {100 * found['precision']:.1f} % of the suspects are among them; {100 * found['recall']:.1f} % of them "
            "are suspects."
        )
    figure = drawing.histogram("Histogram of the scores", scores, corrupted, found["threshold"])
    by_class = sections.suspects_by_class(report)
    return f"<section><h2>What was found</h2>{figure}<p class='soft'>{truth}</p>{by_class}</section>"


def _examples(examples: Sequence[Example]) -> str:
    if not examples:
        return ""
    return (
        f"<section><h2>The {len(examples)} most suspect samples</h2><div class='examples'>"
        f"{''.join(map(_example, examples))}</div><p class='soft'>Left: as it came; right: aligned.</p></section>"
    )


def _example(example: Example) -> str:
    pictures = [example.image] + ([] if example.aligned is None else [example.aligned])
    shown = "".join(
        f"<img{size} alt='{when}' src='data:image/png;base64,{base64.b64encode(png(image)).decode()}'>"
        for when, image in zip(("original", "aligned"), map(_reduced, pictures), strict=False)
        for size in (" class='small'" if max(image.shape[1:]) < PIXELATED_BELOW else "",)
    )
    verdict = f"<br>verdict: <b>{names.in_html(example.verdict, 40)}</b>" if example.verdict else ""
    given, believed = names.in_html(example.given, 30), names.in_html(example.believed, 30)
    return (
        f"<figure><div class='pair'>{shown}</div><figcaption>given <b>{given}</b> &rarr; believed <b>{believed}</b><br>"
        f"score {example.score:.3f}<br>sample {example.sample}{verdict}</figcaption></figure>"
    )


def _reduced(image: Floats) -> Floats:
    """(C, H, W) at most ``LARGEST`` pixels high and wide, each pixel the mean of those that it stands for."""
    factor = -(-max(image.shape[1:]) // LARGEST)
    if factor <= 1:
        return image
    channels, rows, columns = image.shape[0], image.shape[1] // factor, image.shape[2] // factor
    cut = image[:, : rows * factor, : columns * factor]
    smaller: Floats = cut.reshape(channels, rows, factor, columns, factor).mean(axis=(2, 4))
    return smaller


def _classes(report: Mapping[str, Any]) -> str:
    method, data = report["repair"]["method"], report["data"]
    pairs = zip(report["models"]["base"]["per_class"], report["models"][method]["per_class"], strict=True)
    rows = [
        (
            names.shown(data["class_names"][before["label"]], 16)
            + (" *" if before["label"] in data["noisy_classes"] else ""),
            before["accuracy"],
            after["accuracy"],
        )
        for before, after in _worst(pairs)
    ]
    note = " * = noisy class." if data["noisy_classes"] else ""
    left_out = sum(row["num"] > 0 for row in report["models"]["base"]["per_class"]) - len(rows)
    if left_out:
        note += f" The {len(rows)} classes with the lowest accuracy after are drawn; {left_out:,} more are left out."
    return (
        "<section><h2>Class by class</h2>"
        + drawing.dumbbells("Accuracy of each class before and after", rows)
        + f"<p class='soft'>Open: before; filled: after.{note}</p></section>"
    )


def _worst(pairs: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The classes that have images, in label order; of very many those with the lowest accuracy after."""
    there = [pair for pair in pairs if pair[0]["num"]]
    lowest = sorted(there, key=lambda pair: float(pair[1]["accuracy"]))[: sections.MOST_CLASSES]
    return sorted(lowest, key=lambda pair: int(pair[0]["label"]))


def _settings(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> str:
    review = ", ".join(f"{count} {name}" for name, count in report["review"].items() if count) or "none"
    facts = {
        "data": f"{report_words.source(report)}: {report['data']['num_train']:,} training, "
        f"{report['data']['num_reserved']} reserved, {report['data']['num_test']:,} test images",
        "network": f"{report['base']['network']}, {report['base']['num_parameters']:,} parameters, "
        f"from {report['base'].get('start', 'scratch')}",
        "layers updated": str(report["selection"]["label"]),
        "verdicts heeded": review,
        "computed in": f"{sum(report['seconds'].values()):.0f} s",
        **{name: str(value) for name, value in provenance.items() if name not in ("versions", "created")},
        "versions": ", ".join(f"{name} {version}" for name, version in provenance["versions"].items()),
    }
    listed = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items())
    heeded = {name: f"{count:,} samples" for name, count in report["review"].items()}
    config = html.escape(json.dumps({**report["config"], "review": heeded}, indent=2, ensure_ascii=False))
    return (
        f"<section><h2>How it was made</h2><dl>{listed}</dl><details><summary>Every setting</summary>"
        f"<pre>{config}</pre></details></section>"
    )


def _glossary() -> str:
    listed = "".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in GLOSSARY.items())
    return f"<section><h2>Words</h2><dl>{listed}</dl></section>"
