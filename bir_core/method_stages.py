"""Detectors, treatments and named methods on a run folder, as stages that are computed only when asked for.

A method never sees the truth; what it found is held against it afterwards, here.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bir_core import (
    comparison,
    detection,
    evaluation,
    identification,
    judging,
    methods,
    repair,
    review,
    seeding,
    storage,
    treatment,
)
from bir_core.detectors.evidence import Evidence
from bir_core.numerics import ranking
from bir_core.records import Floats, Suspects
from bir_core.stages import Work, Write
from bir_core.treatments.case import Case, Outcome


def evidence(work: Work) -> Evidence:
    """What the detectors of a run may look at."""
    return Evidence(
        train=work.train(),
        validation=storage.load_part(work.folder("data"), "validation"),
        reserved=storage.load_part(work.folder("data"), "reserved"),
        base=work.model("base", "base"),
        margins=storage.load_margins(work.folder("base")),
        config=work.run.config,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )


def case(work: Work, suspects: Suspects) -> Case:
    """What the treatments of a run are given, for any suspects."""
    train, config = work.train(), work.run.config
    treated = review.treat(suspects, config.review)
    aligned = storage.load_aligned(work.folder("align"))
    return Case(
        train=train,
        validation=storage.load_part(work.folder("data"), "validation"),
        reserved=storage.load_part(work.folder("data"), "reserved"),
        base=work.model("base", "base"),
        enhanced=work.model("enhance", "enhanced"),
        layers=storage.load_layer_choice(work.folder("select")).layers,
        treated=treated,
        kept=repair.draw_remaining(train, treated, seed=seeding.derive(config.seed, "repair")),
        aligned=repair.select_aligned(aligned, treated.soft[np.isin(treated.soft, aligned.indices)]),
        config=config,
        seed=work.seed,
        device=work.device,
        progress=work.progress,
    )


def _detect(name: str) -> Callable[[Work], Write]:
    def stage(work: Work) -> Write:
        found = detection.detect(name, evidence(work))
        truth = storage.load_truth(work.folder("data"))
        cut = methods.detector(name).threshold_for(len(storage.load_class_names(work.folder("data"))))
        figures = ranking.detection_figures(found.scores, truth.corrupted, cut)
        values = {"detector": name, "facts": dict(found.facts), "figures": figures}

        def write(folder: Path) -> None:
            storage.save_detector_scores(folder, found.scores)
            storage.save_findings(folder, values)

        return write

    return stage


def _treat(name: str) -> Callable[[Work], Write]:
    def stage(work: Work) -> Write:
        outcome = treatment.treat(name, case(work, work.suspects()))
        return _write_outcome(work, name, outcome, lambda: judging.cross_fit(work, (name,)).beliefs[name])

    return stage


def _method(one: methods.Method) -> Callable[[Work], Write]:
    """As many suspects of the method's own detector as the run has, treated by its own treatment."""

    def stage(work: Work) -> Write:
        scores = storage.load_detector_scores(work.folder(f"detect-{one.detector}"))
        suspects = identification.identify(scores, threshold=0.0, top_k=len(work.suspects()))
        outcome = treatment.treat(one.treatment, case(work, suspects))
        return _write_outcome(
            work,
            one.name,
            outcome,
            lambda: judging.cross_fit(work, (one.treatment,), detector=one.detector).beliefs[one.treatment],
        )

    return stage


def _write_outcome(work: Work, name: str, outcome: Outcome, cross_fit: Callable[[], Floats]) -> Write:
    """Its figures are those on the test images; without any, of reserved images, from (R, L) cross-fitted beliefs."""
    part = "test" if judging.has_test(work) else "reserved"
    images = storage.load_part(work.folder("data"), part)
    noisy = work.noisy_classes().labels
    before = evaluation.believe(work.model("base", "base"), images.images, device=work.device)
    if part == "test":
        after = evaluation.believe(outcome.model.state, images.images, device=work.device)
    else:
        after = cross_fit()
    gain = comparison.Comparison(before=before, after=after, labels=images.labels, noisy_classes=noisy)
    values = {
        "name": name,
        "facts": dict(outcome.facts),
        "num_epochs": len(outcome.model.epochs),
        "figures": comparison.model_figures(after, images.labels, noisy),
        "gain": gain.differences,
    }

    def write(folder: Path) -> None:
        storage.save_model(folder, name, outcome.model)
        storage.save_probabilities(folder, part, name, after)
        storage.save_findings(folder, values)

    return write


FUNCTIONS: dict[str, Callable[[Work], Write]] = {
    **{f"detect-{one.name}": _detect(one.name) for one in methods.DETECTORS if not one.free},
    **{f"treat-{one.name}": _treat(one.name) for one in methods.TREATMENTS if one.stage is None},
    **{f"method-{one.name}": _method(one) for one in methods.METHODS if not one.whole_run},
}
