"""The page *Your data in five minutes* does what it says: its files are written, its commands run, in its order."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn import datasets

ROOT = Path(__file__).parents[1]
COUNTS = {"train": 20, "reserved": 12, "test": 8}
SIDE = 32


def page() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## Your data in five minutes$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page(), re.DOTALL)


def lay_out(folder: Path) -> None:
    """Tiles of two photographs in the folders that the page shows, every fifth training tile in the wrong one."""
    for label, photograph in enumerate(datasets.load_sample_images().images):
        tiles = iter(
            np.random.default_rng(label).permutation((photograph.shape[0] // SIDE) * (photograph.shape[1] // SIDE))
        )
        columns = photograph.shape[1] // SIDE
        for split, count in COUNTS.items():
            for number in range(count):
                place = int(next(tiles))
                top, left = SIDE * (place // columns), SIDE * (place % columns)
                named = 1 - label if split == "train" and number % 5 == 0 else label
                path = folder / split / ("cat", "dog")[named] / f"{label}{number:04d}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(photograph[top : top + SIDE, left : left + SIDE]).save(path)


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    for layout in re.findall(r"photos/(\w+)/(\w+)/", blocks("")[0]):
        assert layout[0] in COUNTS
        assert layout[1] in ("cat", "dog")
    lay_out(tmp_path / "photos")
    (config,) = blocks("toml")
    (tmp_path / "photos.toml").write_text(config)
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert [command.split()[3] for command in commands] == ["images", "run", "show", "export"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for command in commands:
        python, *rest = shlex.split(command)
        assert python == "python"
        done = subprocess.run(
            [sys.executable, *rest], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    table = pd.read_csv(tmp_path / "suspects.csv")
    assert len(table) == 2 * (COUNTS["train"] - 2)
