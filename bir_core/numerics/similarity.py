"""Which features are alike: the cosine of two feature vectors. NumPy only, since the dashboard asks this too."""

import numpy as np

from bir_core.records import Doubles, Floats, Integers


def cosines(feature: Floats, others: Floats) -> Doubles:
    """(R,) cosine in [-1, 1] of the angle between ``feature`` (d,) and each row of ``others`` (R, d).

    Higher = more alike. A vector of zeros has no direction, so its cosine with anything is taken as 0.
    """
    one, many = np.asarray(feature, dtype=np.float64), np.asarray(others, dtype=np.float64)
    lengths = np.linalg.norm(one) * np.linalg.norm(many, axis=1)
    found = np.divide(many @ one, lengths, out=np.zeros(len(many)), where=lengths > 0)
    alike: Doubles = np.clip(found, -1, 1)
    return alike


def nearest(feature: Floats, others: Floats, candidates: Integers, count: int) -> tuple[Integers, Doubles]:
    """The ``count`` rows of ``others`` that are most alike to ``feature``, and their cosines, the most alike first.

    Args:
        feature: (d,).
        others: (R, d).
        candidates: rows that may be taken; equal cosines stay in their order.
        count: how many at most.
    """
    found = cosines(feature, others[candidates])
    order = np.argsort(-found, kind="stable")[:count]
    return candidates[order], found[order]
