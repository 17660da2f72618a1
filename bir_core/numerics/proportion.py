"""How sure a proportion is. Standard library only: the dashboard's server, which must stay small, imports it."""

import math
from statistics import NormalDist

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


def wilson(hits: float, num: int) -> tuple[float, float]:
    """The 95 % interval of ``hits`` in ``num``, within 0..1 (Wilson 1927, without continuity correction).

    What hits in part counts in part; the interval is then rather too wide than too narrow.

    Raises:
        ValueError: ``num`` is 0.
    """
    if num == 0:
        raise ValueError("a proportion of nothing is undefined")
    share = hits / num
    centre = (share + Z**2 / (2 * num)) / (1 + Z**2 / num)
    half = Z / (1 + Z**2 / num) * math.sqrt(share * (1 - share) / num + Z**2 / (4 * num**2))
    return max(0.0, centre - half), min(1.0, centre + half)
