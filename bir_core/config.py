"""What a run is asked to do: one frozen model per stage, and ``RunConfig`` that composes them.

They live in one module, not beside the stages, because the dashboard builds its forms from them and must never
import torch, which every stage does.
"""

import json
import math
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from bir_core.base_config import BaseConfig, BasePreset, Network
from bir_core.data_config import KINDS, NUM_CLASSES, AnyData, Corruption, DataConfig, OwnDataConfig
from bir_core.errors import InputError, nearest
from bir_core.method_config import MethodsConfig
from bir_core.sections import NAME_PATTERN, NAME_RULE, Positive, Rate, Section

Treatment = Literal[
    "enhanced",
    "bir",
    "fine_tune",
    "retrain",
    "retrain_with_reserved",
    "hard_relabel",
    "newton_removal",
    "ewc_deletion",
    "rdia",
    "rdia_static",
]
"""Those of ``methods.TREATMENTS`` that a report may put first."""

Layout = Literal["pca", "umap"]

LANDMARKS: dict[str, float] = {
    "0": 0.0,
    "log 1.01": math.log(1.01),
    "log 1.05": math.log(1.05),
    "log 1.1": math.log(1.1),
}
"""The score thresholds that the paper discusses (section 4.1 of the paper); log 1.05 is its recommendation."""

Position = Annotated[int, Field(ge=0, strict=True)]
Label = Annotated[int, Field(ge=0, strict=True)]
Relabelling = Annotated[tuple[Position, Label], Field(strict=False)]


class EnhanceConfig(Section):
    """How the layer subset is chosen and the enhanced model trained on the reserved set."""

    layers: str = Field("auto", description='"auto", or a subset such as "3" or "1-3"')
    learning_rate: Rate = 1e-3
    batch_size: Positive = 16
    patience: Positive = Field(5, description="epochs without a lower training loss before it ends")
    max_epochs: Positive = 100

    @model_validator(mode="after")
    def _known_form(self) -> "EnhanceConfig":
        if not re.fullmatch(r"auto|[1-9]\d*(-[1-9]\d*)?", self.layers):
            raise ValueError(
                f'layers must be "auto", one layer such as "3" or a range such as "1-3", got {self.layers!r}'
            )
        return self


class EmbedConfig(Section):
    """How the samples are laid out on a map; nothing but the map depends on it."""

    layout: Layout = Field("pca", description="pca, or umap where the package umap-learn is installed")


class IdentifyConfig(Section):
    """Which samples are taken for detrimental: those above the threshold, or the top K when ``top_k`` is given."""

    threshold: float = Field(math.log(1.05), description="scores above it are suspects (the paper: log 1.05)")
    top_k: int | None = Field(None, ge=0, description="take this many of the highest scores instead")


class AlignConfig(Section):
    """One energy step on the input, and the soft label there."""

    eta: float | Literal["auto"] = Field(
        "auto", description='step size; 1 is the paper\'s, 0 relabels without moving, "auto" bounds the relative step'
    )
    relative_step: float = Field(0.05, gt=0, description='largest mean ||x~ - x|| / ||x|| that "auto" allows')
    clamp: bool = Field(False, description="keep aligned pixels in [0, 1] (the paper does not)")
    stored_mb: Positive = Field(
        256, description="aligned images kept on disk: every sample's where they fit, else the most suspect ones"
    )

    @field_validator("eta", mode="before")
    @classmethod
    def _auto_or_a_step(cls, value: object) -> object:
        if value == "auto":
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value):
            return float(value)
        raise ValueError(f'must be "auto" or a number of at least 0, got {value!r}')


class ReviewConfig(Section):
    """What people have decided about training samples, by position; the repair heeds it whatever the score says."""

    keep: Annotated[tuple[Position, ...], Field(strict=False)] = Field(
        (), description="samples that are right as given"
    )
    remove: Annotated[tuple[Position, ...], Field(strict=False)] = Field((), description="samples that are left out")
    relabel: Annotated[tuple[Relabelling, ...], Field(strict=False)] = Field(
        (), description="pairs of a sample and its right class"
    )

    @model_validator(mode="after")
    def _once(self) -> "ReviewConfig":
        judged = [*self.keep, *self.remove, *(sample for sample, _ in self.relabel)]
        twice = sorted(sample for sample, count in Counter(judged).items() if count > 1)
        if twice:
            raise ValueError(f"a sample has one verdict, got two for {', '.join(map(str, twice[:5]))}")
        return self

    @property
    def largest(self) -> int:
        """The highest position that is judged, -1 = none."""
        return max([*self.keep, *self.remove, *(sample for sample, _ in self.relabel)], default=-1)

    @property
    def largest_label(self) -> int:
        """The highest class that a sample is given, -1 = none."""
        return max((label for _, label in self.relabel), default=-1)


