"""One process at a time: a lock on a file that the system releases when its holder dies."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold(path: Path, busy: Callable[[str], Exception]) -> Iterator[None]:
    """Hold the file at ``path``, which is made where it is not there, against every other process.

    Args:
        path: the file; it holds the number of the process that holds it.
        busy: the error to raise when another process does, from the number of that process as text.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise busy(handle.read().strip() or "unknown") from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
