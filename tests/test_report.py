"""The conclusion in words, for every way that a comparison can come out."""

import numpy as np
import pytest

from bir_core import comparison, report
from bir_core.records import Floats

NUM = 1000
LABELS = np.zeros(NUM, dtype=np.int64)


def beliefs(num_right: int) -> Floats:
    return np.eye(2, dtype=np.float32)[(np.arange(NUM) >= num_right).astype(np.int64)]


def conclude(method: str = "bir", *, no_op: bool = False, **right: int) -> str:
    found = {name: beliefs(count) for name, count in right.items()}
    models = {name: comparison.model_figures(one, LABELS, ()) for name, one in found.items()}
    rows = comparison.differences(found, method, LABELS, ())
    return report.conclude(method, models, rows, no_op=no_op)


@pytest.mark.parametrize(
    ("base", "bir", "retrain", "sentences"),
    [
        (800, 900, 850, ["BIR's repair raises the accuracy from 80.00 % to 90.00 %", "None of the models compared"]),
        (800, 900, 950, ["raises the accuracy", "Retraining without the suspects is better still: 95.00 %."]),
        (
            800,
            900,
            901,
            ["raises the accuracy", "Retraining without the suspects does as well, within chance: 90"],
        ),
        (900, 901, 850, ["is not better than leaving the model alone, beyond chance: from 90.00 % to 90.10 %"]),
        (900, 800, 700, ["is worse than leaving the model alone", "Leave the model as it is."]),
        (900, 800, 850, ["(-10.00 points", "Leave the model as it is. No other model beats it either."]),
        (
            900,
            800,
            901,
            ["Leave the model as it is. Retraining without the suspects does as well, within chance: 90.10 %."],
        ),
        (900, 800, 950, ["-8.10). Retraining without the suspects is better than both: 95.00 %."]),
    ],
)
def test_conclusion(base: int, bir: int, retrain: int, sentences: list[str]) -> None:
    text = conclude(base=base, bir=bir, retrain=retrain)
    assert all(sentence in text for sentence in sentences), text


def test_where_nothing_was_done_the_model_is_left_alone() -> None:
    assert "nothing to repair: leave the model as it is" in conclude(no_op=True, base=900, bir=900, retrain=900)


def test_another_headline_is_called_by_its_name() -> None:
    assert conclude("retrain", base=800, bir=810, retrain=900).startswith("Retraining without the suspects raises")


def test_other_treatments_are_called_by_their_titles() -> None:
    text = conclude("retrain_with_reserved", base=800, retrain_with_reserved=900, retrain=700)
    assert text.startswith("Retraining with the reserved set raises")
    assert conclude("hard_relabel", base=800, hard_relabel=900, retrain=700).startswith("Hard relabelling raises")
