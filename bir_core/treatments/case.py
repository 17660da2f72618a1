"""What a treatment is given, and what it gives back. Shapes: N training samples, K suspects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from bir_core import repair
from bir_core.config import RunConfig
from bir_core.errors import StageFailed
from bir_core.model_records import ModelState, TrainedModel
from bir_core.records import Aligned, LabelledImages, Progress, Treated, no_progress


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A base model, what is wrong with its training data, and all that may help.

    Attributes:
        train: (N) the training part with its given labels.
        validation: its validation part, corrupted at the same rate.
        reserved: the clean set.
        base: the base model; not changed.
        enhanced: the enhanced model.
        layers: the layer groups that the enhancement updated.
        treated: the suspects, and what people have decided above the score.
        kept: as many remaining samples as are treated, drawn once.
        aligned: (K) the suspects ``treated.soft``, aligned.
        config: the run's, with the recipes and each method's own options.
        seed: of this treatment's draws.
        device: where to compute.
        progress: told (done, total) in units of the treatment's own choosing.
    """

    train: LabelledImages
    validation: LabelledImages
    reserved: LabelledImages
    base: ModelState
    enhanced: ModelState
    layers: tuple[str, ...]
    treated: Treated
    kept: LabelledImages
    aligned: Aligned
    config: RunConfig
    seed: int
    device: torch.device
    progress: Progress = no_progress

    @cached_property
    def suspects(self) -> LabelledImages:
        """(K) the suspects with their given labels, most suspect first."""
        return self.train.take(self.treated.soft)

    @cached_property
    def trusted(self) -> LabelledImages:
        """The samples that people relabelled, and behind them the kept ones: what hard labels are trusted for."""
        return repair.join(repair.relabel(self.train, self.treated), self.kept)

    @cached_property
    def forgotten(self) -> LabelledImages:
        """The samples whose given label is to be unlearned: the suspects, and what people removed or relabelled."""
        return self.train.take(self.treated.others_than)

    @cached_property
    def remaining(self) -> LabelledImages:
        """All training samples that are neither suspect, removed nor relabelled.

        Raises:
            StageFailed: there are none.
        """
        others = np.setdiff1d(np.arange(len(self.train)), self.treated.others_than)
        if len(others) == 0:
            raise StageFailed("every training sample is a suspect, nothing remains to hold on to: raise the threshold")
        return self.train.take(others)

    @cached_property
    def cleaned(self) -> LabelledImages:
        """The training part without suspects and removed samples, and with people's labels.

        Raises:
            StageFailed: nothing remains.
        """
        return repair.cleaned(self.train, self.treated)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """A repaired model.

    Attributes:
        model: the model; the base model itself where there was nothing to do.
        facts: what a reader must know to judge it, such as a step that was shortened; plain numbers, words and lists.
    """

    model: TrainedModel
    facts: Mapping[str, Any] = field(default_factory=dict)
