"""What a model wants of a picture: its card. No torch here: pictures are fitted where they are shown, too.

Geometry (size, crop, channels) is done where a picture is decoded; value range, mean and standard deviation by a module
in front of the network. In between everything is pixels in [0, 1]: that is what an energy step moves and a person sees.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bir_core.sections import Positive, Section

Figures = Annotated[tuple[float, ...], Field(strict=False)]


class Card(Section):
    """How a picture becomes what a network receives."""

    channels: Literal[1, 3] = Field(3, description="1: grey, 3: colour")
    size: Annotated[tuple[Positive, Positive], Field(strict=False)] = Field(
        (224, 224), description="height and width that the network receives"
    )
    resize: Positive | None = Field(
        None, description="shorter side is scaled to it, then the middle is cut out; empty: scaled straight to size"
    )
    mean: Figures = Field((0.0, 0.0, 0.0), description="by channel, taken off after the value range")
    std: Figures = Field((1.0, 1.0, 1.0), description="by channel, divided by")
    value_range: Annotated[tuple[float, float], Field(strict=False)] = Field(
        (0.0, 1.0), description="what black and white are to the network, before mean and std"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "Card":
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) != self.channels:
                raise ValueError(f"{name} must have {self.channels} figures, one per channel, got {len(values)}")
        if min(self.std) <= 0:
            raise ValueError(f"std must be above 0, got {min(self.std):g}")
        if self.resize is not None and self.resize < max(self.size):
            raise ValueError(f"resize must be at least the size {max(self.size)} that is cut out, got {self.resize}")
        if self.value_range[0] >= self.value_range[1]:
            raise ValueError(f"value_range must rise, got {self.value_range[0]:g} to {self.value_range[1]:g}")
        return self

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what the network receives."""
        return (self.channels, *self.size)
