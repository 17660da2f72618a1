"""A config written as TOML is that config when it is read again, whatever is in it, and says no more than it must."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bir_core import config, config_text
from bir_core.card import Card
from bir_core.config import RunConfig
from bir_core.data_config import DataConfig, OwnDataConfig
from bir_core.errors import InputError
from dashboard import form_fields
from dashboard.form_fields import FormField

WORDS = st.text(max_size=8)
# What the forms leave to a config file.
WRITTEN_BY_HAND = {
    "review": st.fixed_dictionaries(
        {
            "keep": st.lists(st.integers(0, 20), unique=True, max_size=3),
            "remove": st.lists(st.integers(21, 40), unique=True, max_size=3),
            "relabel": st.lists(
                st.tuples(st.integers(41, 60), st.integers(0, 9)), unique_by=lambda pair: pair[0], max_size=3
            ),
        }
    ),
    "groups": st.dictionaries(
        st.from_regex(r"[A-Za-z]\w{0,8}", fullmatch=True), st.lists(WORDS, min_size=1, max_size=3), max_size=3
    ),
}


def values_of(field: FormField) -> st.SearchStrategy[Any]:
    """Values that a field takes, mostly."""
    low, high = field.low, field.high
    by_kind: dict[str, st.SearchStrategy[Any]] = {
        "choice": st.sampled_from(field.options or ("",)),
        "toggle": st.booleans(),
        "whole": st.integers(0 if low is None else int(low), 10**6 if high is None else int(high)),
        "number": st.floats(-1e9 if low is None else low, 1e300 if high is None else high, allow_nan=False),
        "text": WORDS,
        "words": st.lists(WORDS, max_size=3),
        "numbers": st.lists(st.floats(0.01, 300), min_size=1, max_size=3),
        "word_or_number": st.one_of(st.sampled_from(field.options or ("",)), st.floats(0, 100)),
    }
    return st.one_of(st.none(), by_kind[field.kind]) if field.is_optional else by_kind[field.kind]


def section_values(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A section with a few of its fields set, often none."""
    fields = {field.name: values_of(field) for field in form_fields.of(model) if field.kind != "none"}
    some = st.fixed_dictionaries({}, optional=fields)
    return some.map(lambda values: dict(list(values.items())[:2]))


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    sections = form_fields.sections_of(RunConfig)
    values: dict[str, Any] = {name: draw(section_values(model)) for name, model in sections.items() if name != "review"}
    values |= draw(section_values(RunConfig)) | {"name": draw(st.sampled_from(["run", "my-run.2"]))}
    values["review"] = draw(st.one_of(st.just({}), WRITTEN_BY_HAND["review"]))
    values["methods"] = {
        name: draw(section_values(model)) for name, model in form_fields.sections_of(sections["methods"]).items()
    }
    values["base"] |= draw(
        st.one_of(
            st.just({"network": "lenet", "start": "scratch", "preset": "early_stop"}),
            st.just({"network": "conv4", "start": 'C:\\a "b".pth', "preset": "trained"}),
            st.builds(
                lambda groups, card: {
                    "network": "timm:resnet18.a1", "start": "x.pt", "preset": "trained", "groups": groups, "card": card,
                },
                WRITTEN_BY_HAND["groups"],
                st.one_of(st.none(), st.just({"size": [32, 48], "resize": 64}), st.just(Card().model_dump())),
            ),
        )
    )  # fmt: skip
    values["enhance"] |= {"layers": draw(st.sampled_from(["auto", "3", "1-3"]))}
    values["data"] = draw(
        st.one_of(
            section_values(DataConfig),
            st.builds(lambda more: {"source": "own", "images": "leaves"} | more, section_values(OwnDataConfig)),
        )
    )
    values["data"] = {name: value for name, value in values["data"].items() if value != ""}
    try:
        return config.parse(values, origin="drawn")
    except InputError:
        assume(False)
        raise


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(configs())
def test_what_is_written_is_read_again(drawn: RunConfig) -> None:
    text = config_text.toml(drawn)
    assert config.parse(tomllib.loads(text), origin="text") == drawn


def test_a_file_of_any_name_keeps_the_name_of_the_run(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text(config_text.toml(RunConfig()), encoding="utf-8")
    assert config.load(file) == RunConfig()


def test_only_what_differs_is_written() -> None:
    wanted = config.parse(
        {"name": "a", "seed": 3, "base": {"learning_rate": 1e-05}, "methods": {"trak": {"projection": 64}}}, origin="x"
    )
    assert config_text.toml(wanted) == (
        'name = "a"\nseed = 3\n\n[base]\nlearning_rate = 1e-05\n\n[methods.trak]\nprojection = 64\n'
    )


def test_own_images_say_that_they_are_own() -> None:
    data = {"source": "own", "images": "leaves", "noisy_classes": ['o"ak\x7f\n', "ash 🍃"]}
    wanted = config.parse({"data": data}, origin="x")
    assert tomllib.loads(config_text.toml(wanted))["data"].items() >= data.items()


def test_a_name_that_toml_does_not_take_bare_is_quoted() -> None:
    base = {"network": "timm:resnet18", "preset": "trained", "start": "x.pt"}
    wanted = config.parse({"base": {**base, "groups": {"tête": ["fc."], "stem_1": ["conv1."]}}}, origin="x")
    text = config_text.toml(wanted)
    assert '"tête" = ["fc."]\nstem_1 = ["conv1."]\n' in text
    assert config.parse(tomllib.loads(text), origin="text") == wanted


def test_a_value_that_toml_cannot_write_is_refused() -> None:
    with pytest.raises(ValueError, match="no way to write None"):
        config_text.toml(RunConfig().model_copy(update={"seed": None}))


def test_what_may_be_empty_is_empty_by_default() -> None:
    """Otherwise nothing could be written that means empty."""
    sections = form_fields.sections_of(RunConfig)
    every: list[type[BaseModel]] = [
        *sections.values(),
        *form_fields.sections_of(sections["methods"]).values(),
        OwnDataConfig,
        DataConfig,
        Card,
    ]
    optional = [field for section in every for field in form_fields.of(section) if field.is_optional]
    assert len(optional) > 5
    assert [field.name for field in optional if field.default is not None] == []
