"""What people's verdicts on training samples mean: for the log itself, and for the repair. No torch, no database.

A *step* is what one key press or one bulk action did; it is undone and redone as a whole, by the reviewer who took it.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bir_core.config import ReviewConfig
from bir_core.errors import InputError
from bir_core.numerics import proportion
from bir_core.records import Doubles, Flags, Suspects, Treated

Verdict = Literal["keep", "remove", "relabel"]
State = Literal["undecided", "keep", "remove", "relabel", "conflict"]
Action = Literal["decide", "settle", "undo", "redo"]

VERDICTS: tuple[Verdict, ...] = ("keep", "remove", "relabel")
STATES: tuple[State, ...] = ("undecided", *VERDICTS, "conflict")
BAND_EDGES = (0.0, math.log(1.05), 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, math.inf)
"""Bounds (nats) of the score bands in which reviewers' findings are counted."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person says of one training sample; ``verdict`` None takes back what that person said before.

    Attributes:
        sample: its position in the training part.
        verdict: keep as it is, remove from the data, relabel; or None.
        label: the right class, only with "relabel".
    """

    sample: int
    verdict: Verdict | None
    label: int | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log.

    Attributes:
        seq: its number; later entries have higher ones.
        run: the run that showed the sample.
        sample: its position in the training part.
        action: what was done; "settle" overrules every other reviewer so far.
        verdict: the reviewer's verdict from now on, None = none.
        label: the right class, only with "relabel".
        reviewer: who.
        time: when, ISO 8601 in UTC.
        key: chosen by who writes; the same key is never written twice.
        step: the key of the step that an undo or redo is about, else the entry's own.
        previous: the number of this reviewer's entry on this sample before, None = none.
    """

    seq: int
    run: str
    sample: int
    action: Action
    verdict: Verdict | None
    label: int | None
    reviewer: str
    time: str
    key: str
    step: str
    previous: int | None


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What one reviewer says of a sample now."""

    reviewer: str
    verdict: Verdict
    label: int | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What holds for a sample: the verdict on which all its reviewers agree, or none while they differ."""

    opinions: tuple[Opinion, ...]

    @property
    def conflict(self) -> bool:
        """Whether two reviewers say different things."""
        return len({(opinion.verdict, opinion.label) for opinion in self.opinions}) > 1

    @property
    def verdict(self) -> Verdict | None:
        """What all say, None while they differ or nobody says anything."""
        return None if self.conflict or not self.opinions else self.opinions[0].verdict

    @property
    def label(self) -> int | None:
        """The class that all say is right, only with "relabel"."""
        return None if self.conflict or not self.opinions else self.opinions[0].label

    @property
    def state(self) -> State:
        """One word for it: the verdict, a conflict, or undecided while nobody says anything."""
        return "conflict" if self.conflict else self.verdict or "undecided"

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Who has an opinion, the earliest first."""
        return tuple(opinion.reviewer for opinion in self.opinions)


def steps_in_force(entries: Iterable[Entry]) -> list[str]:
    """Keys of the steps that were taken and not undone since, in the order in which they came into force."""
    steps: dict[str, None] = {}
    for entry in entries:
        if entry.action == "undo":
            steps.pop(entry.step, None)
        else:
            steps[entry.step] = None
    return list(steps)


def steps_to_redo(entries: Iterable[Entry]) -> list[str]:
    """Keys of one reviewer's undone steps, the last undone last; a new step ends the chance to bring them back."""
    steps: dict[str, None] = {}
    for entry in entries:
        if entry.action == "undo":
            steps[entry.step] = None
        elif entry.action == "redo":
            steps.pop(entry.step, None)
        else:
            steps.clear()
    return list(steps)


def replay(entries: Sequence[Entry]) -> dict[int, Standing]:
    """What holds for each sample that anybody has written about, from entries in the order of the log.

    All entries on a sample are needed, and of no other sample.
    """
    taken: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.action in ("decide", "settle"):
            taken.setdefault(entry.key, []).append(entry)
    opinions: dict[int, dict[str, Opinion]] = {entry.sample: {} for entry in entries}
    for step in steps_in_force(entries):
        for entry in taken[step]:
            here = opinions[entry.sample]
            if entry.action == "settle":
                here.clear()
            here.pop(entry.reviewer, None)
            if entry.verdict is not None:
                here[entry.reviewer] = Opinion(reviewer=entry.reviewer, verdict=entry.verdict, label=entry.label)
    return {sample: Standing(opinions=tuple(here.values())) for sample, here in opinions.items()}


