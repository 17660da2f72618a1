"""The folder that data sets are read from and fetched into."""

import os
from collections.abc import Callable
from pathlib import Path

from bir_core.errors import InputError


def root() -> Path:
    """``BIR_DATA_DIR``, else ``bir-dashboard/data`` in the user's cache."""
    wanted = os.environ.get("BIR_DATA_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(wanted) if wanted else Path(cache) / "bir-dashboard" / "data"


def missing(title: str, expected: str) -> InputError:
    """The error that says what to put where when the folder holds nothing of a data set."""
    return InputError(
        f"{root()} holds no {title}: expected {expected}; put it there, set BIR_DATA_DIR to the folder that has it, "
        "or let 'run CONFIG.toml --download' fetch it"
    )


def fetch(title: str, download: Callable[[Path], object]) -> None:
    """Let ``download`` put a data set into the folder.

    Raises:
        InputError: it could not be fetched or written.
    """
    try:
        root().mkdir(parents=True, exist_ok=True)
        download(root())
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{title} could not be downloaded to {root()} ({reason}): check the connection and try again, or get the "
            "files in another way; without --download the same command says which files belong where"
        ) from None
