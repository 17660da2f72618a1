"""How far two rankings of the same samples agree. NumPy only, since the dashboard asks this too.

N samples; a rank is a place from 1, which the most suspect sample has.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bir_core.records import Doubles, Integers

Ranks = NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How many samples are in the top K of both rankings, of one of them only, of neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def jaccard(self) -> float:
        """Those in both over those in either, in 0..1; 1 when there are none, since nothing differs then."""
        either = self.both + self.only_first + self.only_second
        return self.both / either if either else 1.0


def overlap(first: Ranks, second: Ranks, top: int) -> Overlap:
    """What the ``top`` most suspect samples of two rankings have in common.

    Args:
        first: (M,) ranks of some samples by one detector; ranks of all N or of a part of them, such as the corrupted.
        second: (M,) ranks of the same samples by the other detector.
        top: K.
    """
    in_first, in_second = first <= top, second <= top
    both = int((in_first & in_second).sum())
    only_first, only_second = int(in_first.sum()) - both, int(in_second.sum()) - both
    neither = len(first) - both - only_first - only_second
    return Overlap(both=both, only_first=only_first, only_second=only_second, neither=neither)


def shared_at(first: Ranks, second: Ranks, tops: Ranks) -> Integers:
    """(T,) how many samples the top K of both rankings share, for each K of ``tops``, which must be in 0..N.

    A sample is in both from K = the worse of its two ranks on.
    """
    since = np.bincount(np.maximum(first, second), minlength=len(first) + 1)
    found: Integers = np.cumsum(since)[tops]
    return found


def only_first(first: Ranks, second: Ranks, top: int) -> Integers:
    """Positions of the samples in the top K of the first ranking and not of the second, the first's most suspect first.

    Args:
        first: (N,) ranks.
        second: (N,) ranks.
        top: K.
    """
    found = np.flatnonzero((first <= top) & (second > top))
    return found[np.argsort(first[found], kind="stable")]


def average_ranks(scores: Doubles) -> Doubles:
    """(N,) place of each score from 1, the highest first; equal scores share the mean of their places."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0)) if len(scores) else np.empty(0, np.int64)
    ends = np.append(starts[1:], len(scores))
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat((starts + 1 + ends) / 2, ends - starts)
    return ranks


def spearman(first: Doubles, second: Doubles) -> float | None:
    """Spearman's rank correlation of two detectors' scores (N,), in -1..1; None when one gives all the same score.

    It is Pearson's correlation of the ranks, ties by average rank (Spearman 1904; Kendall 1945).
    """
    one, other = average_ranks(first), average_ranks(second)
    middle = (len(one) + 1) / 2
    one -= middle
    other -= middle
    spread = float(one @ one) * float(other @ other)
    return float(one @ other) / spread**0.5 if spread > 0 else None
