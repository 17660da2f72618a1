"""People's verdicts as rows of an append-only log, whose meaning is in ``review``. No torch here.

Nothing in the log is ever changed or deleted: undo, redo and the settling of a conflict are entries too. A verdict is
about a sample of the data, so all runs on the same data share one review, whichever of them showed the sample.
"""

import functools
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from pathlib import Path

import sqlalchemy as sa

from bir_core import database, job_rows, review, run_folder, storage
from bir_core.database import VERDICTS
from bir_core.errors import InputError
from bir_core.review import Action, Decision, Entry, Opinion, Standing, Verdict
from bir_core.run_folder import Run

__all__ = [
    "Decision",
    "Entry",
    "Opinion",
    "Standing",
    "Verdict",
    "entries",
    "newest",
    "record",
    "redo",
    "standing",
    "undo",
]

LONGEST_REVIEWER = 80
LONGEST_KEY = 64
_FEW = 500
"""So many samples are named in a query; for more of them, all that a reviewer has written is read."""


# ---------------------------------------------------------------- reading


def entries(
    run: Run,
    *,
    after: int = 0,
    asof: int | None = None,
    samples: Collection[int] | None = None,
    at_most: int | None = None,
) -> tuple[Entry, ...]:
    """The log of the run's data, oldest first: entries numbered above ``after``, of some samples or of all.

    ``asof`` reads it as it was when the entry of that number was the newest; ``at_most`` so many, the oldest of them.
    """
    if not database.exists(run.path.parent):
        return ()
    condition = VERDICTS.c.seq > after
    if asof is not None:
        condition &= VERDICTS.c.seq <= asof
    if samples is not None:
        condition &= VERDICTS.c.sample.in_(samples)
    with database.begin(run.path.parent) as connection:
        return _select(connection, run, condition, at_most)


def entries_of(run: Run, *, key: str) -> tuple[Entry, ...]:
    """What was written under the key of a step; empty when nothing was."""
    if not database.exists(run.path.parent):
        return ()
    with database.begin(run.path.parent) as connection:
        return _select(connection, run, VERDICTS.c.key == key)


def newest(run: Run) -> int:
    """Number of the newest entry of the log; 0 = nobody has decided anything."""
    return database.newest_verdict(run.path.parent, data=_data_digest(run))


def standing(run: Run, *, asof: int | None = None, samples: Collection[int] | None = None) -> dict[int, Standing]:
    """What holds, or held as of an entry, for each sample that anybody has written about; of some samples or of all.

    Raises:
        InputError: the log has not come to entry ``asof`` yet, so what will hold then is not known.
    """
    if asof is not None and asof > (last := newest(run)):
        raise InputError(f"asof must be at most {last}, the number of the newest verdict, got {asof}")
    return review.replay(entries(run, asof=asof, samples=samples))


# ---------------------------------------------------------------- writing


def record(
    run: Run, decisions: Sequence[Decision], *, reviewer: str, key: str, settle: bool = False
) -> tuple[Entry, ...]:
    """Write one step; with a key that was written before, nothing is written and the entries of then come back.

    Args:
        run: the run that showed the samples.
        decisions: at most one of a sample.
        reviewer: who decides.
        key: up to 64 characters that nobody else chooses, for instance a UUID; makes it safe to send again.
        settle: overrule what other reviewers have said of these samples so far.

    Raises:
        InputError: a sample, a label, the reviewer or the key is impossible; nothing was written then.
    """
    reviewer = _check_writer(reviewer, key)
    _check_decisions(run, decisions)
    action: Action = "settle" if settle else "decide"
    with database.begin(run.path.parent, alone=True) as connection:
        return _select(connection, run, VERDICTS.c.key == key) or _insert(
            connection, run, action, decisions, reviewer=reviewer, key=key, step=key
        )


def undo(run: Run, *, reviewer: str, key: str, step: str | None = None) -> tuple[Entry, ...]:
    """Undo the reviewer's newest step that is in force; empty when there is none. ``key`` as in ``record``.

    With ``step``, the key of a step, nothing is undone unless that one is the newest in force: whoever undoes a step
    that has not arrived yet must not undo an earlier one when it never arrives.
    """
    return _move(run, "undo", reviewer=_check_writer(reviewer, key), key=key, only=step)


def redo(run: Run, *, reviewer: str, key: str) -> tuple[Entry, ...]:
    """Bring back the step that the reviewer undid last, unless a new one came since; empty when there is none."""
    return _move(run, "redo", reviewer=_check_writer(reviewer, key), key=key)


def _move(run: Run, action: Action, *, reviewer: str, key: str, only: str | None = None) -> tuple[Entry, ...]:
    with database.begin(run.path.parent, alone=True) as connection:
        written = _select(connection, run, VERDICTS.c.key == key)
        own = _select(connection, run, VERDICTS.c.reviewer == reviewer)
        steps = review.steps_in_force(own) if action == "undo" else review.steps_to_redo(own)
        if written or not steps or only not in (None, steps[-1]):
            return written
        moved = [replace(entry, action=action) for entry in own if entry.key == steps[-1]]
        after = review.replay([*own, *moved])
        decisions = [_says(reviewer, entry.sample, after[entry.sample]) for entry in moved]
        return _insert(connection, run, action, decisions, reviewer=reviewer, key=key, step=steps[-1])


