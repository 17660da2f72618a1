"""A wrong config gets one sentence: which field, what was got, what was expected."""

import re
from pathlib import Path

import pytest

from bir_core import config
from bir_core.errors import InputError


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"seed": "7"}, r"seed: .*valid integer, got '7'"),
        ({"seed": True}, r"seed: .*valid integer, got True"),
        ({"seed": -1}, r"seed: .*greater than or equal to 0, got -1"),
        (
            {"name": "../x"},
            r"name: '\.\./x' cannot be a name: give 1 to 80 letters, digits, .*, the first a letter or digit",
        ),
        ({"device": "tpu"}, r"device: .*'auto', 'cpu', 'cuda' or 'mps', got 'tpu'"),
        ({"data": 3}, r"data: .*dictionary.*, got 3"),
        ({"colour": 1}, r"unknown key colour; known keys: name, seed, device, threads, data"),
        ({"align": {"step": 1}}, r"unknown key align\.step; known keys: eta, relative_step, clamp"),
        ({"data": {"corruption": "blur"}}, r"data\.corruption: .*'label'.*got 'blur'"),
        ({"data": {"num_train": 2995}}, r"num_train must be a multiple of 10.*got 2995"),
        ({"data": {"num_reserved": 0}}, r"data\.num_reserved: .*greater than or equal to 1, got 0"),
        ({"data": {"validation_fraction": 1.0}}, r"data\.validation_fraction: .*less than 1, got 1\.0"),
        ({"base": {"network": "vgg"}}, r"base\.network: .*'lenet', 'conv4', 'resnet20'.*, got 'vgg'"),
        ({"data": {"source": "cifar"}}, r"data\.source: .*got 'cifar': did you mean cifar10\?"),
        ({"data": {"corruption": "human"}}, r'corruption "human" needs source "cifar10", got \'mnist5k\''),
        ({"base": {"start": "imagenet"}}, r"start \"imagenet\" is there for resnet50 only, got network 'lenet'"),
        ({"base": {"start": "weights.pkl"}}, r"start must be .*\.safetensors.*, got 'weights.pkl'"),
        ({"base": {"learning_rate": 0.0}}, r"base\.learning_rate: .*greater than 0, got 0\.0"),
        ({"enhance": {"layers": "last"}}, r"enhance: layers must be \"auto\".*got 'last'"),
        ({"identify": {"threshold": float("nan")}}, r"identify\.threshold: .*finite number, got nan"),
        ({"identify": {"top_k": 2701}}, r"identify\.top_k must be at most the 2700 training samples, got 2701"),
        ({"identify": {"top_k": -1}}, r"identify\.top_k: .*greater than or equal to 0, got -1"),
        ({"align": {"eta": -0.5}}, r"align\.eta: must be \"auto\" or a number of at least 0, got -0\.5"),
        ({"align": {"eta": True}}, r"align\.eta: must be \"auto\" or a number of at least 0, got True"),
        (
            {"evaluate": {"method": "magic"}},
            r"evaluate\.method: .*'bir', 'fine_tune', .* or 'rdia_static', got 'magic'",
        ),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        config.parse(values, origin="my.toml")
    assert str(caught.value).startswith("my.toml: ")
    assert "\n" not in str(caught.value)


def test_every_wrong_value_is_named_at_once() -> None:
    with pytest.raises(InputError, match=r"seed: .*; base\.batch_size: "):
        config.parse({"seed": -1, "base": {"batch_size": 0}}, origin="my.toml")


def test_a_whole_number_is_a_number() -> None:
    assert config.parse({"align": {"eta": 1}}, origin="x") == config.parse({"align": {"eta": 1.0}}, origin="x")


def test_a_config_survives_its_plain_form(tiny_config: config.RunConfig) -> None:
    assert config.parse(tiny_config.model_dump(), origin="x") == tiny_config


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a b.toml").write_text("seed = 3\n[identify]\ntop_k = 5\n")
    (tmp_path / "a b.json").write_text('{"seed": 3, "identify": {"top_k": 5}}')
    loaded = config.load(tmp_path / "a b.toml")
    assert loaded == config.load(tmp_path / "a b.json")
    assert (loaded.name, loaded.seed, loaded.identify.top_k) == ("a-b", 3, 5)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.toml", b"seed = ", "is not valid TOML"),
        ("a.json", b'{"seed": 1', "is not valid JSON"),
        ("a.toml", b"\xff\xfe", "is not valid TOML"),
        ("a.json", b"[1]", "must hold a table of settings, got list"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{re.escape(name)} {sentence}"):
        config.load(tmp_path / name)


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_what_is_no_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot read the config"):
        config.load(tmp_path / name)


def test_the_demo_has_a_name_for_each_choice() -> None:
    demo = config.demo("adv", "conv4", "early_stop", 4)
    assert demo.name == "demo-adv-conv4-early_stop-seed4"
    assert (demo.data.corruption, demo.base.network, demo.base.preset, demo.seed) == ("adv", "conv4", "early_stop", 4)
