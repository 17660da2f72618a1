"""How fast images are imported beside Pillow's own decoding, and in how much memory: python -m benchmarks.importing

Each picture is a part of one of scikit-learn's two photographs, drawn at random, of 224 to 427 pixels, scaled to 224 as
those of ImageNet are, as a JPEG file. In each round as many processes as there are cores decode all files with Pillow
and do nothing else; then the same files are imported by the command line. The bar: an import reaches 80 % of the rate
of Pillow in the same round. Memory is the sum over all processes of an import, shared pages counted once, at a fifth of
the files and at all.
"""

import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from PIL import Image
from PIL import __version__ as pillow_version
from sklearn.datasets import load_sample_images

RESULTS = Path(__file__).parent / "results"
SIDE = 224
BAR = 0.8
PER_CALL = 64
EVERY = 0.1
"""Seconds between two looks at the memory."""


def main(
    images: Annotated[int, typer.Option(min=500, help="JPEG files")] = 50_000,
    repeats: Annotated[int, typer.Option(min=1, help="rounds")] = 3,
    cores: Annotated[int, typer.Option(min=1, help="cores that may be used")] = 2,
) -> None:
    """Measure, print, and write benchmarks/results/importing.json and .md."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        source = _write(place / "few", range(images // 5)), _write(place / "many", range(images))
        rounds = [_round(place, source[1], images) for _ in range(repeats)]
        memory = [_import(place, part) for part in source]
    values = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Pillow {pillow_version}",
        "images": images,
        "rounds": rounds,
        "ratio": float(np.median([one["import"] / one["pillow"] for one in rounds])),
        "bar": BAR,
        "memory_mb": {str(images // 5): memory[0]["mb"], str(images): memory[1]["mb"]},
    }
    (RESULTS / "importing.json").write_text(json.dumps(values, indent=1) + "\n")
    (RESULTS / "importing.md").write_text(_markdown(values))
    print(_markdown(values))


def _write(folder: Path, rows: range) -> Path:
    """``folder/CLASS/ROW.jpg``: no two of the same content, as a number is written into each."""
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    for row in rows:
        place = folder / str(row % 10)
        place.mkdir(parents=True, exist_ok=True)
        whole, draw = photographs[row % len(photographs)], np.random.default_rng(row)
        side = int(draw.integers(SIDE, min(whole.size), endpoint=True))
        left, top = (int(draw.integers(0, length - side, endpoint=True)) for length in whole.size)
        box = (left, top, left + side, top + side)
        picture = whole.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)
        picture.save(place / f"{row}.jpg", quality=90, comment=str(row).encode())
    return folder


def _round(place: Path, folder: Path, images: int) -> dict[str, float]:
    """Images a second, of Pillow and of an import."""
    return {"pillow": images / _pillow(folder), "import": images / _import(place, folder)["seconds"]}


def _pillow(folder: Path) -> float:
    files = [str(path) for path in folder.rglob("*.jpg")]
    calls = [files[start : start + PER_CALL] for start in range(0, len(files), PER_CALL)]
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_decode, [[files[0]]] * (4 * cores)))  # the processes are there
        started = time.perf_counter()
        assert sum(pool.map(_decode, calls)) == len(files)
        return time.perf_counter() - started


def _decode(files: list[str]) -> int:
    for file in files:
        with Image.open(file) as image:
            image.load()
    return len(files)


def _import(place: Path, folder: Path) -> dict[str, float]:
    """Seconds of the import itself, and the most memory of all its processes, MB."""
    data = place / "data"
    words = (sys.executable, "-m", "bir_core", "images", "set", "--from", str(folder))
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(words, env=os.environ | {"BIR_DATA_DIR": str(data)}, stdout=said, stderr=said)
        most = 0.0
        while child.poll() is None:
            most = max(most, _memory(child.pid))
            time.sleep(EVERY)
        if child.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode())
    report = json.loads((data / "sets" / "set" / "set.json").read_text())["report"]
    shutil.rmtree(data)
    return {"seconds": report["seconds"], "mb": most}


def _memory(pid: int) -> float:
    total = 0
    try:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:
        return 0.0
    return total / 2**20


def _markdown(values: dict[str, Any]) -> str:
    lines = [
        f"# Import, {values['machine']}",
        "",
        f"{values['images']:,} parts of photographs, JPEG files of {SIDE} x {SIDE} pixels, images a second, "
        "one row per round.",
        "",
        "| Pillow decodes | imported | share |",
        "|---|---|---|",
    ]
    lines += [
        f"| {one['pillow']:.0f} | {one['import']:.0f} | {one['import'] / one['pillow']:.2f} |"
        for one in values["rounds"]
    ]
    memory = ", ".join(f"{mb:.0f} MB with {int(num):,} images" for num, mb in values["memory_mb"].items())
    said = f"Median {values['ratio']:.2f}; bar: at least {values['bar']}. Most memory of all processes: {memory}."
    return "\n".join([*lines, "", said, ""])


if __name__ == "__main__":
    typer.run(main)
