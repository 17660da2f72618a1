"""Which cells are missing, and computing them: settings side by side, cells of a setting one after the other."""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.paper import cells
from benchmarks.paper.bench import Bench
from benchmarks.paper.layout import Table
from benchmarks.paper.settings import Setting


def missing(
    wanted: Sequence[Table],
    ranges: Mapping[str, Sequence[int]],
    networks: Sequence[str],
    only: tuple[str, ...],
    *,
    quick: bool,
) -> dict[Setting, list[str]]:
    """What is not finished yet: cells by setting."""
    work: dict[Setting, list[str]] = {}
    for table in wanted:
        for section in table.sections:
            if section.network not in networks:
                continue
            names = [row.cell for row in section.rows if not only or row.cell.startswith(only)]
            for setting in section.settings(ranges[section.network], quick=quick):
                work.setdefault(setting, []).extend(names)
    return {setting: absent for setting, names in work.items() if (absent := cells.missing(setting.name, names))}


def compute(work: dict[Setting, list[str]], runs: Path, device: str, jobs: int) -> None:
    """Settings side by side, each on one thread in a process of its own; a cell is kept as soon as it is there."""
    console = Console()
    context = multiprocessing.get_context("spawn")
    # By seed first, so that an interrupted table has whole seeds.
    ordered = sorted(work, key=lambda setting: (setting.seed, setting.network))
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context, max_tasks_per_child=1) as pool:
        running = {pool.submit(_setting, setting, work[setting], runs, device): setting for setting in ordered}
        for done in as_completed(running):
            failed = done.result()
            console.print(f"{running[done].name}: {len(work[running[done]])} cells" + "".join(failed), markup=False)


def _setting(setting: Setting, names: list[str], runs: Path, device: str) -> list[str]:
    """Compute the cells of one setting; what failed and why."""
    torch.set_num_threads(1)
    bench = Bench(setting, runs, device)
    failed = []
    for name in dict.fromkeys(names):
        cell = cells.measure(setting.name, name, lambda name=name: bench.compute(name))  # type: ignore[misc]
        if "failed" in cell:
            failed.append(f"\n  {name} failed: {cell['failed']}")
    return failed
