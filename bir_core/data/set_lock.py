"""One process at a time changes an image set: a lock that the system releases when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bir_core.errors import InputError


@contextmanager
def lock(home: Path, name: str) -> Iterator[None]:
    """Hold the set ``name`` in the folder of sets against every other process.

    Raises:
        InputError: another process holds it.
    """
    with (home / f".{name}.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise InputError(
                f"image set {name!r} is being imported by process {holder}: wait for it, or cancel its job"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
