"""One process at a time works on a run: a lock that the system releases when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bir_core.errors import InputError, RunBusy


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the run at ``path`` against every other process; the system releases it when the holder dies.

    Raises:
        RunBusy: another process holds it.
        InputError: the folder cannot be written.
    """
    try:
        handle = (path / ".lock").open("a+")
    except OSError as error:
        raise InputError(
            f"cannot write in {path}: {error.strerror}. Give yourself write access or choose another --runs."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise RunBusy(
                f"run {path.name!r} is being computed by process {holder}: wait for it, or cancel its job"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
