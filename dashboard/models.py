"""The models that can be held against each other: those of a run, and those of other runs on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bir_core import run_folder, storage
from bir_core.comparison import Comparison
from bir_core.errors import InputError
from bir_core.numerics import metrics
from bir_core.numerics.metrics import CalibrationBin
from bir_core.records import Floats, LabelledImages
from bir_core.run_folder import Run
from dashboard import frames, runs, words
from dashboard.frames import MODEL_TITLES

BETWEEN = "@"
"""Parts the name of a model from that of another run, which cannot hold this sign."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of one run."""

    run: Run
    name: str
    title: str


def of_data(run: Run) -> dict[str, Model]:
    """Models on the same test images by name: all of this run, the headline of every other run."""
    report = runs.report(run)
    found = {name: Model(run=run, name=name, title=MODEL_TITLES.get(name, name)) for name in report["models"]}
    for other in _siblings(run):
        name = other.config.evaluate.method
        title = f"{MODEL_TITLES.get(name, name)} of {other.name}"
        found[f"{name}{BETWEEN}{other.name}"] = Model(run=other, name=name, title=title)
    return found


def _siblings(run: Run) -> list[Run]:
    """Other runs on the same data that are evaluated; those that cannot be read are left out, and said elsewhere."""
    data = run_folder.read_stage(run, "data")
    found = []
    for name in runs.names():
        try:
            other = runs.open_run(name)
            its_data = run_folder.read_stage(other, "data")
            is_evaluated = run_folder.read_stage(other, "evaluate") is not None
        except InputError:
            continue
        if name != run.name and is_evaluated and data and its_data and data.digest == its_data.digest:
            found.append(other)
    return found


def figures(model: Model) -> dict[str, Any]:
    """Accuracies, intervals and confusion of a model, as its run's report has them."""
    found: dict[str, Any] = runs.report(model.run)["models"][model.name]
    return found


def beliefs(model: Model) -> Floats:
    """(N, L) probabilities of a model on the test images; without any, cross-fitted ones on the reserved images."""
    return storage.load_probabilities(model.run.path / "evaluate", _part(model.run), model.name)


def confusion(model: Model) -> NDArray[np.int64]:
    """(L, L) images by true class (rows) and the class that the model predicts."""
    found = beliefs(model)
    return metrics.confusion(judged_part(model.run).labels, found.argmax(axis=1), found.shape[1])


def compared(before: Model, after: Model) -> Comparison:
    """Two models on the same test images."""
    return Comparison(
        before=beliefs(before),
        after=beliefs(after),
        labels=judged_part(before.run).labels,
        noisy_classes=tuple(runs.report(before.run)["data"]["noisy_classes"]),
    )


def table(before: Model, others: Sequence[Model]) -> pd.DataFrame:
    """One row per model: accuracies with intervals, paired differences to ``before``, calibration error in points."""
    rows = []
    for model in (before, *others):
        found = figures(model)
        gains = compared(before, model).differences
        parts = [part for part in ("all", "clean", "noisy") if found[part] is not None]
        row = {"Model": model.title}
        for part in parts:
            bounds = frames.interval(found["intervals"][part])
            row[f"{part.capitalize()} (%)"] = frames.bracketed(f"{found[part]:.1f}", bounds)
        row |= {f"Change, {part}": "" if model == before else frames.points(gains[part]) for part in parts}
        rows.append(row | {"ECE": f"{100 * found['calibration_error']:.1f}"})
    return pd.DataFrame(rows)


def calibration(model: Model) -> list[CalibrationBin]:
    """How often a model is right when it is so sure."""
    return metrics.reliability(beliefs(model), judged_part(model.run).labels)


def judged_part(run: Run) -> LabelledImages:
    """The images that the accuracies of a run are of: its test images, else the reserved ones."""
    return storage.load_part(run.path / "data", _part(run))


def _part(run: Run) -> str:
    return words.part(runs.report(run))
