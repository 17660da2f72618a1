"""All layers trained further on remaining samples alone (section 11 of the specification)."""

from bir_core import repair
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """Fine-tuning on what is trusted; the suspects play no part but for their number.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    model = repair.fine_tune(
        case.base, case.trusted, case.config.repair, seed=case.seed, device=case.device, progress=case.progress
    )
    return Outcome(model=model)
