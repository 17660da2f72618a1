"""What a run has of every detector, treatment and named method: the door of the Methods page to the engine."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bir_core import methods, paper, run_folder, storage
from bir_core.comparison import Comparison
from bir_core.run_folder import Run
from dashboard import runs, words

Suspects = paper.Suspects
State = Literal["there", "old", "absent", "failed", "damaged", "impossible"]

FREE = {
    "bir": ("select", "enhance", "score"),
    "enhanced_loss": ("select", "enhance", "score"),
    "loss": ("score",),
}
"""The stages of a whole run that the scores of a detector without a stage of its own cost."""

WHOLE_RUN = {
    "none": (),
    "enhanced": ("select", "enhance"),
    "bir": ("align", "repair"),
    "fine_tune": ("compare",),
    "retrain": ("compare",),
    "bir_repair": ("select", "enhance", "score", "identify", "align", "repair"),
}
"""The stages of a whole run that a treatment, or BIR as a whole, costs."""

NOT_CROSS_FITTED = (
    "There are no test images, so it would have to be trained anew for each fold of the reserved set; a repair that "
    "puts it first does so."
)

HUMAN = {"aggregate": "aggregate", "random2": "random", "worst": "worst"}
"""The sets of CIFAR-10N as our settings and as the paper call them."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A detector, a treatment or a named method, and what this run has of it.

    Attributes:
        name: in ``methods``.
        title: what people read.
        line: what it does.
        needs: what it looks at, trains or computes.
        stage: the stage that computes it when asked, None where every run has it.
        model: the name of its model in the folder of its probabilities, empty for a detector.
        reserved: whether it sees the reserved set.
        state: whether its figures are there, and if not, why.
        reason: why it cannot run, empty where it can.
        figures: as ``ranking.detection_figures`` or ``comparison.model_figures`` make them, None where there are none.
        gain: paired difference to the base model by group, None for that itself and for a detector.
        facts: what a reader must know to judge it.
        seconds, peak_memory_mb: what it cost, None where it did not run.
    """

    name: str
    title: str
    line: str
    needs: str
    stage: str | None = None
    model: str = ""
    reserved: bool = True
    state: State = "there"
    reason: str = ""
    figures: Mapping[str, Any] | None = None
    gain: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    peak_memory_mb: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether its figures are of the run as it is now."""
        return self.state == "there"

    @property
    def can_run(self) -> bool:
        """Whether somebody may ask for it: it can run here, and its figures are not there."""
        return self.stage is not None and self.state != "there" and not self.reason


@dataclass(frozen=True, kw_only=True)
class Board:
    """Every detector, treatment and named method, in the order of ``methods``."""

    detectors: list[Entry]
    treatments: list[Entry]
    named: list[Entry]


def of_run(run: Run, report: Mapping[str, Any]) -> Board:
    """What a run with that report has of every method."""
    look = _Look(run=run, report=report, fresh=run_folder.fresh_stages(run), failed=_failed(run))
    return Board(
        detectors=[_detector(look, one) for one in methods.DETECTORS],
        treatments=[_treatment(look, one) for one in methods.TREATMENTS],
        named=[_named(look, one) for one in methods.METHODS],
    )


def why_not(treatment: str, *, num_treated: int, num_removed: int) -> str:
    """Why a treatment has nothing to do where so many samples are treated and removed, empty where it has."""
    forgets = treatment in methods.FORGETS
    if num_treated or (num_removed and forgets) or treatment in methods.WORKS_WITHOUT_SUSPECTS:
        return ""
    return f"No sample is suspect{' or removed' * forgets}, so it would change nothing."


def offered() -> list[methods.Treatment]:
    """The treatments that a repair may be made with."""
    return [one for one in methods.TREATMENTS if one.name != "none"]


