"""python -m benchmarks.paper --table 1: run what is missing of a table, then write it to benchmarks/results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.paper import figures, tables, work
from bir_core.errors import InputError, nearest

SEEDS = {"lenet": 5, "conv4": 3, "resnet20": 3, "resnet50": 1}
QUICK_SEEDS = {"lenet": 5, "conv4": 3, "resnet20": 1, "resnet50": 1}
NETWORKS = tuple(SEEDS)


def main(  # noqa: PLR0917 - typer reads the command line from these
    table: Annotated[str, typer.Option(help="1 to 11, figure2, methods, or all; several by comma")] = "1",
    quick: Annotated[bool, typer.Option(help="a subset that fits two CPU cores")] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="seeds 0 to N - 1; empty: 5 LeNet, 3 Conv4 and so on")
    ] = None,
    networks: Annotated[str, typer.Option(help="only these networks, by comma")] = ",".join(NETWORKS),
    only: Annotated[str, typer.Option(help="only cells whose name begins so, by comma, such as detect/trak")] = "",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
    runs: Annotated[Path, typer.Option(help="folder of the runs behind the tables")] = Path("runs/paper"),
    jobs: Annotated[int, typer.Option(min=0, help="settings computed at the same time; 0 writes what is there")] = 2,
) -> None:
    """Run what is missing of the tables, and write them as JSON, Markdown and HTML."""
    wanted = [tables.find(name) for name in _known(table, tables.NAMES, "table")]
    chosen = _known(networks, NETWORKS, "network")
    counts = {network: seeds or (QUICK_SEEDS if quick else SEEDS)[network] for network in NETWORKS}
    ranges = {network: range(count) for network, count in counts.items()}
    if jobs:
        wanted_cells = tuple(filter(None, only.split(",")))
        missing = work.missing(wanted, ranges, chosen, wanted_cells, quick=quick)
        work.compute(missing, runs.resolve(), device, jobs)
    for one in wanted:
        values = figures.collect(one, ranges, quick=quick)
        name = one.name if one.name.isalpha() or one.name == "figure2" else f"table{one.name}"
        for path in figures.write(values, name):
            print(path)


def _known(given: str, known: Sequence[str], kind: str) -> list[str]:
    chosen = list(known) if given == "all" else [part.strip() for part in given.split(",")]
    for name in chosen:
        if name not in known:
            raise InputError(f"unknown {kind} {name!r}: {nearest(name, known)}")
    return chosen


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        raise SystemExit(str(error)) from None
