"""What kind of value a form asks for, read from the config's own models."""

import math
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from bir_core.base_config import BaseConfig
from bir_core.card import Card
from bir_core.config import AlignConfig, IdentifyConfig, RunConfig
from bir_core.data_config import DataConfig, OwnDataConfig
from dashboard import form_fields
from dashboard.form_fields import FormField

ONLY_IN_A_FILE = {"review.keep", "review.remove", "review.relabel", "base.groups"}


def field(section: type[BaseModel], name: str) -> FormField:
    return next(one for one in form_fields.of(section) if one.name == name)


def every_field(section: type[BaseModel], path: str = "") -> list[tuple[str, FormField]]:
    found = [(f"{path}{one.name}", one) for one in form_fields.of(section)]
    for name, inner in form_fields.sections_of(section).items():
        found += every_field(inner, f"{path}{name}.")
    return found


def test_every_setting_has_a_widget_or_is_known_to_have_none() -> None:
    found = every_field(RunConfig)
    assert len(found) > 50
    # Positions of samples are numbers, but nobody knows them before there is a run.
    without = {path for path, one in found if one.kind == "none"} | {"review.keep", "review.remove"}
    assert without == ONLY_IN_A_FILE


@pytest.mark.parametrize(
    ("section", "name", "kind", "options", "low", "high", "is_optional"),
    [
        (RunConfig, "seed", "whole", (), 0, 2**32 - 1, False),
        (RunConfig, "threads", "whole", (), 1, None, True),
        (RunConfig, "device", "choice", ("auto", "cpu", "cuda", "mps"), None, None, False),
        (BaseConfig, "learning_rate", "number", (), 0, None, False),
        (BaseConfig, "network", "text", (), None, None, False),
        (BaseConfig, "groups", "none", (), None, None, True),
        (DataConfig, "epsilon", "number", (), 0, 1, True),
        (DataConfig, "num_train", "whole", (), 1, None, False),
        (OwnDataConfig, "noisy_classes", "words", (), None, None, True),
        (OwnDataConfig, "images", "text", (), None, None, False),
        (AlignConfig, "eta", "word_or_number", ("auto",), None, None, False),
        (AlignConfig, "clamp", "toggle", (), None, None, False),
        (IdentifyConfig, "top_k", "whole", (), 0, None, True),
        (Card, "mean", "numbers", (), None, None, False),
        (Card, "channels", "choice", (1, 3), None, None, False),
    ],
)
def test_kind_and_bounds(  # noqa: PLR0917 - one row per field
    section: type[BaseModel],
    name: str,
    kind: str,
    options: tuple[object, ...],
    low: float | None,
    high: float | None,
    is_optional: bool,
) -> None:
    found = field(section, name)
    assert (found.kind, found.options, found.low, found.high, found.is_optional) == (
        kind, options, low, high, is_optional,
    )  # fmt: skip


def test_default_and_help_are_the_models_own() -> None:
    found = field(IdentifyConfig, "threshold")
    assert (found.default, found.title) == (math.log(1.05), "Threshold")
    assert found.help == IdentifyConfig.model_fields["threshold"].description
    assert field(OwnDataConfig, "images").default is None


def test_defaults_may_be_those_of_another_instance() -> None:
    usual = Card(size=(32, 32))
    assert next(one.default for one in form_fields.of(Card, usual=usual) if one.name == "size") == (32, 32)


def test_literals_in_a_union_are_one_choice() -> None:
    class Section(BaseModel):
        rule: Literal["a", "b"] | Literal["b", "c"] = "a"
        share: Annotated[float, Field(ge=0.5)] | None = None
        mixed: int | str = 1

    rule, share, mixed = form_fields.of(Section)
    assert (rule.kind, rule.options) == ("choice", ("a", "b", "c"))
    assert (share.kind, share.low, share.is_optional) == ("number", 0.5, True)
    assert mixed.kind == "none"


@pytest.mark.parametrize(
    ("section", "name", "text", "value"),
    [
        (Card, "mean", "0.485, 0.456,0.406", (0.485, 0.456, 0.406)),
        (Card, "size", "32, 48", (32, 48)),
        (Card, "size", "big", "big"),
        (AlignConfig, "eta", " auto ", "auto"),
        (AlignConfig, "eta", "0.5", 0.5),
        (AlignConfig, "eta", "much", "much"),
        (RunConfig, "name", " x ", "x"),
    ],
)
def test_text_is_read(section: type[BaseModel], name: str, text: str, value: object) -> None:
    assert form_fields.read(field(section, name), text) == value


@pytest.mark.parametrize("path_and_field", every_field(Card) + every_field(AlignConfig), ids=lambda one: one[0])
def test_a_default_in_a_text_box_is_read_back(path_and_field: tuple[str, FormField]) -> None:
    _, one = path_and_field
    if one.kind in ("text", "numbers", "word_or_number"):
        assert form_fields.read(one, form_fields.as_text(one.default)) == one.default


@pytest.mark.parametrize(("default", "expected"), [(1e-3, 1e-4), (0.05, 1e-3), (1.0, 0.1), (None, 0.01), (0, 0.01)])
def test_a_step_is_a_tenth_of_the_size(default: float | None, expected: float) -> None:
    assert form_fields.step(default) == pytest.approx(expected)
