"""What the engine's stages cost, as ratios to the plain computation in one run: python -m benchmarks.engine

* scoring against bare forward passes of the base model over the same images;
* choosing among the eight layer subsets against plain epochs over the reserved set;
* importing the command line for --help against importing torch;
* the demo: what comes after base training against base training (with --demo, minutes).

Each pair is timed in turn, A B A B, and the median of the pairwise ratios is reported.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import torch
import typer

from bir_core import enhancement, flow, run_folder, scoring, seeding, training
from bir_core.config import EnhanceConfig
from bir_core.model_records import ModelState
from bir_core.models import layers, networks
from bir_core.numerics import losses
from bir_core.records import LabelledImages
from bir_core.training import Schedule

RESULTS = Path(__file__).parent / "results"
COMMAND = (sys.executable, "-m", "bir_core")
CPU = torch.device("cpu")
BATCH = 500


def main(
    demo: Annotated[bool, typer.Option(help="also run the demo, LeNet with the memorised base")] = False,
    repeats: Annotated[int, typer.Option(min=3, help="pairs per ratio")] = 15,
) -> None:
    """Measure, print, and write benchmarks/results/engine.json and .md."""
    rows: list[dict[str, Any]] = []
    for name in ("lenet", "conv4"):
        rows += [_scoring(name, "4-5", 1.3, repeats), _scoring(name, "1-5", 2.1, repeats)]
        rows.append(_selection(name, max(3, repeats // 3)))
    rows.append(_help(max(3, repeats // 3)))
    values: dict[str, Any] = {"machine": _machine(), "ratios": rows}
    if demo:
        values["demo"] = _demo()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine.json").write_text(json.dumps(values, indent=1) + "\n")
    (RESULTS / "engine.md").write_text(_markdown(values))
    print(_markdown(values))


def _scoring(name: str, label: str, bar: float, repeats: int) -> dict[str, Any]:
    images = _images(6000 if name == "lenet" else 1500)
    base = _fresh(name)
    network = networks.restore(base, CPU).eval()
    moved = networks.restore(base, CPU)
    with torch.no_grad():
        for parameter in layers.parameters(moved, layers.parse(label, layers.names(moved))):
            parameter.add_(0.01)
    enhanced = networks.capture(moved, base)

    @torch.no_grad()
    def bare() -> None:
        for start in range(0, len(images), BATCH):
            network(torch.tensor(images.images[start : start + BATCH]))

    def ours() -> None:
        scoring.score(base, enhanced, images, device=CPU, batch_size=BATCH)

    return {"what": f"scoring, {name}, layers {label} / bare forward pass", "bar": bar, **_ratio(ours, bare, repeats)}


def _selection(name: str, repeats: int) -> dict[str, Any]:
    reserved = _images(300)
    base = _fresh(name)
    targets = losses.one_hot(torch.tensor(reserved.labels), 10)

    def plain_epoch() -> None:
        network = networks.restore(base, CPU)
        training.fine_tune(
            network,
            layers.names(network),
            torch.tensor(reserved.images),
            targets,
            schedule=Schedule(learning_rate=1e-3, batch_size=16, max_epochs=1, patience=None),
            generator=torch.Generator().manual_seed(0),
        )

    def ours() -> None:
        enhancement.choose_layers(base, reserved, EnhanceConfig(), seed=0, device=CPU)

    return {"what": f"selection over 8 subsets, {name} / plain epoch", "bar": 3.0, **_ratio(ours, plain_epoch, repeats)}


def _help(repeats: int) -> dict[str, Any]:
    def help_text() -> None:
        subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)

    def torch_alone() -> None:
        subprocess.run([sys.executable, "-c", "import torch"], check=True)

    return {"what": "bir_core --help / import torch", "bar": None, **_ratio(help_text, torch_alone, repeats)}


def _demo() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run([*COMMAND, "demo", "--runs", folder], check=True, capture_output=True)
        wall = time.perf_counter() - started
        run = run_folder.open_run(Path(folder), run_folder.names(Path(folder))[0])
        results = {name: run_folder.read_stage(run, name) for name in flow.NAMES}
    seconds = {name: result.seconds for name, result in results.items() if result}
    bir = sum(seconds[name] for name in ("select", "enhance", "score", "identify", "align", "repair", "evaluate"))
    return {
        "wall": wall,
        "seconds": seconds,
        "after_base": bir + seconds["compare"],
        "after_base_without_comparison": bir,
        "share_after_base": (bir + seconds["compare"]) / wall,
        "share_after_base_without_comparison": bir / wall,
        "peak_memory_mb": max(result.peak_memory_mb for result in results.values() if result),
    }


def _ratio(ours: Callable[[], None], theirs: Callable[[], None], repeats: int) -> dict[str, Any]:
    ours()
    theirs()
    pairs = np.array([(_seconds(ours), _seconds(theirs)) for _ in range(repeats)])
    ratios = pairs[:, 0] / pairs[:, 1]
    low, middle, high = np.percentile(ratios, [10, 50, 90])
    first, second = np.median(pairs, axis=0)
    return {
        "ratio": float(middle),
        "p10": float(low),
        "p90": float(high),
        "seconds": float(first),
        "plain_seconds": float(second),
    }


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _images(num: int) -> LabelledImages:
    draw = np.random.default_rng(0)
    return LabelledImages(
        images=draw.random((num, 1, 28, 28), dtype=np.float32),
        labels=np.arange(num, dtype=np.int64) % 10,
        ids=np.arange(num, dtype=np.int64),
    )


def _fresh(name: str) -> ModelState:
    state = networks.describe(name, (1, 28, 28), 10)
    generator = torch.Generator().manual_seed(seeding.derive(0, "weights"))
    return networks.capture(networks.build(name, (1, 28, 28), 10, generator), state)


def _machine() -> str:
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    return f"{platform.machine()}, {psutil.cpu_count()} cores, {versions}"


def _markdown(values: dict[str, Any]) -> str:
    lines = [f"# Engine, {values['machine']}", "", "| ours / plain | ratio | p10 to p90 | ours | plain | bar |"]
    lines.append("|---|---|---|---|---|---|")
    for row in values["ratios"]:
        bar = "-" if row["bar"] is None else f"{row['bar']:.1f}"
        lines.append(
            f"| {row['what']} | {row['ratio']:.2f} | {row['p10']:.2f} to {row['p90']:.2f} | "
            f"{row['seconds']:.3f} s | {row['plain_seconds']:.3f} s | {bar} |"
        )
    if "demo" in values:
        found = values["demo"]
        stages = ", ".join(f"{name} {value:.1f}" for name, value in found["seconds"].items())
        lines += [
            "",
            f"Demo (label, LeNet, memorised): {found['wall']:.1f} s in all ({stages}). After base training "
            f"{found['after_base_without_comparison']:.1f} s "
            f"({100 * found['share_after_base_without_comparison']:.0f} %) for BIR itself, and "
            f"{found['after_base']:.1f} s ({100 * found['share_after_base']:.0f} %) with the two models trained for "
            f"comparison, of which the retrained one costs as much as the base. Peak memory "
            f"{found['peak_memory_mb']:.0f} MB, nearly all of it torch itself.",
        ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    typer.run(main)
