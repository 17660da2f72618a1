"""The command ``images``: import somebody's own images, or list the sets that there are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bir_core.data import import_request
from bir_core.data.entries import SPLITS
from bir_core.data.import_request import ImportRequest, Kind, Progress, Watch
from bir_core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

    from bir_core.data.image_set import ImageSet

INTERRUPTED = 130
SHOWN = 30
"""So many classes are listed one by one."""
_PHASES = {"list": "Read the lists", "read": "Read the images", "write": "Write the set"}


def images(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the image set.", show_default=False)
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PATH", help="Folder of class or split folders, manifest, arrays, or a name."),
    ] = None,
    reserved: Annotated[
        Path | None, typer.Option(help="Folder or manifest of the images that are known to be clean.")
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Folder or manifest of the test images.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder that image paths start from and may not leave.")] = None,
    kind: Annotated[Kind, typer.Option(help="Form of the data; auto: what it looks like.")] = "auto",
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out files that are no pictures, and report them.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the image sets.")] = False,
) -> None:
    """Import images of your own, or list the sets; again: only files that have changed are read."""
    if listing:
        _list_sets()
        return
    if name is None or source is None:
        raise InputError("expected 'images NAME --from PATH', or 'images --list'")
    values = {
        "name": name,
        "path": source,
        "kind": kind,
        "reserved": None if reserved is None else str(reserved),
        "test": None if test is None else str(test),
        "root": None if root is None else str(root),
        "skip_unreadable": skip_unreadable,
    }
    _import(import_request.parse(values))


def _import(request: ImportRequest) -> None:
    from bir_core import console
    from bir_core.data import importing

    try:
        with _watching() as watch:
            found = importing.import_images(request, progress=watch)
    except KeyboardInterrupt:
        console.remark("interrupted; what was read is kept, the same command goes on")
        raise typer.Exit(INTERRUPTED) from None
    _show(found)
    console.remark(f"image set {found.name!r} is in {found.path}; the originals stay where they are")


@contextmanager
def _watching() -> Iterator[Watch]:
    """A watcher of an import: one bar per phase on a terminal, one line per phase elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    from bir_core import console

    if not console.notes.is_terminal:
        seen: set[str] = set()

        def watch_lines(now: Progress) -> None:
            if now.phase not in seen:
                seen.add(now.phase)
                console.remark(f"{_PHASES[now.phase]} ...")

        yield watch_lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console.notes) as bars:
        tasks = {phase: bars.add_task(title, total=None, start=False) for phase, title in _PHASES.items()}

        def watch_bars(now: Progress) -> None:
            bars.start_task(tasks[now.phase])
            bars.update(tasks[now.phase], completed=now.done, total=now.total or None)

        yield watch_bars


# ---------------------------------------------------------------- tables


def _show(found: "ImageSet") -> None:
    """Print what an import found: images by class and part, sizes, doubles, and what to heed."""
    from rich.markup import escape

    from bir_core import console

    report = found.report
    console.out.print(_counts(found.name, report, found.class_names))
    for line in _lines(report):
        console.out.print(escape(line), highlight=False)
    for warning in report["warnings"]:
        console.out.print(f"[yellow]Note:[/yellow] {escape(warning)}", highlight=False)
    for path, reason in report["unreadable"]["examples"]:
        console.out.print(f"  {escape(path)}: {escape(reason)}", highlight=False)


def _counts(name: str, report: dict[str, Any], class_names: Sequence[str]) -> "Table":
    from rich.markup import escape

    from bir_core import console

    splits = report["splits"]
    table = console.new_table(f"Image set {escape(name)}", "class")
    for split in splits:
        table.add_column(split, justify="right")
    for shown in class_names[:SHOWN]:
        table.add_row(escape(shown), *(f"{counts[shown]:,}" for counts in splits.values()))
    if len(class_names) > SHOWN:
        rest = class_names[SHOWN:]
        counted = (f"{sum(counts[name] for name in rest):,}" for counts in splits.values())
        table.add_row(f"{len(rest):,} more classes", *counted)
    table.add_row("together", *(f"{sum(counts.values()):,}" for counts in splits.values()), style="bold")
    return table


def _lines(report: dict[str, Any]) -> list[str]:
    sizes, double = report["sizes"], report["duplicates"]
    smallest, largest = (" x ".join(map(str, sizes[name])) for name in ("smallest", "largest"))
    size = f"all {smallest} pixels" if sizes["num"] == 1 else f"{sizes['num']:,} sizes, {smallest} to {largest} pixels"
    copies = f"{double['num']:,} inside a part, {double['num_across']:,} in training and validation"
    return [
        f"{report['num_images']:,} images, {size}, {report['bytes'] / 2**20:.1f} MB; "
        f"{report['num_decoded']:,} read in {report['seconds']:.1f} s",
        f"same content twice: {copies}",
    ]


def _list_sets() -> None:
    from rich.markup import escape

    from bir_core import console
    from bir_core.data import image_set

    names = image_set.names()
    if not names:
        console.remark(f"no image sets in {image_set.home()} yet: 'images NAME --from PATH' imports one")
        return
    table = console.new_table("Image sets", "set", "form", "from")
    for column in ("classes", *SPLITS):
        table.add_column(column, justify="right")
    for name in names:
        try:
            found = image_set.open_set(name)
        except InputError as error:
            table.add_row(escape(name), "damaged", escape(str(error)), *["-"] * (1 + len(SPLITS)))
            continue
        counts = (f"{len(found.rows_of(split)):,}" for split in SPLITS)
        table.add_row(
            escape(name), found.kind, escape(str(found.origin["path"])), f"{len(found.class_names):,}", *counts
        )
    console.out.print(table)
