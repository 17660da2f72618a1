"""Verdicts that come back in a table: every row checked before anything is written, then written as one step.

The table is one that ``export`` has written, of this run or of another one on the same data, perhaps edited since.
Pandas only, no torch.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bir_core import review, storage, verdicts
from bir_core.errors import InputError
from bir_core.export import GUARD
from bir_core.records import Integers
from bir_core.review import Decision, Entry
from bir_core.run_folder import Run

NEEDED = ("sample", "id", "verdict", "new_label")
"""Columns without which a table says nothing about verdicts."""
GIVEN = "given"
"""Where a table has this column, a verdict must be about the label that the sample has."""

SHOWN = 5
"""So many faulty rows are named in one sentence."""


def _read_csv(path: Path) -> pd.DataFrame:
    """Text as it stands, the guard against formulas taken off; blank lines count, so that lines can be named."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False, encoding="utf-8-sig")
    there = [name for name in (*NEEDED, GIVEN) if name in table]
    return table.assign(**{name: table[name].str.removeprefix(GUARD) for name in there})


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".jsonl": lambda path: pd.read_json(path, orient="records", lines=True, dtype=False),
    ".parquet": pd.read_parquet,
}
"""What a file's suffix means."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Verdicts of a table beside those that hold already.

    Attributes:
        fresh: those that the reviewer does not give already.
        num_known: how many the reviewer gives already.
        num_disputed: how many of the fresh ones differ from what somebody else says.
    """

    fresh: tuple[Decision, ...]
    num_known: int
    num_disputed: int


def read(run: Run, path: Path, *, name: str | None = None) -> tuple[Decision, ...]:
    """The verdicts in a table; rows without one are passed over.

    Args:
        run: the run that they are to be about; a sample's ``id`` must be the one that it has there.
        path: the table.
        name: what the reader calls the file, if not by its path.

    Raises:
        InputError: the file cannot be read, lacks a column, or has rows that do not fit; they are named by line.
    """
    called = repr(name or str(path))
    table = _read(path, called)
    missing = [column for column in NEEDED if column not in table]
    if missing:
        raise InputError(f"{called} has no column {', '.join(missing)}: give a file that 'export' has written")
    cells = table[[*NEEDED, *({GIVEN} & set(table))]].astype(object)
    cells = cells.where(cells.notna(), "").reset_index(drop=True)
    samples = _Samples(
        ids=storage.load_part(run.path / "data", "train").ids,
        labels=storage.load_labels(run.path / "data", "train"),
        names=storage.load_class_names(run.path / "data"),
    )
    found, faults = samples.decisions(cells[cells["verdict"].map(str) != ""])
    if faults:
        what = "row" if path.suffix == ".parquet" else "line"
        lines = _lines(table) if path.suffix == ".csv" else range(1, len(table) + 1)
        named = [f"{what} {lines[row]}: {sentence}" for row, sentence in list(faults.items())[:SHOWN]]
        more = f"; and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
        raise InputError(f"{called} does not fit run {run.name!r}: {'; '.join(named)}{more}")
    return found


def compare(run: Run, decisions: Sequence[Decision], reviewer: str) -> Comparison:
    """What the verdicts of a table would bring, were they this reviewer's."""
    return _compare(verdicts.entries(run), decisions, reviewer.strip())


def take_over(run: Run, decisions: Sequence[Decision], reviewer: str) -> tuple[Entry, ...]:
    """Write the verdicts that the reviewer does not give already, as one step; empty when there are none.

    Raises:
        InputError: the reviewer's name is impossible.
    """
    log = verdicts.entries(run)
    fresh = _compare(log, decisions, reviewer.strip()).fresh
    if not fresh:
        return ()
    # Two calls at once have read the same log, hence have the same key, and are written once.
    made_from = [reviewer.strip(), log[-1].seq if log else 0, *map(astuple, fresh)]
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    return verdicts.record(run, fresh, reviewer=reviewer, key=key)


