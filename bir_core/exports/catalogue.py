"""Which exports there are, and the files that each of them has. No torch here: the dashboard lists them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bir_core import durable, run_folder
from bir_core.errors import InputError, nearest
from bir_core.run_folder import Run


@dataclass(frozen=True, kw_only=True)
class Export:
    """One export.

    Attributes:
        name: what a person types.
        stage: the optional stage that makes it.
        files: its files in that stage's result, the main one first; no two exports have one of the same name.
        title: what it is called on a page.
        content: what is in it.
    """

    name: str
    stage: str
    files: tuple[str, ...]
    title: str
    content: str


EXPORTS: tuple[Export, ...] = (
    Export(
        name="table",
        stage="export-table",
        files=("samples.csv", "samples.jsonl", "samples.parquet"),
        title="Verdicts and suspects",
        content="A row for every training sample: labels, losses, score, whether it is suspect, and its verdict.",
    ),
    Export(
        name="report",
        stage="export-report",
        files=("report.html",),
        title="Report",
        content="One page to mail: figures, examples, settings and provenance. It needs no network and no program.",
    ),
    Export(
        name="cleaned",
        stage="export-cleaned",
        files=("cleaned.zip", "manifest.parquet"),
        title="Cleaned data set",
        content="An image folder with a directory per class. The manifest, also by itself, refers to the originals and "
        "says what became of each.",
    ),
    Export(
        name="weights",
        stage="export-weights",
        files=("weights.zip",),
        title="Repaired model",
        content="Weights as safetensors, a JSON of how they were made, and code that loads them with torch alone.",
    ),
    Export(
        name="aligned",
        stage="export-aligned",
        files=("aligned.zip",),
        title="Aligned inputs",
        content="Aligned images and soft labels as safetensors; energies, steps and beliefs as Parquet.",
    ),
)


def find(name: str) -> Export:
    """The export called ``name``.

    Raises:
        InputError: there is none.
    """
    for export in EXPORTS:
        if export.name == name:
            return export
    raise InputError(f"no export is called {name!r}: {nearest(name, [one.name for one in EXPORTS])}")


def having(file: str) -> Export:
    """The export that has a file of that name.

    Raises:
        InputError: there is none.
    """
    for export in EXPORTS:
        if file in export.files:
            return export
    raise InputError(f"no export has a file {file[:80]!r}: there are {', '.join(sum((e.files for e in EXPORTS), ()))}")


def file_for(export: Export, target: Path) -> str:
    """Which of the export's files is meant by a target of that suffix.

    Raises:
        InputError: none of them.
    """
    for file in export.files:
        if Path(file).suffix == target.suffix:
            return file
    suffixes = " or ".join(Path(file).suffix for file in export.files)
    raise InputError(f"cannot write {export.title.lower()} to {target.name!r}: its name must end in {suffixes}")


def path(run: Run, file: str) -> Path | None:
    """Where the file of an export is, or None when it has not been made.

    Raises:
        InputError: no export has such a file.
        RunDamaged: it is not whole.
    """
    stage = having(file).stage
    return None if run_folder.read_stage(run, stage) is None else run.path / stage / file


def copy(run: Run, file: str, target: Path) -> None:
    """Copy the file of an export, which has been made, to ``target``; a crash leaves no half file.

    Raises:
        InputError: ``target`` cannot be written.
    """
    with durable.whole_file(target) as part:
        shutil.copyfile(run.path / having(file).stage / file, part)