def _says(reviewer: str, sample: int, standing: Standing) -> Decision:
    for opinion in standing.opinions:
        if opinion.reviewer == reviewer:
            return Decision(sample=sample, verdict=opinion.verdict, label=opinion.label)
    return Decision(sample=sample, verdict=None)


# ---------------------------------------------------------------- rows


def _insert(
    connection: sa.Connection,
    run: Run,
    action: Action,
    decisions: Sequence[Decision],
    *,
    reviewer: str,
    key: str,
    step: str,
) -> tuple[Entry, ...]:
    previous = _previous(connection, run, reviewer, [decision.sample for decision in decisions])
    common = {**_place(run), "run": run.name, "action": action, "reviewer": reviewer, "time": job_rows.now()}
    rows = [
        {
            **common,
            "key": key,
            "step": step,
            "sample": decision.sample,
            "verdict": decision.verdict,
            "label": decision.label,
            "previous": previous.get(decision.sample),
        }
        for decision in decisions
    ]
    if rows:
        connection.execute(sa.insert(VERDICTS), rows)
    return _select(connection, run, VERDICTS.c.key == key)


def _previous(connection: sa.Connection, run: Run, reviewer: str, samples: Sequence[int]) -> dict[int, int]:
    condition = _of(run) & (VERDICTS.c.reviewer == reviewer)
    if len(samples) <= _FEW:
        condition &= VERDICTS.c.sample.in_(samples)
    newest = sa.func.max(VERDICTS.c.seq).label("newest")
    query = sa.select(VERDICTS.c.sample, newest).where(condition).group_by(VERDICTS.c.sample)
    return {row.sample: row.newest for row in connection.execute(query)}


def _select(
    connection: sa.Connection, run: Run, condition: sa.ColumnElement[bool], at_most: int | None = None
) -> tuple[Entry, ...]:
    columns = [VERDICTS.c[field.name] for field in fields(Entry)]
    query = sa.select(*columns).where(_of(run), condition).order_by(VERDICTS.c.seq).limit(at_most)
    return tuple(Entry(**row._mapping) for row in connection.execute(query))


def _of(run: Run) -> sa.ColumnElement[bool]:
    place = _place(run)
    return (VERDICTS.c.root == place["root"]) & (VERDICTS.c.data == place["data"])


def _place(run: Run) -> dict[str, str]:
    return {"root": str(run.path.parent), "data": _data_digest(run)}


def _data_digest(run: Run) -> str:
    result = run_folder.read_stage(run, "data")
    if result is None:
        raise InputError(f"run {run.name!r} has no data yet, so there is nothing to decide about: compute it first")
    return result.digest


# ---------------------------------------------------------------- what may be written


def _check_writer(reviewer: str, key: str) -> str:
    name = reviewer.strip()
    if not 0 < len(name) <= LONGEST_REVIEWER or not name.isprintable():
        raise InputError(f"a reviewer's name has 1 to {LONGEST_REVIEWER} printable characters, got {reviewer!r:.100}")
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise InputError(f"the key of a step has 1 to {LONGEST_KEY} printable characters, got {key!r:.100}")
    return name


def _check_decisions(run: Run, decisions: Sequence[Decision]) -> None:
    num_samples, num_classes = _extent(run.path / "data", _data_digest(run))
    if not decisions:
        raise InputError("a step decides about at least one sample, got none")
    if len({decision.sample for decision in decisions}) < len(decisions):
        raise InputError("a step decides about each sample once, got one of them twice")
    for decision in decisions:
        if not 0 <= decision.sample < num_samples:
            raise InputError(f"no sample {decision.sample}: run {run.name!r} has 0 to {num_samples - 1}")
        if decision.verdict is not None and decision.verdict not in review.VERDICTS:
            raise InputError(f"unknown verdict {decision.verdict!r}: choose {', '.join(review.VERDICTS)} or none")
        if (decision.label is not None) != (decision.verdict == "relabel"):
            raise InputError(
                f"a new label goes with 'relabel' and with nothing else, got label {decision.label} with "
                f"{decision.verdict!r} for sample {decision.sample}"
            )
        if decision.label is not None and not 0 <= decision.label < num_classes:
            raise InputError(f"no class {decision.label}: run {run.name!r} has 0 to {num_classes - 1}")


@functools.lru_cache(maxsize=16)
def _extent(folder: Path, _digest: str) -> tuple[int, int]:
    """Numbers of training samples and of classes; the digest is in the cache's key, since a run can be made anew."""
    return len(storage.load_labels(folder, "train")), len(storage.load_class_names(folder))
