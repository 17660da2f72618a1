"""The end of the flow on a run folder: how good every model is, on test images or, without any, by cross-fitting.

Only here is the truth read, for the report.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from bir_core import comparison, cross_fitting, evaluation, flow, report, run_folder, storage
from bir_core.cross_fitting import CrossFit
from bir_core.records import Floats, Integers, LabelledImages, Splits
from bir_core.report import Findings, JudgedOn
from bir_core.stage_result import StageResult
from bir_core.stages import Work, Write, aligned_suspects, models_beside

CROSS_FITTED = ("enhanced", "bir", "fine_tune")
"""Treatments that every cross-fitted report has beside the base model. Retraining is not among them: it would train the
base recipe anew in each fold."""


def cross_fitted(method: str) -> tuple[str, ...]:
    """The treatments of a cross-fitted report that puts ``method`` first."""
    return CROSS_FITTED if method in CROSS_FITTED else (*CROSS_FITTED, method)


def _evaluate(work: Work) -> Write:
    config = work.run.config
    data = storage.load_splits(work.folder("data"))
    noisy, method = work.noisy_classes(), config.evaluate.method
    judged_on, judged = _judge(work, data)
    train = {name: _believe(work, name, data.train) for name in ("base", method)}
    labels = getattr(data, judged_on.part).labels
    findings = Findings(
        run=work.run.name,
        config=config,
        data=data,
        truth=storage.load_truth(work.folder("data")),
        noisy=noisy,
        base=storage.load_model(work.folder("base"), "base"),
        choice=storage.load_layer_choice(work.folder("select")),
        enhanced=storage.load_model(work.folder("enhance"), "enhanced"),
        scores=storage.load_scores(work.folder("score")),
        suspects=work.suspects(),
        treated=work.treated(),
        aligned=aligned_suspects(work),
        repaired=storage.load_model(work.folder(models_beside(method)[method]), method),
        judged_on=judged_on,
        models={name: comparison.model_figures(found, labels, noisy.labels) for name, found in judged.items()},
        differences=comparison.differences(judged, method, labels, noisy.labels),
        stages=_earlier_results(work),
    )

    def write(folder: Path) -> None:
        storage.save_report(folder, report.compose(findings))
        for part, models in ((judged_on.part, judged), ("train", train)):
            for name, probabilities in models.items():
                storage.save_probabilities(folder, part, name, probabilities)

    return write


def _judge(work: Work, data: Splits) -> tuple[JudgedOn, dict[str, Floats]]:
    """What every model believes of the test images; without any, of reserved images that it was made without."""
    method = work.run.config.evaluate.method
    if len(data.test) == 0:
        folder = work.folder(flow.CROSS_FIT)
        names = ("base", *cross_fitted(method))
        found = {name: storage.load_probabilities(folder, "reserved", name) for name in names}
        num_folds = len(storage.load_findings(folder)["folds"])
        return JudgedOn(part="reserved", num=len(data.reserved), num_folds=num_folds), found
    models = models_beside(method)
    found = {}
    for name in models:
        found[name] = _believe(work, name, data.test)
        work.progress(len(found), len(models))
    return JudgedOn(part="test", num=len(data.test), num_folds=None), found


def _believe(work: Work, name: str, samples: LabelledImages) -> Floats:
    stage = models_beside(work.run.config.evaluate.method)[name]
    return evaluation.believe(work.model(stage, name), samples.images, device=work.device)


def _earlier_results(work: Work) -> dict[str, StageResult]:
    results = {
        name: run_folder.read_stage(work.run, name) for name in flow.needs(flow.find("evaluate"), work.run.config)
    }
    return {name: result for name, result in results.items() if result is not None}


def bench(work: Work) -> cross_fitting.Bench:
    """What every fold of a run shares."""
    return cross_fitting.Bench(
        train=work.train(),
        validation=storage.load_part(work.folder("data"), "validation"),
        reserved=storage.load_part(work.folder("data"), "reserved"),
        base=work.model("base", "base"),
        margins=storage.load_margins(work.folder("base")),
        config=work.run.config,
    )


def dealt(shared: cross_fitting.Bench) -> Integers:
    """(R,) the fold of every reserved image; the same wherever a run is cross-fitted."""
    return cross_fitting.deal(shared.reserved.labels, seed=shared.seed(flow.CROSS_FIT))


def cross_fit(work: Work, treatments: Sequence[str], *, detector: str = "bir") -> CrossFit:
    """What the base model and those of the treatments believe of reserved images that they were made without."""
    shared = bench(work)
    return cross_fitting.fit(
        shared, dealt(shared), treatments, detector=detector, device=work.device, progress=work.progress
    )


def has_test(work: Work) -> bool:
    """Whether the run's data have a test part."""
    return len(storage.load_labels(work.folder("data"), "test")) > 0


def _cross_fit(work: Work) -> Write:
    found = None if has_test(work) else cross_fit(work, cross_fitted(work.run.config.evaluate.method))

    def write(folder: Path) -> None:
        storage.save_findings(folder, {"folds": [] if found is None else found.rows})
        for name, beliefs in ({} if found is None else found.beliefs).items():
            storage.save_probabilities(folder, "reserved", name, beliefs)

    return write


FUNCTIONS: dict[str, Callable[[Work], Write]] = {flow.CROSS_FIT: _cross_fit, "evaluate": _evaluate}
