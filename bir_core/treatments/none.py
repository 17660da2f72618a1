"""No treatment: the answer "leave the model as it is" stands in every table."""

from bir_core import repair
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """The base model."""
    return Outcome(model=repair.unchanged(case.base))
