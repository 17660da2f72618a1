"""Repair the base model by any treatment: Case -> Outcome."""

from collections.abc import Callable

import numpy as np

from bir_core import methods
from bir_core.errors import StageFailed
from bir_core.treatments import (
    bir,
    enhanced,
    ewc_deletion,
    fine_tune,
    hard_relabel,
    newton_removal,
    none,
    rdia,
    retrain,
    retrain_with_reserved,
)
from bir_core.treatments.case import Case, Outcome

TREAT: dict[str, Callable[[Case], Outcome]] = {
    "none": none.treat,
    "enhanced": enhanced.treat,
    "bir": bir.treat,
    "fine_tune": fine_tune.treat,
    "retrain": retrain.treat,
    "retrain_with_reserved": retrain_with_reserved.treat,
    "hard_relabel": hard_relabel.treat,
    "newton_removal": newton_removal.treat,
    "ewc_deletion": ewc_deletion.treat,
    "rdia": rdia.treat,
    "rdia_static": rdia.treat_static,
}


def treat(name: str, case: Case) -> Outcome:
    """The model that the treatment called ``name`` leaves.

    Raises:
        InputError: there is no such treatment.
        StageFailed: it diverged: a loss or a weight is not a finite number.
    """
    methods.treatment(name)
    outcome = TREAT[name](case)
    for tensor, values in outcome.model.state.tensors.items():
        if not np.isfinite(values).all():
            raise StageFailed(f"{name} diverged: {tensor} holds numbers that are not finite; lower its learning rate")
    return outcome
