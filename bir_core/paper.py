"""The numbers that the paper prints, to stand beside ours (Huang et al., NeurIPS 2023). No torch here.

Accuracies are in percent, *higher = better*; AUC in 0..1. A question to which the paper has no answer gets None.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import bir_core
from bir_core.errors import InputError

FILE = Path(bir_core.__file__).resolve().parents[1] / "assets" / "paper_tables.json"

Suspects = Literal["own", "true_set", "mixed_75_25"]
"""Whose suspects were treated: the method's own, the truly corrupted, or three of those to one clean sample."""

SETS = {"mnist5k": "mnist", "mnist": "mnist", "cifar10": "cifar10", "cifar10n": "cifar10"}
"""The paper's name of the data sets; the bundled digits are drawn from MNIST as its own 3,000 are."""

OWN = {
    "none": "base",
    "sgd_influence_repair": "sgd",
    "linear_influence_repair": "linear",
    "ewc_repair": "ewc",
    "rdia_repair": "rdia",
    "bir_repair": "bir",
}
"""The rows of Tables 1 to 3 under our names: the base model, and the named methods with their own detector."""

_OWN_TABLES = {"mnist": 1, "cifar10": 2}
_TREATMENT_TABLES = {("mnist", "lenet"): 4, ("cifar10", "resnet50"): 5}
_LAYER_TABLES = {("mnist", "lenet"): 6, ("cifar10", "resnet20"): 7}


class Accuracy(NamedTuple):
    """On all test images, and on those of the clean and of the noisy classes; None where the paper says nothing."""

    all: float
    clean: float | None
    noisy: float | None


class Note(NamedTuple):
    """Where the paper does not agree with itself."""

    dataset: str
    networks: tuple[str, ...]
    corruptions: tuple[str, ...]
    text: str


NOTES: tuple[Note, ...] = (
    Note(
        "cifar10",
        ("resnet20", "resnet50"),
        ("label",),
        "The paper's base accuracies on all images (74.80 and 77.10) do not match their parts (74.00 and 74.74).",
    ),
    Note(
        "mnist",
        ("lenet",),
        ("label",),
        "With 30 reserved images (Table 11) the paper prints 83.67 on all images, but its parts give 85.47.",
    ),
    Note(
        "cifar10",
        ("resnet50",),
        ("input",),
        "For BIR on the imprecise set (Table 5) the paper prints 88.78 on all images, but its parts give 89.04.",
    ),
    Note(
        "mnist",
        ("lenet",),
        ("input", "adv"),
        "SGD Influence Repair and EWC Repair have the same numbers in Table 1: probably copied.",
    ),
    Note(
        "cifar10",
        ("resnet50",),
        ("adv",),
        "SGD Influence Repair and EWC Repair have the same numbers in Table 2: probably copied.",
    ),
)


def table(number: int) -> Mapping[str, Any]:
    """Table ``number`` of the paper, 1 to 11, keyed by network, method and corruption as it is printed.

    Raises:
        InputError: there is no such table, or the file of the tables is missing or damaged.
    """
    for name, values in _tables().items():
        if name.startswith(f"table{number}_"):
            found: Mapping[str, Any] = values
            return found
    raise InputError(f"the paper has tables 1 to 11, got {number}")


def accuracy(
    method: str, *, dataset: str, network: str, corruption: str, suspects: Suspects = "own"
) -> Accuracy | None:
    """The test accuracies of a method or treatment (Tables 1 to 5), None where the paper has none.

    Args:
        method: with ``suspects="own"`` a name of ``methods.METHODS``, or "none" for the base model (Tables 1 to 3);
            otherwise a name of ``methods.TREATMENTS`` (Tables 4 and 5).
        dataset: as a run's ``data.source``.
        network: as a run's ``base.network``.
        corruption: as a run's ``data.corruption``; "worst", "random" and "aggregate" are the sets of CIFAR-10N.
        suspects: which samples were treated.
    """
    known = SETS.get(dataset)
    if suspects == "own":
        return _own(method, known, network, corruption)
    number = _TREATMENT_TABLES.get((known or "", network))
    if number is None:
        return None
    rows = table(number)
    if method == "none":
        return _triple(rows["base"], corruption)
    if method == "retrain":
        return _triple(rows["retrain"], corruption) if suspects == "true_set" else None
    return _triple(rows[suspects].get(method, {}), corruption)


def auc(dataset: str, network: str, corruption: str) -> float | None:
    """AUC of BIR's scores with the layers that its rule chooses, those of the lowest loss (Tables 6 and 7)."""
    number = _LAYER_TABLES.get((SETS.get(dataset, ""), network))
    if number is None or corruption not in table(number):
        return None
    subsets: Mapping[str, list[float]] = table(number)[corruption]
    _loss, found, _accuracy = min(subsets.values(), key=lambda row: row[0])
    return found


def num_suspects(dataset: str, corruption: str, landmark: str) -> int | None:
    """How many samples BIR's score takes for detrimental (Table 8; LeNet on MNIST, ResNet-50 on CIFAR-10).

    Args:
        dataset: as a run's ``data.source``.
        corruption: as a run's ``data.corruption``.
        landmark: a threshold by its name in ``config.LANDMARKS``, or "truth" for the number that are corrupted.
    """
    counts = table(8)
    column = f"{SETS.get(dataset)}-{corruption}"
    row = landmark.replace("log ", "log(") + ")" if landmark.startswith("log ") else landmark
    if column not in counts["columns"] or row not in counts:
        return None
    return int(counts[row][counts["columns"].index(column)])


def notes(dataset: str, network: str, corruption: str) -> tuple[str, ...]:
    """Where the paper's numbers for such a run do not agree with one another, a sentence each."""
    known = SETS.get(dataset)
    return tuple(
        note.text
        for note in NOTES
        if note.dataset == known and network in note.networks and corruption in note.corruptions
    )


def _own(method: str, known: str | None, network: str, corruption: str) -> Accuracy | None:
    row = OWN.get(method)
    if row is None or known not in _OWN_TABLES:
        return None
    noisy = table(3)[row]
    if known == "cifar10" and corruption in noisy:
        return Accuracy(noisy[corruption], None, None) if network == "resnet20" else None
    return _triple(table(_OWN_TABLES[known]).get(network, {}).get(row, {}), corruption)


def _triple(by_corruption: Mapping[str, list[float]], corruption: str) -> Accuracy | None:
    return Accuracy(*by_corruption[corruption]) if corruption in by_corruption else None


@cache
def _tables() -> dict[str, Any]:
    try:
        return dict(json.loads(FILE.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise InputError(
            f"{FILE} is missing or damaged: restore it from the repository (git checkout -- assets)"
        ) from None