class RepairConfig(Section):
    """How the base model is repaired on aligned suspects, or fine-tuned on the rest for comparison."""

    learning_rate: Rate = 1e-3
    batch_size: Positive = 16
    patience: Positive = Field(5, description="epochs without a lower training loss before it ends")
    max_epochs: Positive = 100


class EvaluateConfig(Section):
    """What the report puts first; a treatment that a whole run does not make is then made too."""

    method: Treatment = Field("bir", description="the repaired model that the report puts first")


class RunConfig(Section):
    """A whole run; one TOML or JSON file."""

    name: str = Field("run", pattern=NAME_PATTERN, description="folder name of the run")
    seed: int = Field(0, ge=0, lt=2**32, description="root of every random draw")
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Positive | None = Field(
        None, description="CPU threads; the same number gives the same bits whatever the cores; empty: torch's choice"
    )
    data: AnyData = DataConfig()
    base: BaseConfig = BaseConfig()
    enhance: EnhanceConfig = EnhanceConfig()
    embed: EmbedConfig = EmbedConfig()
    identify: IdentifyConfig = IdentifyConfig()
    align: AlignConfig = AlignConfig()
    review: ReviewConfig = ReviewConfig()
    repair: RepairConfig = RepairConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    methods: MethodsConfig = MethodsConfig()

    @model_validator(mode="after")
    def _fits_the_data(self) -> "RunConfig":
        """What can be told before the images are there; of somebody's own images nothing can."""
        if isinstance(self.data, OwnDataConfig):
            return self
        num_scored = self.data.num_scored
        if self.identify.top_k is not None and self.identify.top_k > num_scored:
            raise ValueError(
                f"identify.top_k must be at most the {num_scored} training samples, got {self.identify.top_k}"
            )
        if self.review.largest >= num_scored:
            raise ValueError(
                f"review: the {num_scored} training samples are 0 to {num_scored - 1}, got {self.review.largest}"
            )
        if self.review.largest_label >= NUM_CLASSES:
            raise ValueError(f"review.relabel: the classes are 0 to {NUM_CLASSES - 1}, got {self.review.largest_label}")
        return self


def parse(values: dict[str, Any], *, origin: str) -> RunConfig:
    """A validated config from plain values.

    Raises:
        InputError: naming ``origin``, each wrong field, what was got and what was expected.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{origin}: {_explain(error)}") from None


def parse_form(values: dict[str, Any], *, origin: str) -> RunConfig:
    """The same for values that come from a browser, which may not name code to run.

    Raises:
        InputError: as ``parse``, and where the network is a factory.
    """
    found = parse(values, origin=origin)
    if found.base.runs_code:
        raise InputError(
            f"{origin}: base.network {found.base.network!r} runs code, which only a config file may ask for: write it "
            "into one and use the command line"
        )
    return found


def load(path: Path) -> RunConfig:
    """Read a ``.toml`` or ``.json`` config file.

    Raises:
        InputError: the file is absent, is not TOML or JSON, or a value in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"cannot read the config {path}: {error.strerror}. Give the path of a TOML file.") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path} is not valid {'JSON' if path.suffix == '.json' else 'TOML'}: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold a table of settings, got {type(values).__name__}")
    return parse({"name": _name_from(path), **values}, origin=str(path))


def demo(corruption: Corruption, network: Network, base: BasePreset, seed: int) -> RunConfig:
    """The config of the bundled demonstration."""
    return RunConfig(
        name=f"demo-{corruption}-{network}-{base}-seed{seed}",
        seed=seed,
        threads=1 if network == "lenet" else None,  # so small that a second thread costs more than it brings
        data=DataConfig(corruption=corruption),
        base=BaseConfig(network=network, preset=base),
    )


def _name_from(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("._-")[:80] or "run"


def _explain(error: ValidationError) -> str:
    sentences = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"] if part not in KINDS)
        if problem["type"] == "extra_forbidden":
            sentences.append(f"unknown key {where}; {_known_keys(problem['loc'])}")
            continue
        if problem["type"] == "string_pattern_mismatch":
            sentences.append(f"{where}: {problem['input']!r} cannot be a name: {NAME_RULE}")
            continue
        got = "" if problem["type"] == "value_error" else f", got {problem['input']!r}"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "literal_error":
            got += _meant(str(problem["input"]), problem["ctx"]["expected"])
        sentences.append(f"{where}: {message}{got}" if where else f"{message}{got}")
    return "; ".join(sentences)


def _meant(got: str, expected: str) -> str:
    """What was probably meant, of the quoted values that are allowed; nothing where none is near."""
    hint = nearest(got, re.findall(r"'([^']*)'", expected))
    return f": {hint}" if hint.startswith("did you mean") else ""


def _known_keys(location: tuple[int | str, ...]) -> str:
    section: type[BaseModel] = RunConfig
    for part in location[:-1]:
        inner = KINDS.get(part) or section.model_fields[str(part)].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            section = inner
    return "known keys: " + ", ".join(section.model_fields)
