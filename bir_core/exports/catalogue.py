"""Which exports there are, and the one file that each of them is. No torch here: the dashboard lists them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bir_core import durable, run_folder
from bir_core.errors import InputError
from bir_core.run_folder import Run


@dataclass(frozen=True, kw_only=True)
class Export:
    """One export.

    Attributes:
        name: what a person types.
        stage: the optional stage that makes it.
        file: its file in that stage's result.
        title: what it is called on a page.
        content: what is in it.
    """

    name: str
    stage: str
    file: str
    title: str
    content: str


EXPORTS: tuple[Export, ...] = (
    Export(
        name="report",
        stage="export-report",
        file="report.html",
        title="Report",
        content="One page to mail: figures, examples, settings and provenance. It needs no network and no program.",
    ),
    Export(
        name="cleaned",
        stage="export-cleaned",
        file="cleaned.zip",
        title="Cleaned data set",
        content="An image folder with a directory per class, and a manifest that says what became of every sample.",
    ),
    Export(
        name="weights",
        stage="export-weights",
        file="weights.zip",
        title="Repaired model",
        content="Weights as safetensors, a JSON of how they were made, and code that loads them with torch alone.",
    ),
    Export(
        name="aligned",
        stage="export-aligned",
        file="aligned.zip",
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
    raise InputError(f"no export is called {name!r}: choose table, {', '.join(one.name for one in EXPORTS)}")


def check_name(export: Export, file: Path) -> None:
    """Raises InputError when ``file`` cannot be the name of this export."""
    suffix = Path(export.file).suffix
    if file.suffix != suffix:
        raise InputError(f"cannot write {export.title.lower()} to {file.name!r}: its name must end in {suffix}")


def path(run: Run, export: Export) -> Path | None:
    """Where the file is, or None when it has not been made; raises RunDamaged when it is not whole."""
    return None if run_folder.read_stage(run, export.stage) is None else run.path / export.stage / export.file


def copy(run: Run, export: Export, file: Path) -> None:
    """Copy the export, which has been made, to ``file``; a crash leaves no half file.

    Raises:
        InputError: the file cannot be written.
    """
    with durable.whole_file(file) as part:
        shutil.copyfile(run.path / export.stage / export.file, part)
