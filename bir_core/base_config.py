"""Which network is the base model, and how it is trained."""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from bir_core.card import Card
from bir_core.errors import nearest
from bir_core.model_records import Groups
from bir_core.sections import Positive, Rate, Section

Network = Literal["lenet", "conv4", "resnet20", "resnet50", "resnet50-64"]
"""The networks that are built in."""
BasePreset = Literal["early_stop", "memorised", "trained"]
WEIGHTS = (".safetensors", ".pth", ".pt", ".th")

ORIGINS = {
    "torchvision": (r"\w+", "torchvision:resnet18"),
    "timm": (r"[\w.]+", "timm:resnet18"),
    "factory": (r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "factory:mypackage.models:build"),
    "export": (r"[^\x00]+\.pt2", "export:FILE.pt2"),
}
"""Where other networks come from: the form of a name there, and an example."""

STARTS = ("scratch", "imagenet")
"""What a base model may start from without a file of weights."""
IMAGENET = Card(size=(224, 224), resize=256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""What networks of torchvision and timm usually want."""

GroupTable = dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]]


class BaseConfig(Section):
    """How the base model is trained (section 4 of the paper: Adam, 1e-3, batches of 64)."""

    network: str = Field(
        "lenet",
        description="architecture; resnet50 enlarges images to 224, resnet50-64 to 64; others: torchvision:NAME, "
        "timm:NAME, export:FILE.pt2",
    )
    start: str = Field(
        "scratch",
        description='"scratch", "imagenet" (resnet50; from scratch where there is none), or a file of weights',
    )
    preset: BasePreset = Field(
        "early_stop",
        description="early_stop: best validation loss is kept; memorised: a fixed number of epochs, as in the paper; "
        "trained: the weights of start are the base model",
    )
    card: Card | None = Field(
        None, description="what the network wants of a picture; empty: ImageNet's for torchvision and timm"
    )
    groups: GroupTable | None = Field(
        None, description="layer groups: beginnings of parameter names by group; empty: from the network's structure"
    )
    learning_rate: Rate = 1e-3
    batch_size: Positive = 64
    memorised_epochs: Positive = Field(60, description="epochs of the memorised preset")
    max_epochs: Positive = Field(100, description="cap of the early_stop preset")
    patience: Positive = Field(5, description="epochs without progress before early_stop ends")

    @field_validator("network")
    @classmethod
    def _known_network(cls, value: str) -> str:
        origin, colon, name = value.partition(":")
        built_in = get_args(Network)
        if not colon:
            if value not in built_in:
                hint = nearest(value, built_in)
                meant = f": {hint}" if hint.startswith("did you mean") else ""
                examples = ", ".join(example for _, example in ORIGINS.values())
                known = ", ".join(map(repr, built_in))
                raise ValueError(f"must be one of {known}, or such as {examples}, got {value!r}{meant}")
            return value
        if origin not in ORIGINS:
            raise ValueError(f"networks come from {', '.join(ORIGINS)}, got {value!r}: {nearest(origin, ORIGINS)}")
        form, example = ORIGINS[origin]
        if not re.fullmatch(form, name):
            raise ValueError(f"expected the form {example}, got {value!r}")
        return value

    @field_validator("groups")
    @classmethod
    def _named_groups(cls, value: GroupTable | None) -> GroupTable | None:
        wrong = [name for name in value or {} if not re.fullmatch(r"[A-Za-z]\w*", name)]
        if wrong:
            raise ValueError(f"a group's name is letters, digits and underscores, a letter first, got {wrong[0]!r}")
        return value or None

    @model_validator(mode="after")
    def _known_start(self) -> "BaseConfig":
        if self.start == "imagenet" and not self.network.startswith("resnet50"):
            raise ValueError(f'start "imagenet" is there for resnet50 only, got network {self.network!r}')
        if self.start not in STARTS and not self.start.endswith(WEIGHTS):
            raise ValueError(
                f'start must be "scratch", "imagenet" or a file that ends in {", ".join(WEIGHTS)}, got {self.start!r}'
            )
        return self

    @model_validator(mode="after")
    def _has_what_it_is(self) -> "BaseConfig":
        if self.is_program:
            if self.preset != "trained" or self.start != "scratch":
                raise ValueError(
                    "an exported program has its own weights and cannot be trained from the start: choose preset "
                    f'"trained" and leave start out, got preset {self.preset!r}, start {self.start!r}'
                )
        elif self.preset == "trained" and self.start in STARTS:
            raise ValueError(f'preset "trained" takes the weights of a file: name it in start, got {self.start!r}')
        return self

    @model_validator(mode="after")
    def _built_in_as_it_is(self) -> "BaseConfig":
        if ":" in self.network:
            return self
        if self.groups is not None:
            raise ValueError(f"groups are for networks from elsewhere; those of {self.network} are built in")
        if self.card is not None and self.card != Card(
            channels=self.card.channels,
            size=self.card.size,
            resize=self.card.resize,
            mean=(0.0,) * self.card.channels,
            std=(1.0,) * self.card.channels,
        ):
            raise ValueError(
                f"{self.network} takes pixels in [0, 1] and normalises them itself: leave mean, std and value_range "
                "out of card"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_the_unused(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A run of before these two were there stays what it was."""
        values: dict[str, Any] = plain(self)
        return {name: value for name, value in values.items() if name not in ("card", "groups") or value is not None}

    @property
    def is_program(self) -> bool:
        """Whether the network is an exported program, which is never trained anew."""
        return self.network.startswith("export:")

    @property
    def fresh_start(self) -> str:
        """Where training anew begins: weights that are the base model have seen the data and are none to begin at."""
        return "scratch" if self.preset == "trained" else self.start

    @property
    def runs_code(self) -> bool:
        """Whether the network is made by somebody's own code: only a config file may name it, never a browser."""
        return self.network.startswith("factory:")

    @property
    def wanted_card(self) -> Card | None:
        """What the network wants of a picture, given or usual; None: whatever the images are."""
        usual = IMAGENET if self.network.startswith(("torchvision:", "timm:")) else None
        return usual if self.card is None else self.card

    @property
    def layer_groups(self) -> Groups:
        """The groups that the config gives; () = those of the network's structure."""
        return tuple((self.groups or {}).items())
