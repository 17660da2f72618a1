"""The suspects with the enhanced model's best guess as label: the usual "fix the label and train on" of the trade."""

import numpy as np

from bir_core import evaluation, repair
from bir_core.records import LabelledImages
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """All layers trained further on the relabelled suspects and on remaining samples.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    if len(case.treated) == 0:
        return Outcome(model=repair.unchanged(case.base))
    suspects = case.suspects
    beliefs = evaluation.believe(case.enhanced, suspects.images, device=case.device)
    guesses = LabelledImages(images=suspects.images, labels=beliefs.argmax(axis=1).astype(np.int64), ids=suspects.ids)
    model = repair.fine_tune(
        case.base,
        repair.join(guesses, case.trusted),
        case.config.repair,
        seed=case.seed,
        device=case.device,
        progress=case.progress,
    )
    changed = float((guesses.labels != suspects.labels).mean()) if len(suspects) else 0.0
    return Outcome(model=model, facts={"label_change_rate": changed})
