"""Write a run of a million scored samples, to measure the dashboard with.

    python -m benchmarks.million RUNS_FOLDER [--samples 1000000] [--suspects 100000] [--seed 0]

The pictures are real: CIFAR-10's 60,000 and mirror images of the first 40,000, 100,000 thumbnails in all, in turn. The
scores are drawn: most samples are learnt and stay learnt, a tenth are wrong, with the losses that wrong ones have in
the demo. Nothing is trained, so that the models hold fresh weights. Takes 14 GB of disk.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bir_core import config, identification, run_folder, storage
from bir_core.model_records import CandidateSubset, LayerChoice, ModelState, TrainedModel
from bir_core.models import networks
from bir_core.records import Aligned, Floats, LabelledImages, Scores, Splits, Suspects, Truth
from bir_core.run_folder import Run

UNPACK = Path(__file__).resolve().parents[2] / "shared" / "data" / "unpack.py"
NAME = "million"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHARE_WRONG = 0.1
NUM_PICTURES = 100_000
NUM_HELD_OUT = 100
CHUNK = 10_000


def write(root: Path, *, num_samples: int, num_suspects: int, seed: int) -> Run:
    """The run, finished as far as the aligned suspects."""
    generator = np.random.default_rng(seed)
    pictures, labels = _pictures()
    run = run_folder.create(root, config.demo("label", "lenet", "memorised", seed).model_copy(update={"name": NAME}))
    given = np.resize(labels, num_samples)
    wrong = generator.random(num_samples) < SHARE_WRONG
    given[wrong] = (given[wrong] + generator.integers(1, len(CLASSES), wrong.sum())) % len(CLASSES)
    _save(run, "data", lambda folder: _write_data(folder, pictures, given))
    model = _fresh_model()
    _save(run, "base", lambda folder: storage.save_model(folder, "base", model))
    _save(run, "select", lambda folder: storage.save_layer_choice(folder, _choice()))
    _save(run, "enhance", lambda folder: storage.save_model(folder, "enhanced", model))
    scores = _scores(generator, np.resize(labels, num_samples), given, wrong)
    _save(run, "score", lambda folder: storage.save_scores(folder, scores))
    ranking = identification.rank(scores.score)[:num_suspects]
    suspects = Suspects(indices=ranking, rule="top_k", threshold=float(scores.score[ranking[-1]]))
    _save(run, "identify", lambda folder: storage.save_suspects(folder, suspects))
    aligned = _aligned(generator, np.sort(ranking), pictures, scores)
    _save(run, "align", lambda folder: storage.save_aligned(folder, aligned))
    return run


def _save(run: Run, stage: str, write_files: Callable[[Path], None]) -> None:
    run_folder.save_stage(run, stage, write_files, seconds=0.0, peak_memory_mb=0.0, device="cpu")
    print(f"{run.name}: {stage}", flush=True)


def _pictures() -> tuple[Floats, NDArray[np.int64]]:
    """(100,000, 3, 32, 32) and their true classes."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, str(UNPACK), scratch], check=True, stdout=subprocess.DEVNULL)
        parts = [np.load(Path(scratch) / f"{split}_images.npy") for split in ("train", "test")]
        truth = [np.load(Path(scratch) / f"{split}_labels.npy") for split in ("train", "test")]
    pixels, labels = np.concatenate(parts), np.concatenate(truth).astype(np.int64)
    num_mirrored = NUM_PICTURES - len(pixels)
    pixels = np.concatenate([pixels, pixels[:num_mirrored, :, ::-1]])
    images = np.ascontiguousarray(np.moveaxis(pixels, 3, 1)).astype(np.float32) / np.float32(255)
    return images, np.concatenate([labels, labels[:num_mirrored]])


