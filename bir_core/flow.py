"""The flow as a table: which stages there are, what each needs, and which config sections it reads. No torch here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bir_core import methods
from bir_core.config import RunConfig
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError, nearest
from bir_core.method_config import MethodsConfig


@dataclass(frozen=True, kw_only=True)
class StageEvent:
    """What a watcher of a computation is told. ``done`` of ``total`` is in units of the stage's own choosing."""

    stage: str
    state: Literal["skipped", "started", "working", "finished"]
    done: int = 0
    total: int = 0
    seconds: float = 0.0


Watch = Callable[[StageEvent], None]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One arrow of the flow.

    Attributes:
        name: the verb, also the name of its folder in a run.
        title: what a person reads while it works.
        needs: stages whose results it reads.
        sections: config sections that it reads; when one of them changes, the stage is computed again.
        version: form of its result; raised when a result of before cannot be read any more.
        optional: computed only when it is asked for by name.
        heeds_verdicts: the result depends on what people have decided since.
        heeds_method: it also reads the model that the run's report puts first, see ``needs``.
        judges: it says how good its models are, for which it may have to train everything anew, see ``sections``.
        heeds_settings: the result shows the run's name and every setting, so that a fork makes its own.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    sections: tuple[str, ...]
    version: int = 1
    optional: bool = False
    heeds_verdicts: bool = False
    heeds_method: bool = False
    judges: bool = False
    heeds_settings: bool = False


CROSS_FIT = "cross_fit"

_CASE = ("data", "base", "select", "enhance", "identify", "align")


def _options(*names: str) -> tuple[str, ...]:
    """The config sections of those of the methods that have any options."""
    return tuple(f"methods.{name}" for name in names if name in MethodsConfig.model_fields)


def _detector_stage(one: methods.Detector) -> Stage:
    return Stage(
        name=f"detect-{one.name}",
        title=f"Score by {one.title}",
        needs=("data", "base"),
        sections=("base", *_options(one.name)),
        optional=True,
    )


def _treatment_stage(one: methods.Treatment) -> Stage:
    return Stage(
        name=f"treat-{one.name}",
        title=f"Treat by {one.title}",
        needs=_CASE,
        sections=("base", "review", "repair", *_options(one.name)),
        optional=True,
        judges=True,
    )


def _method_stage(one: methods.Method) -> Stage:
    return Stage(
        name=f"method-{one.name}",
        title=f"Repair by {one.title}",
        needs=(*_CASE, f"detect-{one.detector}"),
        sections=("base", "review", "repair", *_options(one.treatment)),
        optional=True,
        judges=True,
    )