def with_treatments(report: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The report, and in it the models of the treatments that were asked for besides."""
    more = [one for one in entries if one.stage and one.is_there and one.name not in report["models"]]
    return {
        **report,
        "models": {**report["models"], **{one.name: one.figures for one in more}},
        "differences": [
            *report["differences"],
            *({"model": one.name, "minus": "base", **(one.gain or {})} for one in more),
        ],
    }


def difference(run: Run, model: Entry, minus: Entry) -> Mapping[str, float] | None:
    """Paired difference of two treatments on all test images, in points, with its 95 % interval.

    Without test images it is that on the reserved images, cross-fitted.
    """
    part = words.part(runs.report(run))
    labels = storage.load_labels(run.path / "data", part)
    before, after = (
        storage.load_probabilities(run.path / (one.stage or "evaluate"), part, one.model) for one in (minus, model)
    )
    return Comparison(before=before, after=after, labels=labels, noisy_classes=()).differences["all"]


def printed(report: Mapping[str, Any], method: str, suspects: Suspects = "own") -> paper.Accuracy | None:
    """What the paper has for such a run, in percent."""
    return paper.accuracy(method, suspects=suspects, **_setting(report))


def printed_auc(report: Mapping[str, Any]) -> float | None:
    """The paper's AUC of BIR for such a run."""
    return paper.auc(**_setting(report))


def paper_notes(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the paper's numbers for such a run do not agree with one another."""
    return paper.notes(**_setting(report))


def _setting(report: Mapping[str, Any]) -> dict[str, str]:
    data, corruption = report["data"], report["data"]["corruption"]
    if corruption == "human":
        corruption = HUMAN[report["config"]["data"]["human_labels"]]
    return {"dataset": data["source"], "network": report["base"]["network"], "corruption": corruption}


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What is asked of a run once for all methods."""

    run: Run
    report: Mapping[str, Any]
    fresh: Collection[str]
    failed: Collection[str]

    def why_not(self, treatment: str) -> str:
        """See ``why_not``."""
        repair = self.report["repair"]
        return why_not(
            treatment,
            num_treated=repair["num_aligned"] + repair["num_relabelled"],
            num_removed=self.report["review"]["remove"],
        )

    def reported(self, model: str) -> dict[str, Any]:
        """What the report says of a model; not every report has every one."""
        if model not in self.report["models"]:
            return {"state": "impossible", "reason": NOT_CROSS_FITTED}
        rows = self.report["differences"]
        gain = next((row for row in rows if row["model"] == model and row["minus"] == "base"), None)
        return {"figures": self.report["models"][model], "gain": gain}

    def cost(self, stages: Sequence[str]) -> dict[str, Any]:
        """Seconds of all the stages of a report, and the largest memory."""
        seconds, memory = self.report["seconds"], self.report["peak_memory_mb"]
        return {
            "seconds": sum(seconds[name] for name in stages),
            "peak_memory_mb": max((memory[name] for name in stages), default=None),
        }

    def computed(self, stages: Sequence[str], reason: str) -> dict[str, Any]:
        """State, findings and cost of what the optional stages compute one after the other."""
        absent = {"state": "impossible" if reason else "absent", "reason": reason}
        if stages[-1] in self.failed and not reason:
            return absent | {"state": "failed"}
        try:
            results = [run_folder.read_stage(self.run, name) for name in stages]
            if results[-1] is None:
                return absent
            found = storage.load_findings(self.run.path / stages[-1])
        except runs.RunDamaged:
            return absent | {"state": "damaged"}
        costs = [one for one in results if one is not None]
        is_fresh = stages[-1] in self.fresh
        return {
            "state": "there" if is_fresh else "old",
            "reason": "" if is_fresh else reason,
            "figures": found["figures"],
            "gain": found.get("gain"),
            "facts": found["facts"],
            "seconds": sum(one.seconds for one in costs),
            "peak_memory_mb": max(one.peak_memory_mb for one in costs),
        }


def _detector(look: _Look, one: methods.Detector) -> Entry:
    about: dict[str, Any] = {
        "name": one.name,
        "title": one.title,
        "line": one.line,
        "needs": one.needs,
        "reserved": one.reserved,
    }
    if one.free:
        figures = look.report["identification"]["detectors"][one.name]
        return Entry(**about, figures=figures, **look.cost(FREE[one.name]))
    stage = f"detect-{one.name}"
    return Entry(**about, stage=stage, **look.computed([stage], methods.missing_packages(one) or ""))


def _treatment(look: _Look, one: methods.Treatment) -> Entry:
    model = "base" if one.name == "none" else one.name
    about: dict[str, Any] = {"name": one.name, "title": one.title, "line": one.line, "needs": one.needs, "model": model}
    if one.stage is not None:
        return Entry(**about, **look.reported(model), **look.cost(WHOLE_RUN[one.name]))
    stage = f"treat-{one.name}"
    return Entry(**about, stage=stage, **look.computed([stage], look.why_not(one.name)))


def _named(look: _Look, one: methods.Method) -> Entry:
    detector, treatment = methods.detector(one.detector), methods.treatment(one.treatment)
    about: dict[str, Any] = {
        "name": one.name,
        "title": one.title,
        "line": f"{detector.title}, then {treatment.title}",
        "needs": f"{detector.needs}; {treatment.needs}",
        "model": "bir" if one.whole_run else one.name,
    }
    if one.whole_run:
        return Entry(**about, **look.reported("bir"), **look.cost(WHOLE_RUN[one.name]))
    stage = f"method-{one.name}"
    reason = look.why_not(treatment.name)
    return Entry(**about, stage=stage, **look.computed([f"detect-{detector.name}", stage], reason))


def _failed(run: Run) -> Collection[str]:
    """The stages at which this run's newest job failed."""
    job = runs.latest_job(run.name)
    if job is None or job.state != "failed":
        return ()
    return [step.stage for step in job.progress if step.state == "failed"]
