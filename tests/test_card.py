import pytest
from pydantic import ValidationError

from bir_core.card import Card


def test_a_card_says_what_the_network_receives() -> None:
    assert Card(channels=1, size=(28, 32), mean=(0.0,), std=(1.0,)).image_shape == (1, 28, 32)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"channels": 1}, "mean must have 1 figures, one per channel, got 3"),
        ({"std": (1.0, 0.0, 1.0)}, "std must be above 0, got 0"),
        ({"size": (224, 256), "resize": 240}, "resize must be at least the size 256 that is cut out, got 240"),
        ({"value_range": (1.0, 1.0)}, "value_range must rise, got 1 to 1"),
        ({"size": (0, 4)}, "greater than or equal to 1"),
    ],
)
def test_an_impossible_card_is_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Card.model_validate(values)
