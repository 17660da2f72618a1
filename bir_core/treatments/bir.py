"""BIR's treatment (Huang et al. 2023, section 3.2); ``bir_core.repair`` does it."""

from bir_core import repair
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """The chosen layers trained on aligned suspects with soft labels and on as many remaining samples.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    relabelled = repair.relabel(case.train, case.treated)
    model = repair.repair(
        case.base,
        case.layers,
        case.aligned,
        relabelled,
        case.kept,
        config=case.config.repair,
        seed=case.seed,
        device=case.device,
        progress=case.progress,
    )
    return Outcome(model=model)
