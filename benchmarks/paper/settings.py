"""What a cell is measured on: data set, network, corruption, seed, and how much of it fits two CPU cores."""

from dataclasses import dataclass
from typing import Any

from bir_core.config import RunConfig

QUICK = {
    "resnet20": {"images": 10_000, "epochs": 8, "repair": 3, "twin": 3, "gradient_steps": 3},
    "resnet50": {"images": 2_000, "epochs": 5, "repair": 3, "twin": 2, "gradient_steps": 2},
}
"""With --quick: training images, epochs of the base (60 in full), at most so many epochs of a repair, epochs of the SGD
twin, and conjugate-gradient steps, each of which is several passes over all data."""

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
            f"{size['twin']} epochs of the SGD twin, {size['gradient_steps']} steps of conjugate gradients, "
            f"repairs of at most {size['repair']} epochs"
        )

    def config(self, device: str) -> RunConfig:
        """The literal protocol of the paper: a memorised base, the known number of suspects, one step of eta = 1."""
        cifar = self.dataset == "cifar10"
        repair = {"batch_size": 64 if cifar else 16}
        if self.reduced:
            repair["max_epochs"] = QUICK[self.network]["repair"]
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
                "methods": self._methods(),
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

    def _methods(self) -> dict[str, Any]:
        if not self.reduced:
            return {}
        size = QUICK[self.network]
        return {
            "sgd_influence": {"epochs": size["twin"]},
            "linear_influence": {"max_iterations": size["gradient_steps"]},
            "newton_removal": {"max_iterations": size["gradient_steps"]},
        }

    def _base(self) -> dict[str, Any]:
        values: dict[str, Any] = {"network": self.network, "preset": "memorised"}
        if self.reduced:
            values["memorised_epochs"] = QUICK[self.network]["epochs"]
            if self.network == "resnet50":
                values["network"] = "resnet50-64"
        return values
