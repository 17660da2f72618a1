"""Confident learning by cleanlab: labels that models which never saw them do not believe (Northcutt et al. 2021)."""

import numpy as np

from bir_core import base, evaluation, seeding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.numerics import sampling
from bir_core.records import Floats, Integers


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the self-confidence of the given label, in [-1, 0], under a model that was trained without sample i.

    Facts: the folds, the accuracy out of sample against the given labels in percent, and how many issues confident
    learning finds by its own rule (``cleanlab.filter.find_label_issues``), which no threshold on the score can give.

    Raises:
        InputError: there are fewer samples than folds, or only one class among the labels.
        StageFailed: a fold's training diverged.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_self_confidence_for_each_label

    labels, folds = evidence.train.labels, evidence.config.methods.cleanlab.folds
    if len(labels) < folds or len(np.unique(labels)) < 2:
        raise InputError(
            f"cleanlab needs at least {folds} samples (methods.cleanlab.folds) and two classes, got {len(labels)} "
            f"samples of {len(np.unique(labels))}: use fewer folds or another detector"
        )
    believed = _out_of_sample(
        evidence, sampling.deal(labels, folds, seed=seeding.derive(evidence.seed, "folds")), folds
    )
    quality = get_self_confidence_for_each_label(labels, believed)
    # One process: this one may be a worker that must not start others.
    issues = find_label_issues(labels, believed, n_jobs=1)
    accuracy = 100 * float((believed.argmax(axis=1) == labels).mean())
    return Detected(
        scores=-quality.astype(np.float64),
        facts={"folds": folds, "out_of_sample_accuracy": accuracy, "issues": int(issues.sum())},
    )


def _out_of_sample(evidence: Evidence, dealt: Integers, folds: int) -> Floats:
    """(N, L) beliefs of the base recipe, trained once per fold on the others."""
    believed = np.empty((len(dealt), evidence.base.num_classes), dtype=np.float32)
    for fold in range(folds):
        model = base.train_base(
            evidence.train.take(np.flatnonzero(dealt != fold)),
            evidence.validation,
            evidence.base.num_classes,
            evidence.config.base,
            seed=seeding.derive(evidence.seed, "fold", str(fold)),
            device=evidence.device,
            progress=lambda done, total, fold=fold: evidence.progress(fold * total + done, folds * total),  # type: ignore[misc]
        )
        held_out = np.flatnonzero(dealt == fold)
        believed[held_out] = evaluation.believe(model.state, evidence.train.images[held_out], device=evidence.device)
    return believed
