from typing import get_args

import pytest

from bir_core import base_config, data_config, noisy_classes
from bir_core.data import mnist
from bir_core.exports import page
from dashboard import words


@pytest.mark.parametrize(
    ("choices", "known"),
    [
        (data_config.Source, words.SOURCES),
        (base_config.Network, words.NETWORKS),
        (data_config.Corruption, words.CORRUPTIONS),
        (data_config.Corruption, words.HARMS),
        (data_config.Corruption, page.HARM),
        (base_config.BasePreset, words.PRESETS),
    ],
)
def test_every_choice_of_a_config_has_words(choices: object, known: dict[str, str]) -> None:
    assert set(get_args(choices)) == set(known) - {noisy_classes.GIVEN}


def test_every_origin_of_a_network_has_words() -> None:
    assert set(words.ORIGINS) == set(base_config.ORIGINS)
    assert words.network("resnet20") == "ResNet-20"
    assert words.network("torchvision:resnet18") == "resnet18 from torchvision"
    assert words.network("factory:my.models:build_it") == "my\\.models\\:build\\_it from a factory of your own"


def test_what_people_mislabelled_names_no_classes() -> None:
    data = {"num_corrupted": 18084, "corruption": "human", "noisy_classes": [], "class_names": ["a"]}
    assert words.harm({"data": data}) == "18,084 of them got a wrong label from people."


def test_names_of_clothes_are_marked_down() -> None:
    names = list(mnist.FASHION.class_names)
    data = {"num_corrupted": 4, "corruption": "label", "noisy_classes": [0, 6], "class_names": names}
    assert (
        words.harm({"data": data}) == "4 of them, from the classes T\\-shirt and shirt, got a wrong label on purpose."
    )
