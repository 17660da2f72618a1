"""The arrows that lead out of the flow, computed only when somebody asks for them by name: sensitivity, exports."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bir_core import (
    cross_fitting,
    export,
    judging,
    report_words,
    reserved_sizes,
    review,
    run_report,
    seeding,
    sensitivity,
    stages,
    storage,
    verdicts,
)
from bir_core.config import ReviewConfig
from bir_core.cross_fitting import Fold
from bir_core.exports import aligned, catalogue, cleaned, page, weights
from bir_core.exports.page import Example
from bir_core.exports.sections import Reviewed
from bir_core.records import Integers
from bir_core.sensitivity import Bench, Rung
from bir_core.stages import Work, Write

NUM_EXAMPLES = 24


def _sensitivity(work: Work) -> Write:
    config, data = work.run.config, storage.load_splits(work.folder("data"))
    is_tested = len(data.test) > 0
    bench = Bench(
        base=work.model("base", "base"),
        enhanced=work.model("enhance", "enhanced"),
        layers=storage.load_layer_choice(work.folder("select")).layers,
        train=data.train,
        test=data.test if is_tested else data.reserved,
        corrupted=storage.load_truth(work.folder("data")).corrupted,
        noisy_classes=work.noisy_classes().labels,
        aligned=storage.load_aligned(work.folder("align")),
        review=config.review,
        align=config.align,
        repair=config.repair,
    )
    rungs = sensitivity.ladder(storage.load_scores(work.folder("score")).score, work.suspects())
    seed = seeding.derive(config.seed, "repair")
    if is_tested:
        found = sensitivity.sweep(bench, rungs, seed=seed, device=work.device, progress=work.progress)
    else:
        shared = judging.bench(work)
        dealt = judging.dealt(shared)
        folds = cross_fitting.each(shared, dealt, device=work.device)
        found = sensitivity.cross_fit(
            bench,
            rungs,
            _parts(bench, rungs, folds),
            num_parts=int(dealt.max()) + 1,
            seed=seed,
            device=work.device,
            progress=work.progress,
        )
    return lambda folder: storage.save_sensitivity(folder, found)


def _parts(bench: Bench, rungs: list[Rung], folds: Iterator[Fold]) -> Iterator[tuple[Bench, list[Rung], Integers]]:
    """The sweep without each fold of the reserved set, which is the test part of ``bench``."""
    for fold in folds:
        part = replace(
            bench,
            enhanced=fold.enhanced,
            layers=fold.layers,
            aligned=fold.aligned,
            test=bench.test.take(fold.held_out),
        )
        yield part, sensitivity.rungs_at(rungs, fold.scores, fold.suspects), fold.held_out


def _reserved_sizes(work: Work) -> Write:
    config, truth = work.run.config, storage.load_truth(work.folder("data"))
    reserved, names = storage.load_part(work.folder("data"), "reserved"), storage.load_class_names(work.folder("data"))
    bench = reserved_sizes.Bench(
        base=work.model("base", "base"),
        layers=storage.load_layer_choice(work.folder("select")).layers,
        train=work.train(),
        reserved=reserved,
        corrupted=truth.corrupted if truth.corrupted.any() else None,
        suspects=work.suspects().indices,
        enhance=config.enhance,
    )
    rows = reserved_sizes.curve(
        bench,
        reserved_sizes.sizes(len(reserved), len(names)),
        seed=seeding.derive(config.seed, "enhance"),
        device=work.device,
        progress=work.progress,
    )
    return lambda folder: storage.save_reserved_sizes(folder, rows)


def _export_table(work: Work) -> Write:
    table = export.samples(work.run)

    def write(folder: Path) -> None:
        files = catalogue.find("table").files
        for done, file in enumerate(files, start=1):
            export.WRITERS[Path(file).suffix](table, folder / file)
            work.progress(done, len(files))

    return write


def _export_cleaned(work: Work) -> Write:
    train, names = work.train(), storage.load_class_names(work.folder("data"))
    scores = storage.load_scores(work.folder("score")).score
    table = cleaned.manifest(train, names, scores, work.suspects().indices, _decided(work))
    return lambda folder: cleaned.write(folder, train, names, table, work.progress)


def _export_aligned(work: Work) -> Write:
    found, train = storage.load_aligned(work.folder("align")), work.train()
    names = storage.load_class_names(work.folder("data"))
    suspects = work.suspects().indices
    return lambda folder: aligned.write(folder, found, train, names, suspects)


def _export_weights(work: Work) -> Write:
    method = work.run.config.evaluate.method
    model = work.model(stages.models_beside(method)[method], method)
    report = run_report.read(work.run)
    facts = {
        "run": work.run.name,
        "method": method,
        "class_names": list(storage.load_class_names(work.folder("data"))),
        "layers_updated": list(report["selection"]["layers"]) if method in ("bir", "enhanced") else "all",
        "figures": {name: report["models"][name] for name in ("base", method)},
        "accuracies": report_words.judged(report),
        "conclusion": report["conclusion"],
        "config": report["config"],
        "provenance": _provenance(work),
    }
    return lambda folder: weights.write(folder, model, facts)


def _export_report(work: Work) -> Write:
    scores, truth = storage.load_scores(work.folder("score")), storage.load_truth(work.folder("data"))
    text = page.compose(
        run_report.read(work.run),
        scores.score,
        truth.corrupted if truth.corrupted.any() else None,
        _examples(work),
        reviewed=_reviewed(work),
        provenance=_provenance(work),
    )

    def write(folder: Path) -> None:
        (folder / "report.html").write_text(text, encoding="utf-8")

    return write


def _examples(work: Work) -> list[Example]:
    train, names = work.train(), storage.load_class_names(work.folder("data"))
    scores, moved = storage.load_scores(work.folder("score")), storage.load_aligned(work.folder("align"))
    said = _verdict_words(_decided(work), names)
    found = []
    for sample in work.suspects().indices[:NUM_EXAMPLES].tolist():
        row = int(np.searchsorted(moved.indices, sample))
        found.append(
            Example(
                sample=sample,
                image=train.images[sample],
                aligned=moved.images[row],
                given=names[train.labels[sample]],
                believed=names[scores.predictions[sample]],
                score=float(scores.score[sample]),
                verdict=said.get(sample, ""),
            )
        )
    return found


def _reviewed(work: Work) -> Reviewed:
    standing = verdicts.standing(work.run)
    bands = review.bands(storage.load_scores(work.folder("score")).score, standing)
    return Reviewed(
        counts={name: sum(found.verdict == name for found in standing.values()) for name in review.VERDICTS},
        num_conflicts=sum(found.conflict for found in standing.values()),
        num_reviewers=len({one.reviewer for found in standing.values() for one in found.opinions}),
        bands=bands,
        stop=review.where_to_stop(bands),
    )


def _decided(work: Work) -> ReviewConfig:
    """The verdicts of this run's settings, and above them those on which people agree by now."""
    now, before = review.agreed(verdicts.standing(work.run)), work.run.config.review
    judged = {*now.keep, *now.remove, *dict(now.relabel)}
    return ReviewConfig(
        keep=(*now.keep, *(sample for sample in before.keep if sample not in judged)),
        remove=(*now.remove, *(sample for sample in before.remove if sample not in judged)),
        relabel=(*now.relabel, *(pair for pair in before.relabel if pair[0] not in judged)),
    )


def _verdict_words(decided: ReviewConfig, names: tuple[str, ...]) -> dict[int, str]:
    return (
        dict.fromkeys(decided.keep, "keep")
        | dict.fromkeys(decided.remove, "remove")
        | {sample: f"relabel to {names[label]}" for sample, label in decided.relabel}
    )


def _provenance(work: Work) -> dict[str, Any]:
    return {"created": work.run.created, "parent": work.run.parent or "none", **work.run.provenance}


FUNCTIONS: dict[str, Callable[[Work], Write]] = {
    "sensitivity": _sensitivity,
    "reserved_sizes": _reserved_sizes,
    "export-table": _export_table,
    "export-cleaned": _export_cleaned,
    "export-aligned": _export_aligned,
    "export-weights": _export_weights,
    "export-report": _export_report,
}
