"""Every detector, every treatment, and the named pairs of the paper, as literal tables. No torch here.

``detection.DETECT`` and ``treatment.TREAT`` say which function does what; a test holds the tables together.
"""

import importlib.util
import math
from dataclasses import dataclass
from typing import Literal, TypeVar

from bir_core.errors import InputError, nearest

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Detector:
    """A way to score the training samples; higher = more suspect.

    Attributes:
        name: its file in ``detectors``, and its name everywhere.
        title: what people read.
        line: what it does, in one line.
        needs: what it looks at or trains besides the training set and the base model, in words.
        source: where it comes from.
        reserved: whether it sees the clean reserved set.
        threshold: scores above it are suspects by default, see ``threshold_for``; None where scores only compare.
        packages: what must be installed beyond requirements.txt.
        free: whether its scores are columns of the score stage, and it needs no stage of its own.
    """

    name: str
    title: str
    line: str
    needs: str
    source: str
    reserved: bool
    threshold: float | Literal["chance"] | None
    packages: tuple[str, ...] = ()
    free: bool = False

    def threshold_for(self, num_classes: int) -> float | None:
        """The threshold among so many classes."""
        return math.log(num_classes) if self.threshold == CHANCE else self.threshold


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """A way to repair the base model once the suspects are known.

    Attributes:
        name: its file in ``treatments`` (``rdia_static`` stands in ``rdia``), and its name everywhere.
        title: what people read.
        line: what it does, in one line.
        needs: what it trains on or computes, in words.
        source: where it comes from.
        stage: the stage of a whole run that makes it, None where it is computed only when asked for.
    """

    name: str
    title: str
    line: str
    needs: str
    source: str
    stage: str | None = None


@dataclass(frozen=True, kw_only=True)
class Method:
    """A detector and a treatment that the paper compares under one name; ``whole_run`` = it is what every run does."""

    name: str
    title: str
    detector: str
    treatment: str
    whole_run: bool = False


CHANCE: Literal["chance"] = "chance"  # the loss log L of a label that is believed no more than chance among L classes

DETECTORS: tuple[Detector, ...] = (
    Detector(
        name="bir",
        title="BIR",
        line="Rise of the loss from the base to the enhanced model.",
        needs="fine-tunes chosen layers on the reserved set; two forward passes",
        source="Huang et al. 2023, equation 1",
        reserved=True,
        threshold=math.log(1.05),  # the paper's recommendation (section 4.1)
        free=True,
    ),
    Detector(
        name="enhanced_loss",
        title="Loss under the enhanced model",
        line="How little the enhanced model believes the given label.",
        needs="the enhanced model; one forward pass",
        source="ablation of BIR",
        reserved=True,
        threshold=CHANCE,
        free=True,
    ),
    Detector(
        name="loss",
        title="Loss under the base model",
        line="How little the base model believes the given label.",
        needs="one forward pass",
        source="small-loss rule, Arpit et al. 2017",
        reserved=False,
        threshold=CHANCE,
        free=True,
    ),
    Detector(
        name="margin",
        title="Training margin (AUM)",
        line="Mean lead of the best other class over the given label while the base model was trained.",
        needs="the log of the base training",
        source="Pleiss et al. 2020",
        reserved=False,
        threshold=0.0,
    ),
    Detector(
        name="reserved_only",
        title="Network of the reserved set alone",
        line="Loss under a fresh network that has seen nothing but the reserved set.",
        needs="trains one network on the reserved set",
        source="baseline",
        reserved=True,
        threshold=CHANCE,
    ),
    Detector(
        name="deep_knn",
        title="Deep k-NN",
        line="Share of the nearest training samples in feature space with another label.",
        needs="features of the base model",
        source="Bahri et al. 2020",
        reserved=False,
        threshold=0.5,
    ),
    Detector(
        name="knn_shapley",
        title="KNN-Shapley",
        line="What the sample takes from a nearest-neighbour classifier of the reserved set.",
        needs="features of the base model",
        source="Jia et al. 2019",
        reserved=True,
        threshold=0.0,
    ),
    Detector(
        name="linear_influence",
        title="Linear influence",
        line="How much up-weighting the sample would raise the reserved loss, to first order.",
        needs="gradients of every sample and one curvature solve",
        source="Koh and Liang 2017",
        reserved=True,
        threshold=0.0,
    ),
    Detector(
        name="ewc_influence",
        title="EWC influence",
        line="Rise of the loss once the base model has learned its failures on the reserved set, anchored by EWC.",
        needs="the Fisher diagonal; fine-tunes on misclassified reserved samples",
        source="Tanno et al. 2022",
        reserved=True,
        threshold=0.0,
    ),
    Detector(
        name="sgd_influence",
        title="SGD influence",
        line="How much leaving the sample out of its training steps would lower the reserved loss.",
        needs="trains an SGD twin of the base model and traces its steps back",
        source="Hara et al. 2019",
        reserved=True,
        threshold=0.0,
    ),
    Detector(
        name="cleanlab",
        title="Confident learning (cleanlab)",
        line="Self-confidence of the label under cross-validated beliefs.",
        needs="trains the base recipe once per fold",
        source="Northcutt et al. 2021",
        reserved=False,
        threshold=None,
        packages=("cleanlab",),
    ),
    Detector(
        name="tracin",
        title="TracInCP (captum)",
        line="Last-layer gradient agreement with the reserved set over checkpoints.",
        needs="retrains the base model with checkpoints",
        source="Pruthi et al. 2020",
        reserved=True,
        threshold=0.0,
        packages=("captum",),
    ),
    Detector(
        name="ekfac",
        title="EK-FAC (kronfluence)",
        line="Linear influence with Kronecker-factored, eigenvalue-corrected curvature.",
        needs="curvature factors of every layer",
        source="Grosse et al. 2023",
        reserved=True,
        threshold=0.0,
        packages=("kronfluence",),
    ),
    Detector(
        name="trak",
        title="TRAK (traker)",
        line="Influence in a random projection of the gradients.",
        needs="gradients of every sample, projected",
        source="Park et al. 2023",
        reserved=True,
        threshold=0.0,
        packages=("trak",),
    ),
)

