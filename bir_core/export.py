"""A run's samples as one table for other tools, and verdicts back from such a table. Numpy and pandas only."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bir_core import durable, run_folder, storage, verdicts
from bir_core.errors import InputError
from bir_core.records import Integers
from bir_core.review import Decision, Standing
from bir_core.run_folder import Run

WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda table, path: _guarded(table).to_csv(path, index=False),
    ".jsonl": lambda table, path: table.to_json(
        path, orient="records", lines=True, force_ascii=False, double_precision=15
    ),
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
}
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False).map(lambda text: text.removeprefix(GUARD)),
    ".jsonl": lambda path: pd.read_json(path, orient="records", lines=True, dtype=False),
    ".parquet": pd.read_parquet,
}
"""What a file's suffix means."""

NEEDED = ("sample", "id", "verdict", "new_label")
"""Columns without which a table says nothing about verdicts."""

TEXTS = ("given", "believed", "new_label", "reviewers")
GUARD = "'"
FORMULA = ("=", "+", "-", "@", "\t", "\r", GUARD)


def samples(run: Run) -> pd.DataFrame:
    """Every training sample, most suspect first.

    Columns: ``sample`` (position in the training part), ``id`` (position in the source), ``given`` and ``believed``
    (class names; the belief is the enhanced model's), ``score`` and both losses (nats; higher score = more suspect),
    ``suspect`` (by this run's own threshold or K), ``verdict``, ``new_label`` (class name) and ``reviewers`` (empty
    where nobody has decided), ``conflict`` (reviewers differ, so there is no verdict).

    Raises:
        InputError: the run has no suspects yet.
    """
    for stage in ("data", "score", "identify"):
        if run_folder.read_stage(run, stage) is None:
            raise InputError(f"run {run.name!r} has no result of stage {stage!r} yet: 'stage identify {run.name}'")
    train, scores = storage.load_part(run.path / "data", "train"), storage.load_scores(run.path / "score")
    names = np.array(storage.load_class_names(run.path / "data"), dtype=object)
    suspects = storage.load_suspects(run.path / "identify")
    table = pd.DataFrame(
        {
            "sample": np.arange(len(train)),
            "id": train.ids,
            "given": names[train.labels],
            "believed": names[scores.predictions],
            "score": scores.score,
            "loss_before": scores.loss_before,
            "loss_after": scores.loss_after,
            "suspect": np.isin(np.arange(len(train)), suspects.indices),
        }
    )
    standing = verdicts.standing(run)
    return table.join(_decided(standing, names), on="sample").sort_values("score", ascending=False, kind="stable")


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, JSON lines or Parquet, as the file's suffix says; a crash leaves no half file.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    if path.suffix not in WRITERS:
        raise InputError(f"cannot write {path.name!r}: its name must end in {', '.join(WRITERS)}")
    part = path.with_name(f"{path.name}.part")
    try:
        WRITERS[path.suffix](table, part)
        durable.flush(part)
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}. Choose another file.") from None


def decisions(run: Run, path: Path) -> tuple[Decision, ...]:
    """The verdicts in a table that ``write`` wrote, perhaps for another run of the same data, or edited since.

    Rows without a verdict are passed over. A sample's ``id`` must be the one that it has in this run.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a row that does not fit this run.
    """
    table = _read(path)
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}: give a file that 'export' has written")
    ids = storage.load_part(run.path / "data", "train").ids
    names = storage.load_class_names(run.path / "data")
    rows = table[list(NEEDED)].astype(object).where(table[list(NEEDED)].notna(), "").to_dict("records")
    return tuple(
        _decision(row, ids, names, where=f"{path}, row {number}")
        for number, row in enumerate(rows, start=1)
        if row["verdict"]
    )


def _guarded(table: pd.DataFrame) -> pd.DataFrame:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front, which the import takes off."""

    def guard(value: Any) -> Any:
        return f"{GUARD}{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

    return table.assign(**{name: table[name].map(guard) for name in TEXTS})


def _read(path: Path) -> pd.DataFrame:
    if path.suffix not in READERS:
        raise InputError(f"cannot read {path.name!r}: its name must end in {', '.join(READERS)}")
    try:
        return READERS[path.suffix](path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}. Give the path of an exported file.") from None
    except ValueError as error:
        raise InputError(f"{path} is not a {path.suffix[1:]} file ({str(error).splitlines()[0]})") from None


def _decision(row: dict[Any, Any], ids: Integers, names: Sequence[str], *, where: str) -> Decision:
    try:
        sample, known_as = int(row["sample"]), int(row["id"])
    except ValueError:
        raise InputError(
            f"{where}: sample and id must be whole numbers, got {row['sample']!r}, {row['id']!r}"
        ) from None
    if not 0 <= sample < len(ids) or ids[sample] != known_as:
        raise InputError(f"{where}: this run has no sample {sample} with id {known_as}, so its data are others")
    label = str(row["new_label"])
    if label and label not in names:
        raise InputError(f"{where}: unknown class {label!r}, choose one of {', '.join(names)}")
    return Decision(sample=sample, verdict=row["verdict"], label=names.index(label) if label else None)


def _decided(standing: dict[int, Standing], names: np.ndarray) -> pd.DataFrame:
    """By sample; None where nobody has decided."""
    rows = {
        sample: {
            "verdict": found.verdict,
            "new_label": None if found.label is None else names[found.label],
            "reviewers": ", ".join(found.reviewers),
            "conflict": found.conflict,
        }
        for sample, found in standing.items()
        if found.opinions
    }
    columns = ["verdict", "new_label", "reviewers", "conflict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=object)
