"""One process at a time works on a run."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bir_core import file_lock
from bir_core.errors import InputError, RunBusy


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the run at ``path`` against every other process; the system releases it when the holder dies.

    Raises:
        RunBusy: another process holds it.
        InputError: the folder cannot be written.
    """
    with ExitStack() as held:
        try:
            held.enter_context(file_lock.hold(path / ".lock", lambda holder: _busy(path.name, holder)))
        except OSError as error:
            raise InputError(
                f"cannot write in {path}: {error.strerror}. Give yourself write access or choose another --runs."
            ) from None
        yield


def _busy(name: str, holder: str) -> RunBusy:
    return RunBusy(f"run {name!r} is being computed by process {holder}: wait for it, or cancel its job")