TREATMENTS: tuple[Treatment, ...] = (
    Treatment(
        name="none",
        title="Leave it as it is",
        line="The base model, untouched.",
        needs="nothing",
        source="reference",
        stage="base",
    ),
    Treatment(
        name="enhanced",
        title="Enhanced model",
        line="The enhanced model itself, which BIR only uses to find and align.",
        needs="the reserved set",
        source="ablation of BIR",
        stage="enhance",
    ),
    Treatment(
        name="bir",
        title="BIR",
        line="Trains the chosen layers on aligned suspects with soft labels and as many remaining samples.",
        needs="aligned suspects",
        source="Huang et al. 2023, section 3.2",
        stage="repair",
    ),
    Treatment(
        name="fine_tune",
        title="Fine-tune",
        line="Trains all layers further on remaining samples alone.",
        needs="remaining samples",
        source="baseline",
        stage="compare",
    ),
    Treatment(
        name="retrain",
        title="Retrain without the suspects",
        line="Trains a fresh network on everything but the suspects.",
        needs="a whole training",
        source="baseline",
        stage="compare",
    ),
    Treatment(
        name="retrain_with_reserved",
        title="Retrain with the reserved set",
        line="Trains a fresh network on everything but the suspects, and on the reserved set.",
        needs="a whole training, the reserved set",
        source="baseline",
    ),
    Treatment(
        name="hard_relabel",
        title="Hard relabelling",
        line="Trains on the suspects with the enhanced model's best guess as label, and on remaining samples.",
        needs="the enhanced model",
        source="baseline",
    ),
    Treatment(
        name="newton_removal",
        title="Newton removal",
        line="One Newton step that takes the suspects' share out of the weights.",
        needs="one curvature solve on the remaining data",
        source="Guo et al. 2020",
    ),
    Treatment(
        name="ewc_deletion",
        title="EWC deletion",
        line="Unlearns the suspects while an anchor holds what the remaining data know.",
        needs="the Fisher diagonal",
        source="Tanno et al. 2022",
    ),
    Treatment(
        name="rdia",
        title="RDIA",
        line="Trains the suspects away from their given label, and on remaining samples.",
        needs="remaining samples",
        source="Kong et al. 2022, deep version",
    ),
    Treatment(
        name="rdia_static",
        title="RDIA, static labels",
        line="The same with the relabelling computed once, at the base model.",
        needs="remaining samples",
        source="Kong et al. 2022",
    ),
)

WORKS_WITHOUT_SUSPECTS = ("enhanced", "retrain", "retrain_with_reserved")
FORGETS = ("newton_removal", "ewc_deletion")
"""Treatments that change the model even where no sample is suspect; those that also unlearn what people removed."""

METHODS: tuple[Method, ...] = (
    Method(name="sgd_influence_repair", title="SGD Influence Repair", detector="sgd_influence", treatment="fine_tune"),
    Method(
        name="linear_influence_repair",
        title="Linear Influence Repair",
        detector="linear_influence",
        treatment="newton_removal",
    ),
    Method(name="ewc_repair", title="EWC Repair", detector="ewc_influence", treatment="ewc_deletion"),
    Method(name="rdia_repair", title="RDIA", detector="linear_influence", treatment="rdia"),
    Method(name="bir_repair", title="BIR", detector="bir", treatment="bir", whole_run=True),
)
"""Section 4 of the paper. Each takes as many suspects of its own detector as BIR does; BIR itself is the whole run."""


def detector(name: str) -> Detector:
    """The detector called ``name``.

    Raises:
        InputError: there is none; the nearest names are suggested.
    """
    return _find(name, {one.name: one for one in DETECTORS}, "detector")


def treatment(name: str) -> Treatment:
    """The treatment called ``name``; raises InputError like ``detector``."""
    return _find(name, {one.name: one for one in TREATMENTS}, "treatment")


def method(name: str) -> Method:
    """The named pair called ``name``; raises InputError like ``detector``."""
    return _find(name, {one.name: one for one in METHODS}, "method")


def missing_packages(one: Detector) -> str | None:
    """What to install before the detector can run, None where nothing is missing."""
    absent = next((package for package in one.packages if importlib.util.find_spec(package) is None), None)
    said = f"{one.title} needs the optional packages: pip install -r requirements-peers.txt (missing: {absent})"
    return None if absent is None else said


def _find(name: str, known: dict[str, T], kind: str) -> T:
    if name not in known:
        raise InputError(f"unknown {kind} {name!r}: {nearest(name, known)}")
    return known[name]
