from itertools import pairwise

import numpy as np
import pytest

from bir_core import identification
from bir_core.errors import InputError

SCORES = np.array([0.1, 3.0, -1.0, 0.5, 0.5, 0.0])


def test_threshold_takes_what_exceeds_it_most_suspect_first() -> None:
    suspects = identification.identify(SCORES, threshold=0.1)
    assert suspects.indices.tolist() == [1, 3, 4]
    assert (suspects.rule, suspects.threshold) == ("threshold", 0.1)


def test_top_k_takes_exactly_k_and_ties_keep_their_order() -> None:
    suspects = identification.identify(SCORES, threshold=99, top_k=2)
    assert suspects.indices.tolist() == [1, 3]
    assert suspects.threshold == 0.5


def test_nothing_above_the_threshold_is_a_fair_answer() -> None:
    assert len(identification.identify(SCORES, threshold=3.0)) == 0
    assert identification.identify(SCORES, threshold=0, top_k=0).threshold is None


@pytest.mark.parametrize("k", [-1, 7])
def test_impossible_k_is_refused(k: int) -> None:
    with pytest.raises(InputError, match=f"between 0 and the 6 scored samples, got {k}"):
        identification.identify(SCORES, threshold=0, top_k=k)


def test_a_higher_threshold_gives_a_subset() -> None:
    scores = np.random.default_rng(0).normal(size=200)
    found = [set(identification.identify(scores, threshold=value).indices.tolist()) for value in (-1, 0, 0.5, 2)]
    assert all(higher < lower for lower, higher in pairwise(found))
