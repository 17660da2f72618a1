"""Where a run's images come from: a data set by name that is corrupted for an experiment, or somebody's own images."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from bir_core.sections import NAME_PATTERN, Positive, Section

Source = Literal["mnist5k", "mnist", "fashion_mnist", "cifar10"]
Corruption = Literal["none", "label", "input", "adv", "human"]
HumanLabels = Literal["aggregate", "random2", "worst"]

NUM_CLASSES = 10
"""Of every data set that is known by name."""
IMAGE_SHAPES: dict[str, tuple[int, int, int]] = {
    "mnist5k": (1, 28, 28),
    "mnist": (1, 28, 28),
    "fashion_mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
}
"""(C, H, W) of their images."""


class DataConfig(Section):
    """Where the images come from, how they are split, and what is done to the training part."""

    source: Source = Field("mnist5k", description="bundled 5,000 digits, or a data set in BIR_DATA_DIR")
    corruption: Corruption = Field(
        "label", description="what is done to four of the classes; human: cifar10 with the labels that people gave"
    )
    human_labels: HumanLabels = Field("worst", description="human corruption: which labels of CIFAR-10N")
    num_train: Positive = Field(3000, description="images drawn for training, class-balanced")
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="stratified part of them kept for validation")
    num_reserved: Positive = Field(300, description="clean images reserved for identification, class-balanced")
    corrupted_fraction: float | None = Field(
        None, ge=0, le=1, description="share of each target class that is corrupted; empty: 0.4, cifar10's input 0.3"
    )
    salt_and_pepper: float = Field(0.2, ge=0, le=1, description="input corruption of grey images: share of pixels")
    gaussian_sigma: float = Field(0.1, ge=0, le=1, description="input corruption of colour images: standard deviation")
    epsilon: float | None = Field(
        None,
        ge=0,
        le=1,
        description="adversarial corruption: FGSM step on [0, 1]; empty: 0.3, cifar10 8/255",
    )
    adv_label: Literal["adv", "clean", "true"] = Field(
        "adv", description="label of an attacked image: the victim's belief on it, on the clean image, or the truth"
    )

    @model_validator(mode="after")
    def _balanced(self) -> "DataConfig":
        for name in ("num_train", "num_reserved"):
            value = getattr(self, name)
            if value % NUM_CLASSES:
                raise ValueError(f"{name} must be a multiple of {NUM_CLASSES} (equally many per class), got {value}")
        return self

    @model_validator(mode="after")
    def _labelled_by_people(self) -> "DataConfig":
        if self.corruption == "human" and self.source != "cifar10":
            raise ValueError(f'corruption "human" needs source "cifar10", got {self.source!r}')
        return self

    @property
    def fraction(self) -> float:
        """Share of each target class that is corrupted: the paper's where none is given."""
        usual = 0.3 if (self.source, self.corruption) == ("cifar10", "input") else 0.4
        return usual if self.corrupted_fraction is None else self.corrupted_fraction

    @property
    def attack_step(self) -> float:
        """Size of the FGSM step on [0, 1]: the usual one for the source where none is given."""
        usual = 8 / 255 if self.source == "cifar10" else 0.3
        return usual if self.epsilon is None else self.epsilon

    @property
    def num_scored(self) -> int:
        """Training samples left after the validation split."""
        per_class = self.num_train // NUM_CLASSES
        return NUM_CLASSES * (per_class - round(per_class * self.validation_fraction))


class OwnDataConfig(Section):
    """Images that somebody has imported; what is wrong with them, if anything, nobody has said."""

    source: Literal["own"] = "own"
    images: str = Field(pattern=NAME_PATTERN, description="name of an imported image set")
    noisy_classes: Annotated[tuple[str, ...] | None, Field(strict=False)] = Field(
        None, description="classes that are suspected of bad data; empty: unknown"
    )
    validation_fraction: float = Field(
        0.1, gt=0, lt=1, description="stratified part of the training images kept for validation, where none is given"
    )

    @property
    def corruption(self) -> str:
        """Nobody knows."""
        return "unknown"


KINDS: dict[int | str, type[Section]] = {"known": DataConfig, "own": OwnDataConfig}
"""What the union below calls its two forms; an error's location has the word too."""


def _kind(values: Any) -> str:
    source = values.get("source") if isinstance(values, dict) else getattr(values, "source", None)
    return "own" if source == "own" else "known"


AnyData = Annotated[
    Annotated[DataConfig, Tag("known")] | Annotated[OwnDataConfig, Tag("own")],
    Discriminator(_kind),
]
"""The section ``data`` of a run; ``source`` says which of the two it is."""