def in_states(standings: Mapping[int, Standing], states: Collection[State], num_samples: int) -> Flags:
    """(N,) which samples are in one of the states; one that nobody has written about is undecided."""
    found = np.full(num_samples, "undecided" in states)
    for sample, standing in standings.items():
        found[sample] = standing.state in states
    return found


@dataclass(frozen=True, kw_only=True)
class Band:
    """What reviewers found among the samples whose score is above ``low`` and at most ``high``.

    Attributes:
        low, high: nats.
        num: samples in the band.
        reviewed: those with a verdict on which all their reviewers agree.
        confirmed: those of them that reviewers would remove or relabel: the flag was right.
    """

    low: float
    high: float
    num: int
    reviewed: int
    confirmed: int

    @property
    def precision(self) -> float | None:
        """Share of the reviewed that are confirmed, in 0..1; None when nothing is reviewed."""
        return self.confirmed / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval; (0, 1) when nothing is reviewed."""
        return proportion.wilson(self.confirmed, self.reviewed) if self.reviewed else (0.0, 1.0)


def bands(score: Doubles, standings: Mapping[int, Standing], edges: Sequence[float] = BAND_EDGES) -> tuple[Band, ...]:
    """Precision of the flags as people measured it, the highest band first.

    It holds for a band as far as the reviewed samples were chosen without regard to what they show.
    """
    sizes = [int(((score > low) & (score <= high)).sum()) for low, high in itertools.pairwise(edges)]
    return judged_bands(score, standings, sizes, edges)


def judged_bands(
    score: Doubles, standings: Mapping[int, Standing], sizes: Sequence[int], edges: Sequence[float] = BAND_EDGES
) -> tuple[Band, ...]:
    """``bands`` for one who knows already how many samples each has; ``sizes`` from the lowest band to the highest."""
    judged = [(sample, found.verdict != "keep") for sample, found in standings.items() if found.verdict is not None]
    place = np.searchsorted(edges, score[[sample for sample, _ in judged]], side="left") - 1
    is_right = np.array([right for _, right in judged], dtype=np.bool_)
    found = []
    for at in reversed(range(len(sizes))):
        here = is_right[place == at]
        band = Band(
            low=edges[at], high=edges[at + 1], num=sizes[at], reviewed=len(here), confirmed=int(np.count_nonzero(here))
        )
        found.append(band)
    return tuple(found)


def where_to_stop(found: Sequence[Band], *, at_least: float = 0.5) -> float | None:
    """The score below which looking on is hardly worth while; None while the verdicts do not tell.

    Args:
        found: bands from the highest to the lowest.
        at_least: the share of right flags that makes a look worth while, in 0..1.

    It is the upper bound of the highest band whose precision is below ``at_least`` beyond chance.
    """
    for band in found:
        if band.interval[1] < at_least:
            return band.high
    return None


def agreed(standings: Mapping[int, Standing]) -> ReviewConfig:
    """The verdicts on which all reviewers of a sample agree, as the repair takes them; samples in data-set order."""
    of = {
        verdict: [sample for sample, found in sorted(standings.items()) if found.verdict == verdict]
        for verdict in VERDICTS
    }
    labels = {sample: found.label for sample, found in standings.items() if found.label is not None}
    return ReviewConfig(
        keep=tuple(of["keep"]),
        remove=tuple(of["remove"]),
        relabel=tuple((sample, labels[sample]) for sample in of["relabel"]),
    )


def check(review: ReviewConfig, num_samples: int, num_classes: int) -> None:
    """Refuse decisions about samples or classes that the data do not have; of own images no config can tell.

    Raises:
        InputError: a position or a class is too large.
    """
    if review.largest >= num_samples:
        raise InputError(f"review: the {num_samples} training samples are 0 to {num_samples - 1}, got {review.largest}")
    if review.largest_label >= num_classes:
        raise InputError(f"review.relabel: the classes are 0 to {num_classes - 1}, got {review.largest_label}")


def treat(suspects: Suspects, review: ReviewConfig) -> Treated:
    """Put people's verdicts above the score's: who is aligned, who gets a new label, who is left out.

    "keep" takes a sample out of the suspects, "remove" leaves it out, "relabel" gives it a hard label; each whether the
    score took the sample for suspect or not.
    """
    judged = np.array([*review.keep, *review.remove, *(sample for sample, _ in review.relabel)], dtype=np.int64)
    soft = suspects.indices[~np.isin(suspects.indices, judged)]
    relabelled = np.array(review.relabel, dtype=np.int64).reshape(-1, 2)
    removed = np.array(review.remove, dtype=np.int64)
    return Treated(
        soft=soft,
        relabelled=relabelled[:, 0],
        labels=relabelled[:, 1],
        others_than=np.union1d(np.union1d(soft, relabelled[:, 0]), removed),
    )