def _write_data(folder: Path, pictures: Floats, given: NDArray[np.int64]) -> None:
    num = len(given)
    held_out = [
        LabelledImages(
            images=pictures[:NUM_HELD_OUT],
            labels=np.arange(NUM_HELD_OUT) % len(CLASSES),
            ids=num + part * NUM_HELD_OUT + np.arange(NUM_HELD_OUT),
        )
        for part in range(3)
    ]
    # The images of the training part are 12 GB: they are written below, a chunk at a time, over this empty file.
    train = LabelledImages(
        images=np.empty((num, *pictures.shape[1:3], 0), np.float32), labels=given, ids=np.arange(num)
    )
    validation, reserved, test = held_out
    storage.save_splits(
        folder, Splits(train=train, validation=validation, reserved=reserved, test=test, class_names=CLASSES)
    )
    images = np.lib.format.open_memmap(
        folder / "train_images.npy", mode="w+", dtype=np.float32, shape=(num, *pictures.shape[1:])
    )
    for start in range(0, num, CHUNK):
        images[start : start + CHUNK] = pictures[np.arange(start, min(start + CHUNK, num)) % len(pictures)]
    images.flush()
    nobody_knows = Truth(
        corrupted=np.zeros(num, dtype=np.bool_),
        original_labels=given,
        original_images=np.empty((0, *pictures.shape[1:]), np.float32),
        noisy_classes=(),
        corruption="none",
        num_validation_corrupted=0,
    )
    storage.save_truth(folder, nobody_knows)


def _fresh_model() -> TrainedModel:
    shape = (1, 28, 28)
    module = networks.build("lenet", shape, len(CLASSES), torch.Generator().manual_seed(0))
    tensors = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    state = ModelState(network="lenet", image_shape=shape, num_classes=len(CLASSES), tensors=tensors)
    return TrainedModel(state=state, epochs=(), kept_epoch=0)


def _choice() -> LayerChoice:
    row = CandidateSubset(label="output", layers=("fc3",), loss=1.0, num_parameters=850)
    return LayerChoice(label="output", layers=row.layers, chosen_by="fixed", candidates=(row,))


def _scores(
    generator: np.random.Generator, true: NDArray[np.int64], given: NDArray[np.int64], wrong: NDArray[np.bool_]
) -> Scores:
    num = len(given)
    before = generator.lognormal(-4.0, 1.5, num)
    after = before * generator.lognormal(0.2, 0.6, num)
    after[wrong] = before[wrong] + generator.gamma(2.0, 2.0, wrong.sum())
    share = generator.random((num, len(CLASSES)), dtype=np.float32)
    share[np.arange(num), true] += np.float32(len(CLASSES))
    share /= share.sum(axis=1, keepdims=True)
    return Scores(loss_before=before, loss_after=after, base_predictions=given, soft_labels=share)


def _aligned(generator: np.random.Generator, indices: NDArray[np.int64], pictures: Floats, scores: Scores) -> Aligned:
    images = pictures[indices % len(pictures)]
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        chunk += generator.normal(0, 0.02, chunk.shape).astype(np.float32)
    energy = generator.normal(-8, 2, len(indices))
    return Aligned(
        indices=indices,
        images=images,
        soft_labels=scores.soft_labels[indices],
        energy_before=energy,
        energy_after=energy - generator.random(len(indices)),
        relative_step=np.full(len(indices), 0.05),
        eta=0.1,
    )


def main() -> None:
    """Write the run and say where."""
    parser = argparse.ArgumentParser(description="Write a run of a million scored samples.")
    parser.add_argument("runs", type=Path, help="folder of runs, made where there is none")
    parser.add_argument("--samples", type=int, default=1_000_000, help="training samples (default 1,000,000)")
    parser.add_argument("--suspects", type=int, default=100_000, help="aligned suspects (default 100,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the scores (default 0)")
    options = parser.parse_args()
    run = write(options.runs, num_samples=options.samples, num_suspects=options.suspects, seed=options.seed)
    print(run.path)


if __name__ == "__main__":
    main()
