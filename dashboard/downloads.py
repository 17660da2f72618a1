"""What can be taken out of a run, and verdicts that come back: the door of the Export page to the engine."""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bir_core import durable, export, run_folder, verdicts
from bir_core.errors import InputError
from bir_core.exports import catalogue
from bir_core.exports.catalogue import Export
from bir_core.review import Decision
from bir_core.run_folder import Run
from dashboard import runs

TABLES = {"CSV": ".csv", "JSON lines": ".jsonl", "Parquet": ".parquet"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """An export and its file, if it has been made.

    Attributes:
        size: bytes, None where there is no file.
        when: ISO 8601 in UTC, empty where there is no file.
        is_current: made from the present results and verdicts.
    """

    export: Export
    size: int | None
    when: str
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Verdicts of an uploaded file, checked and not yet written."""

    decisions: tuple[Decision, ...]
    key: str

    def counts(self) -> dict[str, int]:
        """How many of each verdict."""
        return dict(Counter(str(decision.verdict) for decision in self.decisions))


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
        return Made(export=wanted, size=None, when="", is_current=False)
    return Made(
        export=wanted,
        size=int(result.files[wanted.file]["size"]),
        when=result.finished,
        is_current=is_current,
    )


def path(run: Run, name: str) -> Path | None:
    """The file of an export, or None when it has not been made.

    Raises:
        InputError: there is no such export.
        RunDamaged: the file is not the one that was written.
    """
    return catalogue.path(run, catalogue.find(name))


def table(run: Run, suffix: str) -> Callable[[], bytes]:
    """What makes the table of all samples as a file, when somebody asks for it."""

    def make() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"samples{suffix}"
            export.write(export.samples(run), file)
            return file.read_bytes()

    return make


def read(run: Run, name: str, content: bytes) -> Incoming:
    """The verdicts of an uploaded table.

    Raises:
        InputError: it cannot be read, or does not fit this run; the sentence names the row.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"upload{Path(name).suffix.lower()}"
        file.write_bytes(content)
        try:
            found = export.decisions(run, file)
        except InputError as error:
            raise InputError(str(error).replace(str(file), name)) from None
        return Incoming(decisions=found, key=durable.sha256(file))


def take_over(run: Run, incoming: Incoming, reviewer: str) -> int:
    """Write the verdicts as the reviewer's; how many there are. The same file again changes nothing."""
    return len(verdicts.record(run, incoming.decisions, reviewer=reviewer, key=incoming.key))
