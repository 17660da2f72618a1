"""Verdicts of a person who looks at one sample: what was said of it, a new one, and taking one's last step back."""

import secrets

from bir_core import verdicts
from bir_core.review import Action, Decision, Entry, Standing, Verdict
from bir_core.run_folder import Run

__all__ = ["LONGEST_REVIEWER", "Action", "Entry", "Standing", "Verdict", "decide", "log", "standing", "undo"]

LONGEST_REVIEWER = verdicts.LONGEST_REVIEWER

_NOTHING_SAID = Standing(opinions=())


def log(run: Run, sample: int) -> tuple[Entry, ...]:
    """All entries on a sample, oldest first."""
    return verdicts.entries(run, samples=[sample])


def standing(run: Run, sample: int) -> Standing:
    """What holds for a sample now."""
    return verdicts.standing(run, samples=[sample]).get(sample, _NOTHING_SAID)


def decide(
    run: Run, sample: int, verdict: Verdict, *, label: int | None = None, reviewer: str, settle: bool = False
) -> None:
    """Write a verdict; with ``settle`` it overrules what the others have said. Raises InputError, DatabaseDown."""
    decision = Decision(sample=sample, verdict=verdict, label=label)
    verdicts.record(run, [decision], reviewer=reviewer, key=_new_key(), settle=settle)


def undo(run: Run, *, reviewer: str) -> tuple[int, ...]:
    """Take back the reviewer's last step in force; returns the samples that it was about, none when there is none."""
    return tuple(entry.sample for entry in verdicts.undo(run, reviewer=reviewer, key=_new_key()))


def _new_key() -> str:
    """Nobody else's, as the log wants it; no number of any result depends on it."""
    return secrets.token_hex(16)
