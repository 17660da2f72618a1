"""The errors that a caller reacts to; their text is what a person reads, so it names got, expected and what to do."""


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
