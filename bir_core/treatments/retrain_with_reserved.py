"""Retraining without the suspects, on the reserved set as well: often the one to beat where training is cheap."""

from bir_core import repair
from bir_core.treatments import retrain
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """Retraining on the cleaned training part and the reserved set.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    return retrain.train(case, repair.join(case.cleaned, case.reserved))
