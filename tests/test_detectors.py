"""What every detector owes: it finds flipped labels, says the same of the same evidence, and tells of its limits."""

from dataclasses import replace

import numpy as np
import pytest

from bir_core import detection, methods
from bir_core.detectors.evidence import Evidence
from bir_core.errors import InputError
from bir_core.method_config import NeighbourOptions
from bir_core.numerics import ranking
from bir_core.records import Flags
from tests import toys

DRAWS_FROM_THE_TRAINING_SET = frozenset({"sgd_influence", "cleanlab", "tracin", "trak"})
"""Batches, folds or projections of theirs follow the order of the samples."""

LEARNS_FROM_FAILURES = frozenset({"ewc_influence"})
"""The toy's base model errs on no reserved sample, so it has nothing to learn from; test_ewc has one that does."""


@pytest.fixture(autouse=True)
def _toy_network(monkeypatch: pytest.MonkeyPatch) -> None:
    toys.register(monkeypatch)


@pytest.fixture
def blobs() -> tuple[Evidence, Flags]:
    return toys.flipped_blobs()


def skip_if_absent(name: str) -> None:
    absent = methods.missing_packages(methods.detector(name))
    if absent is not None:
        pytest.skip(absent)


@pytest.mark.parametrize("name", sorted(detection.DETECT.keys() - LEARNS_FROM_FAILURES))
def test_flipped_labels_are_found(name: str, blobs: tuple[Evidence, Flags]) -> None:
    skip_if_absent(name)
    evidence, flipped = blobs
    auc = ranking.ranking_auc(detection.detect(name, evidence).scores, flipped)
    assert auc is not None
    assert auc > 0.9


@pytest.mark.parametrize("name", detection.DETECT)
def test_the_base_model_is_not_changed_and_the_scores_come_again(name: str, blobs: tuple[Evidence, Flags]) -> None:
    skip_if_absent(name)
    evidence, _ = blobs
    before = {tensor: values.copy() for tensor, values in evidence.base.tensors.items()}
    first, again = (detection.detect(name, evidence).scores for _ in range(2))
    assert np.array_equal(first, again)
    assert all(np.array_equal(before[tensor], values) for tensor, values in evidence.base.tensors.items())


@pytest.mark.parametrize("name", sorted(detection.DETECT.keys() - DRAWS_FROM_THE_TRAINING_SET))
def test_the_order_of_the_samples_does_not_matter(name: str, blobs: tuple[Evidence, Flags]) -> None:
    skip_if_absent(name)
    evidence, _ = blobs
    assert evidence.margins is not None
    order = np.random.default_rng(1).permutation(len(evidence.train))
    shuffled = replace(evidence, train=evidence.train.take(order), margins=evidence.margins[order])
    scores, permuted = (detection.detect(name, one).scores for one in (evidence, shuffled))
    np.testing.assert_allclose(permuted, scores[order], rtol=1e-3, atol=1e-4 * np.abs(scores).max())


def with_neighbours(evidence: Evidence, name: str, count: int) -> Evidence:
    chosen = evidence.config.methods.model_copy(update={name: NeighbourOptions(num_neighbours=count)})
    return replace(evidence, config=evidence.config.model_copy(update={"methods": chosen}))


@pytest.mark.parametrize(("name", "most"), [("deep_knn", 149), ("knn_shapley", 150)])
def test_more_neighbours_than_there_are_samples_are_refused(
    name: str, most: int, blobs: tuple[Evidence, Flags]
) -> None:
    evidence, _ = blobs
    allowed = detection.detect(name, with_neighbours(evidence, name, most))
    assert allowed.facts == {"num_neighbours": most}
    with pytest.raises(InputError, match=rf"methods\.{name}\.num_neighbours is {most + 1}, but .* only {most}"):
        detection.detect(name, with_neighbours(evidence, name, most + 1))


def test_the_network_of_the_reserved_set_sees_nothing_else(blobs: tuple[Evidence, Flags]) -> None:
    evidence, _ = blobs
    found = detection.detect("reserved_only", evidence)
    assert found.facts["epochs"] == 20
    assert 0 < found.facts["reserved_loss"] < np.log(3)
    half = evidence.train.take(np.arange(75))
    fewer = detection.detect("reserved_only", replace(evidence, train=half, validation=half))
    np.testing.assert_allclose(fewer.scores, found.scores[:75], rtol=1e-5, atol=1e-7)
    other = detection.detect("reserved_only", replace(evidence, reserved=evidence.reserved.take(np.arange(15))))
    assert not np.allclose(other.scores, found.scores, rtol=1e-2)


def test_without_its_training_log_the_margin_is_refused(blobs: tuple[Evidence, Flags]) -> None:
    evidence, _ = blobs
    with pytest.raises(InputError, match="needs the log of the base training"):
        detection.detect("margin", replace(evidence, margins=None))