STAGES: tuple[Stage, ...] = (
    Stage(
        name="data",
        title="Load, split and corrupt the images",
        needs=(),
        sections=("data", "base"),
        version=2,
    ),
    Stage(name="base", title="Train the base model", needs=("data",), sections=("base",), version=2),
    Stage(name="select", title="Choose the layers to update", needs=("data", "base"), sections=("enhance",)),
    Stage(
        name="enhance",
        title="Train the enhanced model on the reserved set",
        needs=("data", "base", "select"),
        sections=("enhance",),
    ),
    Stage(
        name="score",
        title="Score every training sample",
        needs=("data", "base", "enhance"),
        sections=(),
        version=2,
    ),
    Stage(
        name="embed",
        title="Lay the samples out by their features",
        needs=("data", "enhance"),
        sections=("embed",),
    ),
    Stage(name="identify", title="Pick the suspects", needs=("score",), sections=("identify",), version=2),
    Stage(
        name="align",
        title="Align the inputs",
        needs=("data", "enhance", "score", "identify"),
        sections=("align",),
        version=2,
    ),
    Stage(
        name="repair",
        title="Repair the model",
        needs=("data", "base", "select", "identify", "align"),
        sections=("review", "repair"),
    ),
    Stage(
        name="compare",
        title="Train the models to compare with",
        needs=("data", "base", "identify"),
        sections=("base", "review", "repair"),
    ),
    *(_detector_stage(one) for one in methods.DETECTORS if not one.free),
    *(_treatment_stage(one) for one in methods.TREATMENTS if one.stage is None),
    *(_method_stage(one) for one in methods.METHODS if not one.whole_run),
    Stage(
        name=CROSS_FIT,
        title="Cross-fit on the reserved set where there are no test images",
        needs=("data", "base"),
        sections=("base", "enhance", "identify", "align", "review", "repair", "evaluate", "methods"),
        optional=True,
    ),
    Stage(
        name="evaluate",
        title="Evaluate every model",
        needs=("data", "base", "select", "enhance", "score", "identify", "align", "repair", "compare"),
        sections=("review", "evaluate"),
        version=3,
        heeds_method=True,
    ),
    Stage(
        name="sensitivity",
        title="Repair at several thresholds",
        needs=("data", "base", "select", "enhance", "score", "identify", "align"),
        sections=("align", "review", "repair"),
        optional=True,
        judges=True,
    ),
    Stage(
        name="reserved_sizes",
        title="Try smaller reserved sets",
        needs=("data", "base", "select", "identify"),
        sections=("enhance",),
        optional=True,
    ),
    Stage(
        name="export-table",
        title="Export scores, suspects and verdicts",
        needs=("data", "score", "identify"),
        sections=(),
        optional=True,
        heeds_verdicts=True,
    ),
    Stage(
        name="export-cleaned",
        title="Export the cleaned data set",
        needs=("data", "score", "identify"),
        sections=("review",),
        optional=True,
        heeds_verdicts=True,
    ),
    Stage(
        name="export-aligned",
        title="Export the aligned inputs",
        needs=("data", "identify", "align"),
        sections=(),
        optional=True,
    ),
    Stage(
        name="export-weights",
        title="Export the repaired model",
        needs=("enhance", "repair", "compare", "evaluate"),
        sections=("evaluate",),
        optional=True,
        heeds_method=True,
        heeds_settings=True,
    ),
    Stage(
        name="export-report",
        title="Export the report as one page",
        needs=("data", "score", "identify", "align", "evaluate"),
        sections=(),
        optional=True,
        heeds_verdicts=True,
        heeds_settings=True,
    ),
)

NAMES: tuple[str, ...] = tuple(stage.name for stage in STAGES if not stage.optional)
"""What a whole run computes, in flow order."""

EVERY_NAME: tuple[str, ...] = tuple(stage.name for stage in STAGES)


def find(name: str) -> Stage:
    """The stage called ``name``.

    Raises:
        InputError: there is none; the nearest names are suggested.
    """
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise InputError(f"unknown stage {name!r}: {nearest(name, EVERY_NAME)}")


def needs(stage: Stage, config: RunConfig) -> tuple[str, ...]:
    """The stages whose results ``stage`` reads in a run under ``config``.

    A treatment that a whole run does not make has a stage of its own, which only the report that puts it first needs.
    Somebody's own images may come without a test part, so their report needs what stands in for it.
    """
    method = methods.treatment(config.evaluate.method)
    own = (f"treat-{method.name}",) if stage.heeds_method and method.stage is None else ()
    stand_in = (CROSS_FIT,) if stage.name == "evaluate" and isinstance(config.data, OwnDataConfig) else ()
    return (*stage.needs, *own, *stand_in)


def sections(stage: Stage, config: RunConfig) -> tuple[str, ...]:
    """The config sections that ``stage`` reads in a run under ``config``.

    Without test images accuracies are cross-fitted on the reserved set: all stages are computed for each fold.
    """
    cross_fits = stage.judges and isinstance(config.data, OwnDataConfig)
    return tuple(dict.fromkeys((*stage.sections, *(find(CROSS_FIT).sections if cross_fits else ()))))
