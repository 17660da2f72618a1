"""Whether decoding keeps up with the network while a folder is scored: python -m benchmarks.streaming

The pictures are CIFAR-10's of BIR_DATA_DIR enlarged to 224 pixels, or the bundled digits in colour, written as JPEG
files; decoding is less than a hundredth of the work here, so photographs would say the same. In each round the decoder
alone, the network alone on decoded batches, and scoring itself are timed in turn, and the ratio of scoring to the
slower of the two is taken within the round. The bar: at most 1.2.
"""

import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import pyarrow as pa
import torch
import typer
from PIL import Image

from bir_core import pictures, scoring
from bir_core.card import Card
from bir_core.data import sources
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import networks
from bir_core.pictures import Files, Pictures
from bir_core.records import LabelledImages

RESULTS = Path(__file__).parent / "results"
SIDE = 224
BAR = 1.2


def main(
    images: Annotated[int, typer.Option(min=50, help="JPEG files")] = 400,
    repeats: Annotated[int, typer.Option(min=1, help="rounds")] = 3,
    threads: Annotated[int, typer.Option(min=1, help="of torch")] = 1,
) -> None:
    """Measure, print, and write benchmarks/results/streaming.json and .md."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        stored = _write(Path(folder), images)
        rounds = [_round(stored) for _ in range(repeats)]
    values = {
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, torch {torch.__version__}, {threads} thread(s)",
        "images": images,
        "rounds": rounds,
        "ratio": float(np.median([one["scoring"] / max(one["decoding"], one["network"]) for one in rounds])),
        "bar": BAR,
    }
    (RESULTS / "streaming.json").write_text(json.dumps(values, indent=1) + "\n")
    (RESULTS / "streaming.md").write_text(_markdown(values))
    print(_markdown(values))


def _write(folder: Path, count: int) -> LabelledImages:
    pool = _source()
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        pixels = pool[number % len(pool)].transpose(1, 2, 0).squeeze()
        Image.fromarray(pixels).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=90)
    stats = [path.stat() for path in paths]
    files = Files(
        paths=pa.array([str(path) for path in paths]),
        rows=np.full(count, -1, dtype=np.int64),
        sizes=np.array([found.st_size for found in stats], dtype=np.int64),
        changed=np.array([found.st_mtime_ns for found in stats], dtype=np.int64),
    )
    positions = np.arange(count, dtype=np.int64)
    return LabelledImages(images=Pictures(files, Card(size=(SIDE, SIDE))), labels=positions % 10, ids=positions)


def _source() -> Any:
    try:
        return sources.load("cifar10").training.images
    except InputError:
        return sources.load("mnist5k").training.images


def _round(stored: LabelledImages) -> dict[str, float]:
    state = _model(seed=0)
    other = _model(seed=1)
    whole = LabelledImages(images=np.asarray(stored.images), labels=stored.labels, ids=stored.ids)
    size = max(1, (1 << 24) // (3 * SIDE * SIDE))
    return {
        "decoding": _seconds(lambda: sum(len(batch) for _, batch in pictures.stream(stored.images, size))),
        "network": _seconds(lambda: scoring.score(state, other, whole, device=torch.device("cpu"))),
        "scoring": _seconds(lambda: scoring.score(state, other, stored, device=torch.device("cpu"))),
    }


def _model(*, seed: int) -> ModelState:
    state = networks.describe("resnet20", (3, SIDE, SIDE), 10)
    network = networks.build("resnet20", state.image_shape, 10, torch.Generator().manual_seed(seed))
    return networks.capture(network, state)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _markdown(values: dict[str, Any]) -> str:
    lines = [
        f"# Scoring from a folder, {values['machine']}",
        "",
        f"{values['images']:,} JPEG files of {SIDE} x {SIDE} pixels, ResNet-20, one row per round.",
        "",
        "| decoding alone, s | network alone, s | scoring, s | times the slower of the two |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {one['decoding']:.2f} | {one['network']:.2f} | {one['scoring']:.2f} | "
        f"{one['scoring'] / max(one['decoding'], one['network']):.2f} |"
        for one in values["rounds"]
    ]
    return "\n".join([*lines, "", f"Median {values['ratio']:.2f}; bar: at most {values['bar']}.", ""])


if __name__ == "__main__":
    typer.run(main)
