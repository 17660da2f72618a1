"""The aligned inputs with their soft labels: arrays as safetensors, what is known of each sample as Parquet."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.numpy

from bir_core.exports import archive
from bir_core.records import Aligned, LabelledImages

ARCHIVE = "aligned.zip"
ABOUT = """Aligned inputs and soft labels (equations 3 to 5 of the paper).

aligned.safetensors: "images" (M, C, H, W) float32, "soft_labels" (M, L) float32.
aligned.parquet: one row each, in the same order: sample (position in the training part), id (place in the source),
given class, suspect, energies before and after the step (lower = more typical), relative step, and the soft label by
class.
"""


def write(folder: Path, aligned: Aligned, train: LabelledImages, names: Sequence[str], suspects: np.ndarray) -> None:
    """Write ``aligned.zip``.

    Args:
        folder: where to.
        aligned: (M) samples.
        train: the training part.
        names: of the classes, in label order.
        suspects: positions of the suspects.
    """
    table = pd.DataFrame(
        {
            "sample": aligned.indices,
            "id": train.ids[aligned.indices],
            "given": [names[label] for label in train.labels[aligned.indices]],
            "suspect": np.isin(aligned.indices, suspects),
            "energy_before": aligned.energy_before,
            "energy_after": aligned.energy_after,
            "relative_step": aligned.relative_step,
        }
    )
    beliefs = {f"p_{label} {name}": aligned.soft_labels[:, label] for label, name in enumerate(names)}
    buffer = io.BytesIO()
    table.assign(**beliefs).to_parquet(buffer, index=False)
    arrays = {"images": np.ascontiguousarray(aligned.images), "soft_labels": np.ascontiguousarray(aligned.soft_labels)}
    tensors = safetensors.numpy.save(arrays, metadata={"eta": repr(aligned.eta)})
    archive.write(
        folder / ARCHIVE,
        (
            ("README.txt", ABOUT.encode()),
            ("aligned.parquet", buffer.getvalue()),
            ("aligned.safetensors", tensors),
        ),
    )
