"""What each detector costs beside BIR, as ratios in one run: python -m benchmarks.detectors

MNIST-Label with LeNet and the memorised base where BIR_DATA_DIR holds MNIST, else the bundled digits. Every detector
is a stage computed afresh by the command line, in a process of its own on one thread, so its seconds and its peak
memory are its own; extra models that it trains count. Rounds go through all detectors in turn, and the ratios are
taken within a round.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import torch
import typer

from bir_core import methods, run_folder
from bir_core.config import RunConfig
from bir_core.run_folder import Run

RESULTS = Path(__file__).parent / "results"
BIR = ("select", "enhance", "score")
INFLUENCE = ("linear_influence", "ewc_influence", "sgd_influence", "tracin", "trak")
BARS = {"fastest influence method": 5.0, "ekfac": 10.0}
"""BIR is to cost at most a fifth of the fastest influence method and a tenth of EK-FAC."""


def main(
    repeats: Annotated[int, typer.Option(min=1, help="rounds through all detectors")] = 3,
    leave_out: Annotated[str, typer.Option(help="detectors not to run, by comma")] = "",
    images: Annotated[int, typer.Option(min=1000, help="training images; BIR's cost hardly grows with them")] = 3000,
) -> None:
    """Measure, print, and write benchmarks/results/detectors.json and .md, or detectors_IMAGES.* for another number."""
    left_out = tuple(filter(None, leave_out.split(",")))
    wanted = [one for one in methods.DETECTORS if not one.free and one.name not in left_out]
    there = [one.name for one in wanted if methods.missing_packages(one) is None]
    with tempfile.TemporaryDirectory() as folder:
        run = run_folder.create(Path(folder), _config(images))
        _stage(run, "score")
        rounds = [_round(run, there) for _ in range(repeats)]
    values = {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, torch {torch.__version__}",
        "data": run.config.data.source,
        "images": images,
        "repeats": repeats,
        "absent": [one.name for one in wanted if one.name not in there],
        "rows": [_row(name, rounds) for name in ("bir", *there)],
        "ratios": _bars(rounds),
    }
    name = "detectors" if images == 3000 else f"detectors_{images}"
    (RESULTS / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(_markdown(values))
    print(_markdown(values))


def _config(images: int) -> RunConfig:
    source = "mnist" if "BIR_DATA_DIR" in os.environ else "mnist5k"
    return RunConfig.model_validate(
        {
            "name": "costs",
            "threads": 1,
            "data": {"source": source, "num_train": images},
            "base": {"preset": "memorised"},
        }
    )


def _round(run: Run, detectors: list[str]) -> dict[str, dict[str, float]]:
    """Seconds and peak memory of each detector, BIR's stages together."""
    parts = [_stage(run, stage) for stage in BIR]
    found = {"bir": {"seconds": sum(part["seconds"] for part in parts), "mb": max(part["mb"] for part in parts)}}
    return found | {name: _stage(run, f"detect-{name}") for name in detectors}


def _stage(run: Run, stage: str) -> dict[str, float]:
    command = (sys.executable, "-m", "bir_core", "stage", stage, run.name, "--force", "--runs", str(run.path.parent))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    result = run_folder.read_stage(run, stage)
    if result is None:
        raise SystemExit(f"stage {stage} has left no result")
    return {"seconds": result.seconds, "mb": result.peak_memory_mb}


def _row(name: str, rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    ratios = [one[name]["seconds"] / one["bir"]["seconds"] for one in rounds]
    return {
        "detector": name,
        "seconds": float(np.median([one[name]["seconds"] for one in rounds])),
        "times_bir": float(np.median(ratios)),
        "lowest": min(ratios),
        "highest": max(ratios),
        "peak_memory_mb": float(np.median([one[name]["mb"] for one in rounds])),
    }


def _bars(rounds: list[dict[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """How many times BIR's seconds the bar's methods take, by round."""
    fastest = [min(one[name]["seconds"] for name in INFLUENCE if name in one) / one["bir"]["seconds"] for one in rounds]
    ratios = {"fastest influence method": fastest}
    if all("ekfac" in one for one in rounds):
        ratios["ekfac"] = [one["ekfac"]["seconds"] / one["bir"]["seconds"] for one in rounds]
    return [{"what": what, "times_bir": float(np.median(found)), "bar": BARS[what]} for what, found in ratios.items()]


def _markdown(values: dict[str, Any]) -> str:
    lines = [
        f"# Cost of the detectors, {values['machine']}",
        "",
        f"{values['images']:,} images of {values['data']} with wrong labels, LeNet, memorised base; "
        f"median of {values['repeats']} rounds, one thread.",
        "BIR = choosing the layers, training the enhanced model, scoring. Peak memory is the whole process's.",
        "",
        "| detector | seconds | times BIR | lowest to highest | peak MB |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['detector']} | {row['seconds']:.2f} | {row['times_bir']:.2f} | "
        f"{row['lowest']:.2f} to {row['highest']:.2f} | {row['peak_memory_mb']:.0f} |"
        for row in values["rows"]
    ]
    lines += ["", "| beside | times BIR | bar: at least |", "|---|---|---|"]
    lines += [f"| {row['what']} | {row['times_bir']:.2f} | {row['bar']:.0f} |" for row in values["ratios"]]
    if values["absent"]:
        lines += ["", f"*Not run*, packages absent: {', '.join(values['absent'])}."]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    typer.run(main)
