"""A fresh network trained on everything but the suspects, with the base model's recipe and first weights."""

from bir_core import base, seeding
from bir_core.records import LabelledImages
from bir_core.treatments.case import Case, Outcome


def treat(case: Case) -> Outcome:
    """Retraining on the cleaned training part.

    Raises:
        StageFailed: nothing remains to train on, or the loss is not a number any more.
    """
    return train(case, case.cleaned)


def train(case: Case, samples: LabelledImages) -> Outcome:
    """The base recipe on ``samples``, from the base model's own seed."""
    model = base.train_base(
        samples,
        case.validation,
        case.base.num_classes,
        case.config.base,
        seed=seeding.derive(case.config.seed, "base"),
        device=case.device,
        progress=case.progress,
    )
    return Outcome(model=model)
