"""What a model is, how its training went, and which of its layers are updated. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bir_core.card import Card
from bir_core.records import Doubles

Groups = tuple[tuple[str, tuple[str, ...]], ...]
"""Layer groups by name, each with the beginnings of the names of its parameters."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelState:
    """A network by name, with its parameters and buffers by name.

    Attributes:
        network: a built-in name, or where it comes from and what it is called there, see ``base_config``.
        image_shape: (C, H, W) of what it receives, pixels in [0, 1].
        num_classes: L.
        tensors: by the network's own names.
        card: its value range, mean and standard deviation are applied in front of a network from elsewhere.
        groups: layer groups of a network from elsewhere, each with the beginnings of its parameters' names; () = those
            that its structure suggests.
    """

    network: str
    image_shape: tuple[int, int, int]
    num_classes: int
    tensors: Mapping[str, NDArray[np.generic]]
    card: Card | None = None
    groups: Groups = ()

    def facts(self) -> dict[str, Any]:
        """Everything but the tensors, in plain values for JSON."""
        plain: dict[str, Any] = {
            "network": self.network,
            "image_shape": list(self.image_shape),
            "num_classes": self.num_classes,
        }
        if self.card is not None:
            plain["card"] = self.card.model_dump(mode="json")
        return plain | ({"groups": [list(group) for group in self.groups]} if self.groups else {})

    @classmethod
    def of(cls, facts: Mapping[str, Any], tensors: Mapping[str, NDArray[np.generic]]) -> "ModelState":
        """The inverse of ``facts``; a KeyError, TypeError or ValueError where these are no such facts."""
        return cls(
            network=facts["network"],
            image_shape=tuple(facts["image_shape"]),
            num_classes=facts["num_classes"],
            tensors=tensors,
            card=Card.model_validate(facts["card"]) if "card" in facts else None,
            groups=tuple((name, tuple(beginnings)) for name, beginnings in facts.get("groups", ())),
        )


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One line of a training log; validation figures are None where none were taken."""

    loss: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedModel:
    """A model and how its training went.

    Attributes:
        state: the model.
        epochs: the training log.
        kept_epoch: the epoch, from 1, whose weights are kept; 0 = the start.
        margins: (N,) mean training margin of every training sample; None where none was taken.
        start: in words, the weights that a base model was trained from; "" for every other model.
    """

    state: ModelState
    epochs: tuple[Epoch, ...]
    kept_epoch: int
    margins: Doubles | None = None
    start: str = ""


@dataclass(frozen=True, kw_only=True)
class CandidateSubset:
    """One row of the layer-selection table: mean reserved loss (nats) after one epoch on these layers alone."""

    label: str
    layers: tuple[str, ...]
    loss: float
    num_parameters: int


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """The layer subset that enhancement and repair update, and the table that explains it."""

    label: str
    layers: tuple[str, ...]
    chosen_by: str
    candidates: tuple[CandidateSubset, ...]
