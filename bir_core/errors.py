"""The errors that a caller reacts to; their text is what a person reads, so it names got, expected and what to do."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something that a person gave (config, data, file, argument) is wrong."""


class RunNotFound(InputError):
    """No run of that name exists."""


class JobNotFound(InputError):
    """No job of that number exists."""


class RunDamaged(InputError):
    """A run folder has a missing, truncated or foreign file."""


class RunBusy(InputError):
    """Another process computes this run now."""


class DatabaseDown(InputError):
    """The database of jobs and verdicts cannot be reached now; the same request may succeed later."""


class StageFailed(RuntimeError):
    """A stage could not be computed from inputs that were all right, for instance because a loss became NaN."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests what ``name`` may have meant, or lists all that is known."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(names)}"
