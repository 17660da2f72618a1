"""The story of a run for people who do not work with it: before, the culprits, after. One screen, large type."""

import urllib.parse
from collections.abc import Mapping
from typing import Any

from dashboard import frames, gate, palette, runs, session, standings, words
from dashboard.components import presentation
from dashboard.components.presentation import Culprit, Scene
from dashboard.runs import Run

SHOWN = 8


def before(report: Mapping[str, Any]) -> Scene:
    """What bad data did to the model."""
    base, data = report["models"]["base"], report["data"]
    parts = frames.parts_of(report)
    lines = [f"Trained on {data['num_train']:,} images. {words.harm(report, marked=False)}"]
    if "noisy" in parts:
        lines.append(_by_kind(report, base))
    return Scene(
        title="Before",
        figure=f"{base['all']:.1f} %",
        meaning=f"right on {base['num']['all']:,} {_new(report)} images",
        lines=tuple(lines),
        color=palette.BEFORE,
    )


def _by_kind(report: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    noisy = "harmed ones" if words.is_known(report) else "noisy ones"
    return f"{model['clean']:.1f} % on the clean classes, {model['noisy']:.1f} % on the {noisy}."


def _new(report: Mapping[str, Any]) -> str:
    return "reserved" if words.is_cross_fitted(report) else "new"


def found(run: Run, report: Mapping[str, Any]) -> Scene:
    """What was found, and how right that is."""
    facts = report["identification"]
    lines = ["Labelled → what the enhanced model sees."] if facts["num_suspects"] else []
    if facts["precision"] is not None:
        lines.append(
            f"{100 * facts['precision']:.0f} % of these are truly corrupted; {100 * facts['recall']:.0f} % of all "
            "corrupted ones are among them."
        )
    if not words.is_known(report) and (measured := standings.measured_above(run, runs.default_threshold(run)))["num"]:
        lines.append(words.measured(measured))
    return Scene(
        title="The culprits",
        figure=f"{facts['num_suspects']:,}",
        meaning=f"suspects among {facts['num_scored']:,} training images",
        lines=tuple(lines),
        color=palette.CORRUPTED,
    )


def after(report: Mapping[str, Any]) -> Scene:
    """What the repair brought, beside the best alternative."""
    method, models = report["repair"]["method"], report["models"]
    repaired = models[method]
    gain = frames.find_difference(report, method, "base", "all")
    lines = []
    if gain:
        change = f"{gain['difference']:+z.1f} points"
        lines.append(f"{change} (95 % interval {gain['low']:+z.1f} to {gain['high']:+z.1f}).")
    if "noisy" in frames.parts_of(report):
        lines.append(_by_kind(report, repaired))
    rival = max((name for name in models if name not in (method, "base")), key=lambda name: models[name]["all"])
    lines.append(f"Best alternative: {frames.MODEL_TITLES.get(rival, rival)}, {models[rival]['all']:.1f} %.")
    if words.is_cross_fitted(report):
        lines.append("Cross-fitted: each image is judged by models that were made without it.")
    return Scene(
        title=f"After: {frames.MODEL_TITLES.get(method, method)}",
        figure=f"{repaired['all']:.1f} %",
        meaning=f"right on the same {repaired['num']['all']:,} images",
        lines=tuple(lines),
        color=palette.AFTER,
    )


def culprits(run: Run) -> list[Culprit]:
    """The most suspect samples above the run's threshold."""
    index, samples = runs.scored(run).index, runs.samples(run)
    chosen = index.ranked(runs.default_threshold(run))[:SHOWN]
    return [
        Culprit(
            image=samples.images[sample],
            given=index.class_names[index.labels[sample]],
            believed=index.class_names[index.predictions[sample]],
        )
        for sample in chosen
    ]


run = gate.the_run()
gate.needs(run, "evaluate")
gate.needs(run, "score")
report = runs.report(run)
presentation.draw(
    (before(report), found(run, report), after(report)),
    culprits(run),
    name=run.name,
    conclusion=report["conclusion"],
    way_out=f"./?{urllib.parse.urlencode({session.RUN: run.name})}",
)
