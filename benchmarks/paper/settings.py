"""What a cell is measured on: data set, network, corruption, seed, and how much of it fits two CPU cores."""

from dataclasses import dataclass
from typing import Any

from bir_core.config import RunConfig

HUMAN = ("worst", "random2", "aggregate")
CORRUPTIONS = ("label", "input", "adv")


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """What is less than in the paper with --quick.

    Attributes:
        images: training images.
        reserved: reserved images.
        enhance_epochs: of the enhanced model, at most.
        base_epochs: of the memorised base; 60 in full.
        repair_epochs: at most so many.
        twin_epochs: of the SGD twin.
        gradient_steps: of conjugate gradients, each of which is several passes over all data.
    """

    images: int
    reserved: int
    enhance_epochs: int
    base_epochs: int
    repair_epochs: int
    twin_epochs: int
    gradient_steps: int


QUICK = {
    "resnet20": Reduction(
        images=10_000,
        reserved=1000,
        enhance_epochs=100,
        base_epochs=8,
        repair_epochs=3,
        twin_epochs=3,
        gradient_steps=3,
    ),
    "resnet50": Reduction(
        images=2_000,
        reserved=200,
        enhance_epochs=20,
        base_epochs=20,
        repair_epochs=5,
        twin_epochs=5,
        gradient_steps=5,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One run."""

    dataset: str
    network: str
    corruption: str
    seed: int
    quick: bool = False

    @property
    def reduction(self) -> Reduction | None:
        """How it is smaller than in the paper; what is small already is not reduced."""
        return QUICK.get(self.network) if self.quick else None

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.network}-{self.corruption}-seed{self.seed}" + ("-quick" if self.reduction else "")

    @property
    def words(self) -> str:
        """What was reduced; empty when nothing was."""
        less = self.reduction
        if less is None:
            return ""
        at = ", 64 x 64 pixels instead of 224" if self.network == "resnet50" else ""
        return (
            f"reduced: {less.images:,} training images and {less.reserved:,} reserved ones{at}, "
            f"{less.base_epochs} epochs, at most {less.enhance_epochs} epochs of the enhanced model, "
            f"{less.twin_epochs} epochs of the SGD twin, {less.gradient_steps} steps of conjugate gradients, "
            f"repairs of at most {less.repair_epochs} epochs"
        )

    def config(self, device: str) -> RunConfig:
        """The literal protocol of the paper: a memorised base, the known number of suspects, one step of eta = 1."""
        return RunConfig.model_validate(
            {
                "name": self.name,
                "seed": self.seed,
                "device": device,
                "threads": 1,
                "data": self._data(),
                "base": self._base(),
                "enhance": self._enhance(),
                "align": {"eta": 1.0},
                "repair": self._repair(),
                "methods": self._methods(),
            }
        )

    def _data(self) -> dict[str, Any]:
        if self.dataset == "mnist":
            return {"source": "mnist", "corruption": self.corruption}
        images, reserved = (self.reduction.images, self.reduction.reserved) if self.reduction else (50_000, 1000)
        values: dict[str, Any] = {"source": "cifar10", "num_train": images, "num_reserved": reserved}
        if self.corruption in HUMAN:
            return values | {"corruption": "human", "human_labels": self.corruption}
        if self.corruption == "input":
            values["corrupted_fraction"] = 0.3
        return values | {"corruption": self.corruption}

    def _base(self) -> dict[str, Any]:
        values: dict[str, Any] = {"network": self.network, "preset": "memorised"}
        if self.reduction is None:
            return values
        if self.network == "resnet50":
            values["network"] = "resnet50-64"
        return values | {"memorised_epochs": self.reduction.base_epochs}

    def _enhance(self) -> dict[str, Any]:
        return {"batch_size": 16} | ({"max_epochs": self.reduction.enhance_epochs} if self.reduction else {})

    def _repair(self) -> dict[str, Any]:
        values = {"batch_size": 64 if self.dataset == "cifar10" else 16}
        return values | ({"max_epochs": self.reduction.repair_epochs} if self.reduction else {})

    def _methods(self) -> dict[str, Any]:
        if self.reduction is None:
            return {}
        steps = {"max_iterations": self.reduction.gradient_steps}
        return {
            "sgd_influence": {"epochs": self.reduction.twin_epochs},
            "linear_influence": steps,
            "newton_removal": steps,
        }
