"""A run's samples as one table for other tools; ``incoming`` reads it back. Numpy and pandas only."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bir_core import durable, run_folder, storage, verdicts
from bir_core.errors import InputError
from bir_core.review import Standing
from bir_core.run_folder import Run

TEXTS = ("given", "believed", "new_label", "reviewers")
GUARD = "'"
FORMULA = ("=", "+", "-", "@", "\t", "\r", GUARD)

CSV: dict[str, Any] = {"index": False, "lineterminator": "\n", "quoting": csv.QUOTE_NONNUMERIC}
"""Text is always quoted: a lone carriage return in a name would otherwise end its line."""

WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda table, path: guarded(table, TEXTS).to_csv(path, **CSV),
    ".jsonl": lambda table, path: table.to_json(
        path, orient="records", lines=True, force_ascii=False, double_precision=15
    ),
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
}
"""What a file's suffix means."""


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
        InputError: another suffix, or the file cannot be written, perhaps because the disk is full.
    """
    if path.suffix not in WRITERS:
        raise InputError(
            f"cannot write a table to {path.name!r}: its name must end in {', '.join(WRITERS)}; other exports are "
            "chosen with --what"
        )
    with durable.whole_file(path) as part:
        WRITERS[path.suffix](table, part)


def guarded(table: pd.DataFrame, texts: Sequence[str]) -> pd.DataFrame:
    """The table for a spreadsheet: text in the columns ``texts`` that it would take for a formula gets an apostrophe.

    ``incoming`` takes it off.
    """

    def guard(value: Any) -> Any:
        return f"{GUARD}{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

    return table.assign(**{name: table[name].map(guard) for name in texts})


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
