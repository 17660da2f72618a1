"""One process at a time changes an image set."""

from contextlib import AbstractContextManager
from pathlib import Path

from bir_core import file_lock
from bir_core.errors import InputError


def lock(home: Path, name: str) -> AbstractContextManager[None]:
    """Hold the set ``name`` in the folder of sets against every other process; released when the holder dies.

    Raises:
        InputError: another process holds it.
    """
    return file_lock.hold(
        home / f".{name}.lock",
        lambda holder: InputError(
            f"image set {name!r} is being imported by process {holder}: wait for it, or cancel its job"
        ),
    )