def _compare(log: Sequence[Entry], decisions: Sequence[Decision], reviewer: str) -> Comparison:
    opinions = {sample: found.opinions for sample, found in review.replay(log).items()}
    fresh, num_disputed = [], 0
    for decision in decisions:
        said = {one.reviewer: (one.verdict, one.label) for one in opinions.get(decision.sample, ())}
        wanted = (decision.verdict, decision.label)
        if said.pop(reviewer, None) == wanted:
            continue
        fresh.append(decision)
        num_disputed += any(other != wanted for other in said.values())
    return Comparison(fresh=tuple(fresh), num_known=len(decisions) - len(fresh), num_disputed=num_disputed)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Samples:
    """What a row must fit: ids and labels of the training samples, and the names of the classes."""

    ids: Integers
    labels: Integers
    names: Sequence[str]

    def decisions(self, cells: pd.DataFrame) -> tuple[tuple[Decision, ...], dict[int, str]]:
        """What the rows say, and what is wrong with those that say nothing possible, by position in the table."""
        found: dict[int, Decision] = {}
        faults: dict[int, str] = {}
        for row, cell in zip(cells.index.tolist(), cells.to_dict("records"), strict=True):
            try:
                decision = self._decision(cell)
                if decision.sample in found:
                    raise ValueError(f"sample {decision.sample} has a verdict in an earlier row")
                found[decision.sample] = decision
            except ValueError as error:
                faults[row] = str(error)
        return tuple(found.values()), faults

    def _decision(self, cell: Mapping[Any, Any]) -> Decision:
        sample, known_as = _whole(cell["sample"], "sample"), _whole(cell["id"], "id")
        if not 0 <= sample < len(self.ids):
            raise ValueError(f"sample {sample} is not in this run, which has 0 to {len(self.ids) - 1}")
        if self.ids[sample] != known_as:
            raise ValueError(
                f"sample {sample} has id {self.ids[sample]} in this run, not {known_as}: the table is about other data"
            )
        given = self.names[self.labels[sample]]
        if (said := str(cell.get(GIVEN, ""))) not in ("", given):
            raise ValueError(
                f"sample {sample} is labelled {given[:40]!r} in this run, not {said[:40]!r}: "
                "the table is about other data"
            )
        verdict, label = str(cell["verdict"]), str(cell["new_label"])
        if verdict not in review.VERDICTS:
            raise ValueError(f"unknown verdict {verdict[:60]!r}, choose one of {', '.join(review.VERDICTS)}")
        if verdict != "relabel":
            return Decision(sample=sample, verdict=verdict)
        if label not in self.names:
            known = ", ".join(repr(name[:40]) for name in self.names[:12]) + (", ..." if len(self.names) > 12 else "")
            raise ValueError(f"unknown class {label[:60]!r} in new_label, choose one of {known}")
        return Decision(sample=sample, verdict="relabel", label=self.names.index(label))


def _whole(value: Any, column: str) -> int:
    try:
        number = int(value)
        if not isinstance(value, float) or number == value:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{column} must be a whole number, got {str(value)[:60]!r}")


def _lines(table: pd.DataFrame) -> list[int]:
    """The line of a CSV file at which each row begins; a cell may span several."""
    breaks = table.astype(str).apply(lambda column: column.str.count("\n")).sum(axis=1)
    before = [0, *breaks.cumsum().tolist()]
    return [2 + row + int(before[row]) for row in range(len(table))]


def _read(path: Path, called: str) -> pd.DataFrame:
    if path.suffix not in READERS:
        raise InputError(f"cannot read {called}: its name must end in {', '.join(READERS)}")
    try:
        return READERS[path.suffix](path)
    except OSError as error:
        raise InputError(
            f"cannot read {called}: {error.strerror or error}. Give the path of an exported file."
        ) from None
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{called} is not a {path.suffix[1:]} file ({str(error).splitlines()[0]})") from None
