"""A random batch of a score band, to estimate how often its flags are right; a link draws the same. No Streamlit."""

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST = 200
"""So many samples are reviewed in one sitting at most."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """``num`` samples drawn from those whose score is above ``low`` and at most ``high`` (nats), by ``seed``."""

    low: float
    high: float
    num: int
    seed: int

    def __str__(self) -> str:
        """As it stands in a link; ``parse`` reads it back."""
        return f"{self.low!r}_{self.high!r}_{self.num}_{self.seed}"

    def drawn(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Positions of the batch in random order; all of the band when it has no more. Blind to what they show."""
        band = np.flatnonzero((scores > self.low) & (scores <= self.high))
        return np.random.default_rng(self.seed).permutation(band)[: self.num]


def parse(text: str) -> Batch | None:
    """The batch that a link names, or None when it names none."""
    number = r"(-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf))"
    found = re.fullmatch(rf"{number}_{number}_(\d{{1,3}})_(\d{{1,9}})", text)
    if found is None:
        return None
    low, high, num, seed = float(found[1]), float(found[2]), int(found[3]), int(found[4])
    if math.isnan(low) or low >= high or not 1 <= num <= LARGEST:
        return None
    return Batch(low=low, high=high, num=num, seed=seed)
