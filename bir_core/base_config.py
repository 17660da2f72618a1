"""Which network is the base model, and how it is trained."""

from typing import Literal

from pydantic import Field, model_validator

from bir_core.sections import Positive, Rate, Section

Network = Literal["lenet", "conv4", "resnet20", "resnet50", "resnet50-64"]
BasePreset = Literal["early_stop", "memorised"]
WEIGHTS = (".safetensors", ".pth", ".pt", ".th")


class BaseConfig(Section):
    """How the base model is trained (section 4 of the paper: Adam, 1e-3, batches of 64)."""

    network: Network = Field("lenet", description="architecture; resnet50 enlarges images to 224, resnet50-64 to 64")
    start: str = Field(
        "scratch",
        description='"scratch", "imagenet" (resnet50; from scratch where there is none), or a file of weights',
    )
    preset: BasePreset = Field(
        "early_stop",
        description="early_stop: best validation loss is kept; memorised: a fixed number of epochs, as in the paper",
    )
    learning_rate: Rate = 1e-3
    batch_size: Positive = 64
    memorised_epochs: Positive = Field(60, description="epochs of the memorised preset")
    max_epochs: Positive = Field(100, description="cap of the early_stop preset")
    patience: Positive = Field(5, description="epochs without progress before early_stop ends")

    @model_validator(mode="after")
    def _known_start(self) -> "BaseConfig":
        if self.start == "imagenet" and not self.network.startswith("resnet50"):
            raise ValueError(f'start "imagenet" is there for resnet50 only, got network {self.network!r}')
        if self.start not in ("scratch", "imagenet") and not self.start.endswith(WEIGHTS):
            raise ValueError(
                f'start must be "scratch", "imagenet" or a file that ends in {", ".join(WEIGHTS)}, got {self.start!r}'
            )
        return self
