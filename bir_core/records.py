"""The nouns of the flow, as frozen records of numpy arrays. No torch here: the dashboard reads these.

Shapes: N samples, C channels, H height, W width, K suspects, M aligned samples, L classes.

Conventions, everywhere in the project:

* images are float32 in [0, 1], (N, C, H, W); labels int64 in 0..L-1;
* a **score** is float64, one per training sample in data-set order, *higher = more suspect*;
* an **energy** is *lower = more typical* of clean data under the enhanced model;
* an **accuracy** is in percent, on images that no stage has touched, *higher = better*: the test part or, without one,
  each fold of the reserved set under models made without it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bir_core.errors import InputError

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Images(Protocol):
    """(N, C, H, W) float32: an array, or ``pictures.Pictures``, which decodes the files of its owner when asked."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""

    @property
    def ndim(self) -> int:
        """4."""

    @property
    def nbytes(self) -> int:
        """Of all of them as one array."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Any: ...

    def __array__(self) -> Floats: ...


UNKNOWN = "unknown"
"""The corruption of images of which nobody knows what is wrong."""


Progress = Callable[[int, int], None]
"""Called with (done, total) while a stage works."""


def no_progress(_done: int, _total: int) -> None:
    """A ``Progress`` for callers that do not watch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImages:
    """A set of labelled images.

    Attributes:
        images: (N, C, H, W) float32 in [0, 1].
        labels: (N,) int64, the label that the set gives, right or wrong.
        ids: (N,) int64, the image's position in its source; train and test split of one source share one numbering.
    """

    images: Images
    labels: Integers
    ids: Integers

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            raise InputError(f"images must have four axes (N, C, H, W), got shape {self.images.shape}")
        if not len(self.images) == len(self.labels) == len(self.ids):
            raise InputError(
                f"images, labels and ids must be equally many, got {len(self.images)}, {len(self.labels)}, "
                f"{len(self.ids)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Integers) -> "LabelledImages":
        """The samples at ``indices``, in that order."""
        return LabelledImages(images=self.images[indices], labels=self.labels[indices], ids=self.ids[indices])


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The four disjoint parts that a run works on. ``origin`` is what is known of the files they come from.

    Somebody's own images may come without a test part; then accuracy is cross-fitted on the reserved set.

    Raises:
        InputError: another part is empty, two parts share an image, or a class is missing from the reserved set.
    """

    train: LabelledImages
    validation: LabelledImages
    reserved: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...]
    origin: str = ""

    def __post_init__(self) -> None:
        parts = {"train": self.train, "validation": self.validation, "reserved": self.reserved, "test": self.test}
        for name, part in parts.items():
            if len(part) == 0 and name != "test":
                raise InputError(f"the {name} set is empty: give it at least one image per class")
            if ((part.labels < 0) | (part.labels >= len(self.class_names))).any():
                raise InputError(f"the {name} set has labels outside 0..{len(self.class_names) - 1}")
        names = list(parts)
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                shared = np.intersect1d(parts[first].ids, parts[second].ids)
                if len(shared):
                    raise InputError(
                        f"{len(shared)} images are in both the {first} and the {second} set "
                        f"(first id {shared[0]}): remove them from one of the two"
                    )
        missing = sorted(set(range(len(self.class_names))) - set(self.reserved.labels.tolist()))
        if missing:
            named = ", ".join(self.class_names[label] for label in missing)
            raise InputError(f"the reserved set has no image of class {named}: add at least one of each class")


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """What was done to the training part; only evaluation may read it.

    Attributes:
        corrupted: (N,) which training samples were changed; none where nobody knows.
        original_labels: (N,) the labels before corruption; the given ones where nobody knows.
        original_images: (number corrupted, C, H, W) the images before corruption, in the order of the flags.
        noisy_classes: classes in which samples were corrupted, the others are the clean classes; where nobody knows,
            those that the user suspects, if any.
        corruption: name of the corruption; "given" where a user gave true labels, "unknown" where nobody did.
        num_validation_corrupted: how many samples of the validation part were changed in the same way.
    """

    corrupted: Flags
    original_labels: Integers
    original_images: Floats
    noisy_classes: tuple[int, ...]
    corruption: str
    num_validation_corrupted: int

    @property
    def known(self) -> bool:
        """Whether anybody knows which training samples are wrong."""
        return self.corruption != UNKNOWN


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """The change of loss of every training sample, in data-set order.

    Attributes:
        loss_before: (N,) nats, under the base model and the given label.
        loss_after: (N,) nats, under the enhanced model and the given label.
        base_predictions: (N,) class that the base model believes.
        soft_labels: (N, L) float32, the enhanced model's probabilities on the unaligned input.
    """

    loss_before: Doubles
    loss_after: Doubles
    base_predictions: Integers
    soft_labels: Floats

    def __len__(self) -> int:
        return len(self.loss_before)

    @property
    def score(self) -> Doubles:
        """(N,) loss_after - loss_before, equation 1 of the paper; higher = more suspect."""
        return self.loss_after - self.loss_before

    @property
    def predictions(self) -> Integers:
        """(N,) class that the enhanced model believes."""
        believed: Integers = self.soft_labels.argmax(axis=1).astype(np.int64)
        return believed


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """The training samples by score, laid ready for who shows them.

    Attributes:
        scores: (N,) float64 nats in data-set order; higher = more suspect.
        predictions: (N,) class that the enhanced model believes, in data-set order, in the smallest type that holds it.
        order: (N,) uint32 positions in the training part, most suspect first; equal scores stay in data-set order.
    """

    scores: Doubles
    predictions: NDArray[np.unsignedinteger[Any]]
    order: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """Where the samples lie by what the enhanced model sees in them.

    Attributes:
        features: (N, d) float32, penultimate features of the training samples: what its last linear layer receives.
        reserved_features: (R, d) float32, those of the reserved samples.
        coordinates: (N, 2) float32, the training samples on a map.
        layout: "pca" or "umap", how the map was made.
    """

    features: Floats
    reserved_features: Floats
    coordinates: Floats
    layout: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Suspects:
    """The samples taken for detrimental, most suspect first.

    Attributes:
        indices: (K,) positions in the training part.
        rule: "threshold" or "top_k".
        threshold: the score that every suspect exceeds (threshold rule) or reaches (top-K rule); None when none is.
    """

    indices: Integers
    rule: str
    threshold: float | None

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, kw_only=True, eq=False)
class Treated:
    """What the repair does with which training samples, once people have had their say.

    Attributes:
        soft: (K) positions of the suspects that are aligned and get a soft label, most suspect first.
        relabelled: (R) positions of the samples that a person gave a new label.
        labels: (R) those labels.
        others_than: positions that are not among the remaining samples, ascending: both of these and the removed ones.
    """

    soft: Integers
    relabelled: Integers
    labels: Integers
    others_than: Integers

    def __len__(self) -> int:
        """How many samples the repair learns something new about."""
        return len(self.soft) + len(self.relabelled)


@dataclass(frozen=True, kw_only=True, eq=False)
class Aligned:
    """Inputs moved down the energy of the enhanced model, with soft labels (equations 3 to 5).

    Attributes:
        indices: (M,) positions in the training part, ascending.
        images: (M, C, H, W) float32; leaves [0, 1] unless clamped.
        soft_labels: (M, L) float32, probabilities on the aligned input.
        energy_before, energy_after: (M,) float64; lower = more typical.
        relative_step: (M,) float64, ||x~ - x|| / ||x||.
        eta: step size that was used.
    """

    indices: Integers
    images: Floats
    soft_labels: Floats
    energy_before: Doubles
    energy_after: Doubles
    relative_step: Doubles
    eta: float

    def __len__(self) -> int:
        return len(self.indices)
