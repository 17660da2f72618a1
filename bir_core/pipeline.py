"""Run the stages of a run in flow order, only the stale ones, one process at a time, each result whole or not there."""

import contextlib
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from bir_core import devices, extras, flow, judging, method_stages, run_folder, seeding, stages
from bir_core.flow import StageEvent, Watch
from bir_core.run_folder import Run
from bir_core.stages import Work

FUNCTIONS = stages.FUNCTIONS | judging.FUNCTIONS | extras.FUNCTIONS | method_stages.FUNCTIONS


def _no_watch(_event: StageEvent) -> None:
    """For callers that do not watch."""


def compute(run: Run, names: Sequence[str] = flow.NAMES, *, force: bool = False, watch: Watch = _no_watch) -> None:
    """Compute the named stages of a run, in flow order, and before them those that they need and that are stale.

    A stage whose inputs and config are unchanged is skipped, unless it is named and ``force`` is given. Nothing else
    can write into the run meanwhile.

    Args:
        run: the run.
        names: names of stages.
        force: compute the named stages again even if nothing changed.
        watch: told when a stage is skipped, started, goes on and is finished.

    Raises:
        InputError: unknown stage, or data, config or device that cannot be used.
        RunBusy: another process computes this run.
        StageFailed: a stage could not be computed, for instance because a loss became NaN.
    """
    wanted = _with_needs(run, names)
    with run_folder.lock(run.path):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA refuses to be deterministic
        torch.use_deterministic_algorithms(True)
        # Deterministic torch also fills what it has just allocated, which only hides reads of what nobody wrote.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        if run.config.threads is not None:
            torch.set_num_threads(run.config.threads)
        for name in flow.EVERY_NAME:
            if name not in wanted:
                continue
            if run_folder.is_fresh(run, name) and not (force and name in names):
                watch(StageEvent(stage=name, state="skipped"))
                continue
            _compute_stage(run, name, watch)


def _with_needs(run: Run, names: Sequence[str]) -> set[str]:
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        stage = flow.find(pending.pop())
        wanted.add(stage.name)
        pending += [need for need in flow.needs(stage, run.config) if need not in wanted]
    return wanted


def _compute_stage(run: Run, name: str, watch: Watch) -> None:
    for need in flow.needs(flow.find(name), run.config):
        run_folder.read_stage(run, need, verify=True)
    watch(StageEvent(stage=name, state="started"))
    device = devices.resolve(run.config.device)

    def progress(done: int, total: int) -> None:
        watch(StageEvent(stage=name, state="working", done=done, total=total))

    work = Work(run=run, seed=seeding.derive(run.config.seed, name), device=device, progress=progress)
    _forget_peak_memory()
    made = run_folder.made_of(run, name)  # before anything is read: a verdict may come while the stage works
    started = time.perf_counter()
    write = FUNCTIONS[name](work)
    seconds = time.perf_counter() - started
    run_folder.save_stage(
        run, name, write, seconds=seconds, peak_memory_mb=_peak_memory_mb(), device=str(device), made=made
    )
    watch(StageEvent(stage=name, state="finished", seconds=seconds))


def _forget_peak_memory() -> None:
    """Let the kernel count the peak afresh, so that each stage is told its own; only Linux can, see proc(5)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_memory_mb() -> float:
    """Largest resident memory of this process, since it was last forgotten; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
