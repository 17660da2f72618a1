"""What a cell is measured on: data set, network, corruption, seed, and how much of it fits two CPU cores."""

from dataclasses import dataclass
from typing import Any

from bir_core.config import RunConfig

QUICK = {
    "resnet20": {"images": 10_000, "epochs": 20},
    "resnet50": {"images": 2_000, "epochs": 10},
}
"""With --quick: training images, and epochs of the base instead of the 60 of the memorised preset."""

QUICK_METHODS = {
    "sgd_influence": {"epochs": 5},
    "linear_influence": {"max_iterations": 10},
    "newton_removal": {"max_iterations": 10},
}
"""With --quick: epochs of the SGD twin, and conjugate-gradient steps, each of which is several passes over all data."""

HUMAN = ("worst", "random2", "aggregate")
CORRUPTIONS = ("label", "input", "adv")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One run."""

    dataset: str
    network: str
    corruption: str
    seed: int
    quick: bool = False

    @property
    def reduced(self) -> bool:
        """Whether it is smaller than in the paper; what is small already is not reduced."""
        return self.quick and self.network in QUICK

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.network}-{self.corruption}-seed{self.seed}" + ("-quick" if self.reduced else "")

    @property
    def words(self) -> str:
        """What was reduced; empty when nothing was."""
        if not self.reduced:
            return ""
        size = QUICK[self.network]
        at = ", 64 x 64 pixels instead of 224" if self.network == "resnet50" else ""
        return (
            f"reduced: {size['images']:,} training images, {size['epochs']} epochs{at}, "
            "5 epochs of the SGD twin, 10 steps of conjugate gradients, repairs of at most 20 epochs"
        )

    def config(self, device: str) -> RunConfig:
        """The literal protocol of the paper: a memorised base, the known number of suspects, one step of eta = 1."""
        cifar = self.dataset == "cifar10"
        repair = {"batch_size": 64 if cifar else 16} | ({"max_epochs": 20} if self.reduced else {})
        return RunConfig.model_validate(
            {
                "name": self.name,
                "seed": self.seed,
                "device": device,
                "threads": 1,
                "data": self._data(),
                "base": self._base(),
                "enhance": {"batch_size": 16},
                "align": {"eta": 1.0},
                "repair": repair,
                "methods": QUICK_METHODS if self.reduced else {},
            }
        )

    def _data(self) -> dict[str, Any]:
        if self.dataset == "mnist":
            return {"source": "mnist", "corruption": self.corruption}
        images = QUICK[self.network]["images"] if self.reduced else 50_000
        values: dict[str, Any] = {"source": "cifar10", "num_train": images, "num_reserved": 1000}
        if self.corruption in HUMAN:
            return values | {"corruption": "human", "human_labels": self.corruption}
        if self.corruption == "input":
            values["corrupted_fraction"] = 0.3
        return values | {"corruption": self.corruption}

    def _base(self) -> dict[str, Any]:
        values: dict[str, Any] = {"network": self.network, "preset": "memorised"}
        if self.reduced:
            values["memorised_epochs"] = QUICK[self.network]["epochs"]
            if self.network == "resnet50":
                values["network"] = "resnet50-64"
        return values
