"""The quadratic anchor of elastic weight consolidation (Kirkpatrick et al. 2017)."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from bir_core.numerics import vectors

IMPORTANCE_FLOOR = 1e-8
"""Added to a Fisher diagonal, so that parameters which no sample uses are held too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Anchor:
    """A penalty on leaving a point, called with the parameters as they stand.

    Attributes:
        centre: (P,) the point, in the order of the parameters.
        importance: (P,) F, how much each parameter matters there.
        strength: lam.
    """

    centre: Tensor
    importance: Tensor
    strength: float

    def __call__(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        """(lam / 2) sum_j F_j (theta_j - centre_j)^2, in nats."""
        moved = vectors.flatten(parameters) - self.centre
        return self.strength / 2 * (self.importance * moved.square()).sum()
