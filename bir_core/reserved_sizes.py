"""How many reserved images are enough: the same identification with fewer of them: reserved -> rows.

For each size a few class-balanced draws of the reserved set train an enhanced model each. Three figures say how far the
smaller set gets: what the enhanced model knows of the reserved images left out, how many of the run's own suspects it
finds again, and, where the truth is known, how well its scores rank the corrupted samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bir_core import enhancement, evaluation, identification, scoring, seeding
from bir_core.config import EnhanceConfig
from bir_core.model_records import ModelState
from bir_core.numerics import proportion, ranking, sampling
from bir_core.records import Flags, Integers, LabelledImages, Progress, no_progress

SIZES = (30, 100, 200, 300)
DRAWS = 3
"""Of each size that leaves images out; one draw alone would be luck."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """What every size shares; the fields are those of the stages that made them.

    Attributes:
        corrupted: (N,) what is truly corrupted; None where nobody knows.
        suspects: (K,) positions of the run's own suspects.
    """

    base: ModelState
    layers: tuple[str, ...]
    train: LabelledImages
    reserved: LabelledImages
    corrupted: Flags | None
    suspects: Integers
    enhance: EnhanceConfig


def sizes(num_reserved: int, num_classes: int) -> list[int]:
    """The sizes to try: those that have an image of each class and are smaller than the whole, and the whole."""
    return [size for size in SIZES if num_classes <= size < num_reserved] + [num_reserved]


def curve(
    bench: Bench, wanted: Sequence[int], *, seed: int, device: torch.device, progress: Progress = no_progress
) -> list[dict[str, Any]]:
    """One row per size: the mean of each figure over the draws, and the lowest and highest of them.

    ``left_out`` is the enhanced model's accuracy in percent on the reserved images that it was not trained on, with its
    95 % interval; ``found_again`` the share of the run's own suspects among as many of the highest new scores; ``auc``
    that of the new scores. What cannot be said is None.

    Args:
        bench: data, models and settings of the run.
        wanted: sizes, see ``sizes``.
        seed: of the draws and of the shuffles.
        device: where to compute.
        progress: told (models trained, models).
    """
    plan = [(size, number) for size in wanted for number in range(1 if size == len(bench.reserved) else DRAWS)]
    found: dict[int, list[dict[str, Any]]] = {size: [] for size in wanted}
    for done, (size, number) in enumerate(plan, start=1):
        order = sampling.by_class_in_turn(bench.reserved.labels, seed=seeding.derive(seed, "draw", str(number)))
        found[size].append(_measure(bench, np.sort(order[:size]), seed=seed, device=device))
        progress(done, len(plan))
    return [_row(size, parts) for size, parts in found.items()]


def _measure(bench: Bench, chosen: Integers, *, seed: int, device: torch.device) -> dict[str, Any]:
    model = enhancement.enhance(
        bench.base, bench.reserved.take(chosen), bench.layers, bench.enhance, seed=seed, device=device
    ).state
    scores = scoring.score(bench.base, model, bench.train, device=device).score
    again = identification.rank(scores)[: len(bench.suspects)]
    left_out = np.setdiff1d(np.arange(len(bench.reserved)), chosen)
    others = bench.reserved.take(left_out)
    beliefs = evaluation.believe(model, others.images, device=device)
    return {
        "left_out": left_out,
        "correct": beliefs.argmax(axis=1) == others.labels,
        "found_again": float(np.isin(bench.suspects, again).mean()) if len(bench.suspects) else None,
        "auc": None if bench.corrupted is None else ranking.ranking_auc(scores, bench.corrupted),
    }


def _row(size: int, parts: list[dict[str, Any]]) -> dict[str, Any]:
    accuracy, low, high = _accuracy(parts)
    return {
        "size": size,
        "draws": len(parts),
        "left_out": accuracy,
        "left_out_low": low,
        "left_out_high": high,
        **_spread("found_again", parts),
        **_spread("auc", parts),
    }


def _accuracy(parts: list[dict[str, Any]]) -> tuple[float | None, float | None, float | None]:
    """(accuracy, low, high) in percent on the images left out.

    Draws leave out much the same images, which say little more for being asked again: each image counts once, by the
    share of its draws that are right about it.
    """
    asked = np.concatenate([part["left_out"] for part in parts])
    if len(asked) == 0:
        return None, None, None
    times, right = np.bincount(asked), np.bincount(asked, weights=np.concatenate([part["correct"] for part in parts]))
    shares = right[times > 0] / times[times > 0]
    low, high = proportion.wilson(float(shares.sum()), len(shares))
    return 100 * float(shares.mean()), 100 * low, 100 * high


def _spread(name: str, parts: list[dict[str, Any]]) -> dict[str, float | None]:
    values = [part[name] for part in parts if part[name] is not None]
    if not values:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: float(np.mean(values)), f"{name}_low": min(values), f"{name}_high": max(values)}
