"""What can be taken out of a run, and verdicts that come back: the door of the Export page to the engine."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bir_core import export, incoming, run_folder
from bir_core.exports import catalogue
from bir_core.exports.catalogue import Export
from bir_core.incoming import Comparison
from bir_core.review import Decision
from bir_core.run_folder import Run
from dashboard import runs

compare, take_over = incoming.compare, incoming.take_over

__all__ = ["Comparison", "Decision", "Export", "compare", "path", "take_over"]

MOST_AT_ONCE = 50_000
"""Rows of a table that this server makes itself; more would take seconds and hundreds of megabytes."""

TABLES = {"CSV": ".csv", "JSON lines": ".jsonl", "Parquet": ".parquet"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """An export and its file, if it has been made.

    Attributes:
        sizes: bytes by file, empty where it has not been made.
        when: ISO 8601 in UTC, empty where it has not been made.
        is_current: made from the present results and verdicts.
    """

    export: Export
    sizes: dict[str, int]
    when: str
    is_current: bool


def of_run(run: Run) -> list[Made]:
    """Every export of a run."""
    fresh = run_folder.fresh_stages(run)
    return [_made(run, one, is_current=one.stage in fresh) for one in catalogue.EXPORTS]


def _made(run: Run, wanted: Export, *, is_current: bool) -> Made:
    try:
        result = run_folder.read_stage(run, wanted.stage)
    except runs.RunDamaged:
        result = None
    if result is None:
        return Made(export=wanted, sizes={}, when="", is_current=False)
    return Made(
        export=wanted,
        sizes={file: int(result.files[file]["size"]) for file in wanted.files},
        when=result.finished,
        is_current=is_current,
    )


path = catalogue.path


def is_small(run: Run) -> bool:
    """Whether the table of all samples is made at the click; a larger one takes a process of its own."""
    return len(runs.samples(run).images) <= MOST_AT_ONCE


def table(run: Run, suffix: str) -> Callable[[], bytes]:
    """What makes the table of all samples as a file, when somebody asks for it."""

    def make() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"samples{suffix}"
            export.write(export.samples(run), file)
            return file.read_bytes()

    return make


def read(run: Run, name: str, content: bytes) -> tuple[Decision, ...]:
    """The verdicts of an uploaded table.

    Raises:
        InputError: it cannot be read, or does not fit this run; the sentence names the lines.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"upload{Path(name).suffix.lower()}"
        file.write_bytes(content)
        return incoming.read(run, file, name=name)
