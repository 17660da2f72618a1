"""Everything known of one training sample, gathered from the results of its run, for its page and its route."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bir_core.numerics import similarity
from dashboard import runs
from dashboard.runs import Run, RunDamaged

MOST_NEAREST = 6

GIVEN, BELIEVED, ANY = "given", "believed", "any"
"""Of which class the nearest reserved images are: the given one, the one the enhanced model believes, whichever."""


class NoSample(Exception):
    """The run has no sample of this number; the text says which there are."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What the alignment did to the sample: energies (lower = more typical), ||x~ - x|| / ||x||, and the step size."""

    energy_before: float
    energy_after: float
    relative_step: float
    eta: float


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A reserved image by its position in the reserved part, its class, and the cosine of the features."""

    reserved: int
    label: int
    cosine: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Dossier:
    """One sample.

    Attributes:
        sample: its position in the training part.
        rank: its place among all, from 1 = most suspect.
        given: its label.
        truth: the label before corruption, None when nobody knows.
        is_corrupted: whether it is known to be corrupted; None when nobody knows.
        score, loss_before, loss_after: nats.
        base_prediction, prediction: classes that the base and the enhanced model believe.
        beliefs: shares of the classes, by model: "enhanced" always; "soft" (the soft target on the aligned input),
            "base" and "repaired" where they were computed.
        repaired_by: name of the model behind "repaired", None without one.
        step: None when the sample was not aligned.
        nearest: reserved images most alike, by ``GIVEN``, ``BELIEVED`` and ``ANY``; None when not computed.
    """

    sample: int
    rank: int
    given: int
    truth: int | None
    is_corrupted: bool | None
    score: float
    loss_before: float
    loss_after: float
    base_prediction: int
    prediction: int
    beliefs: dict[str, NDArray[np.float32]]
    repaired_by: str | None
    step: Step | None
    nearest: dict[str, tuple[Neighbour, ...]] | None


def of(run: Run, sample: int) -> Dossier:
    """Gather what is known of a sample.

    Raises:
        NoSample: there is none of this number.
        RunDamaged: a result is damaged, or belongs to other data.
    """
    scored, truth = runs.scored(run), runs.samples(run).truth
    index = scored.index
    if not 0 <= sample < len(index):
        raise NoSample(f"There is no sample {sample} in run {run.name!r}: they go from 0 to {len(index) - 1}.")
    row = scored.of(sample)
    step, soft = _aligned(run, sample)
    beliefs, repaired_by = _stored_beliefs(run, sample)
    beliefs["enhanced"] = row["soft_labels"]
    if soft is not None:
        beliefs["soft"] = soft
    return Dossier(
        sample=sample,
        rank=int(index.ranks[sample]),
        given=int(index.labels[sample]),
        truth=None if truth is None else int(truth.original_labels[sample]),
        is_corrupted=None if truth is None else bool(truth.corrupted[sample]),
        score=float(index.scores[sample]),
        loss_before=float(row["loss_before"]),
        loss_after=float(row["loss_after"]),
        base_prediction=int(row["base_predictions"]),
        prediction=int(index.predictions[sample]),
        beliefs=beliefs,
        repaired_by=repaired_by,
        step=step,
        nearest=_nearest(run, sample, given=int(index.labels[sample]), believed=int(index.predictions[sample])),
    )


def _aligned(run: Run, sample: int) -> tuple[Step | None, NDArray[np.float32] | None]:
    if not runs.has(run, "align"):
        return None, None
    found = runs.aligned(run)
    row = int(np.searchsorted(found.indices, sample))
    if row == len(found) or found.indices[row] != sample:
        return None, None
    step = Step(
        energy_before=float(found.energy_before[row]),
        energy_after=float(found.energy_after[row]),
        relative_step=float(found.relative_step[row]),
        eta=float(found.eta),
    )
    return step, found.soft_labels[row]


def _stored_beliefs(run: Run, sample: int) -> tuple[dict[str, NDArray[np.float32]], str | None]:
    """Shares of the base and the repaired model, and the latter's name; nothing where no evaluation can be read.

    One of before these shares were stored, of other images, or a damaged one, keeps nobody from looking at the sample;
    the page says that they are missing.
    """
    try:
        if not runs.has(run, "evaluate"):
            return {}, None
        method = str(runs.report(run)["repair"]["method"])
        stored = {"base": runs.train_beliefs(run, "base"), "repaired": runs.train_beliefs(run, method)}
    except RunDamaged:
        return {}, None
    if any(len(shares) != len(runs.samples(run).images) for shares in stored.values()):
        return {}, None
    return {name: shares[sample] for name, shares in stored.items()}, method


def _nearest(run: Run, sample: int, *, given: int, believed: int) -> dict[str, tuple[Neighbour, ...]] | None:
    if not runs.has(run, "embed"):
        return None
    embedding, features, reserved = runs.embedding(run), runs.features(run), runs.reserved(run)
    if len(features) != len(runs.samples(run).images) or len(embedding.reserved_features) != len(reserved):
        raise RunDamaged(
            f"run {run.name!r} has features of other images than its own: compute them again with "
            f"'stage embed {run.name} --force'"
        )
    rows = {
        GIVEN: np.flatnonzero(reserved.labels == given),
        BELIEVED: np.flatnonzero(reserved.labels == believed),
        ANY: np.arange(len(reserved)),
    }
    found = {}
    for name, candidates in rows.items():
        chosen, cosines = similarity.nearest(features[sample], embedding.reserved_features, candidates, MOST_NEAREST)
        found[name] = tuple(
            Neighbour(reserved=int(row), label=int(reserved.labels[row]), cosine=float(cosine))
            for row, cosine in zip(chosen, cosines, strict=True)
        )
    return found
