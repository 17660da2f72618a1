"""The detectors of other projects: on a toy whose wrong labels are known, and without their packages."""

import dataclasses
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from bir_core import base, detection, methods, repair, seeding
from bir_core.detectors import tracin
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import networks
from bir_core.numerics import ranking, sampling
from bir_core.records import LabelledImages
from tests import cases, toys

PEERS = tuple(one.name for one in methods.DETECTORS if one.packages)
RESERVED = tuple(name for name in PEERS if methods.detector(name).reserved)

# Warnings of the peers' own code and of what they import, which is not ours to change.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:::{package}")
    for package in ("captum", "cleanlab", "kronfluence", "trak", "matplotlib", "accelerate")
]


@pytest.fixture(autouse=True)
def _known_network(monkeypatch: pytest.MonkeyPatch) -> None:
    toys.register(monkeypatch)


def toy() -> Evidence:
    """The blobs; in the plane, their gradients cannot carry TRAK's usual 512 dimensions."""
    return with_options(toys.flipped_blobs()[0], trak={"projection": 8})


def with_options(evidence: Evidence, **options: dict[str, Any]) -> Evidence:
    chosen = {
        name: getattr(evidence.config.methods, name).model_copy(update=values) for name, values in options.items()
    }
    changed = evidence.config.model_copy(update={"methods": evidence.config.methods.model_copy(update=chosen)})
    return dataclasses.replace(evidence, config=changed)


def need(name: str) -> None:
    for package in methods.detector(name).packages:
        pytest.importorskip(package, reason=f"{package} is optional: pip install -r requirements-peers.txt")


@cache
def found_by(name: str) -> Detected:
    return detection.detect(name, toy())


@pytest.mark.parametrize("name", PEERS)
def test_flipped_labels_are_found(name: str) -> None:
    need(name)
    _, flags = toys.flipped_blobs()
    auc = ranking.ranking_auc(found_by(name).scores, flags)
    assert auc is not None
    assert auc > 0.9


@pytest.mark.parametrize("name", PEERS)
def test_same_scores_again_and_nothing_is_left_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the global generator stands; it, the base model and the working directory stay as they were."""
    need(name)
    first, evidence = found_by(name), toy()
    weights = {key: value.copy() for key, value in evidence.base.tensors.items()}
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        state = torch.get_rng_state()
        again = detection.detect(name, evidence)
        assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(again.scores, first.scores)
    assert again.facts == first.facts
    assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]
    assert all(np.array_equal(weights[key], value) for key, value in evidence.base.tensors.items())


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_samples_count_by_their_mean(name: str) -> None:
    """The reserved set laid twice changes no score."""
    need(name)
    evidence = toy()
    twice = dataclasses.replace(evidence, reserved=repair.join(evidence.reserved, evidence.reserved))
    scores = detection.detect(name, twice).scores
    np.testing.assert_allclose(scores, found_by(name).scores, rtol=1e-3, atol=1e-4 * np.abs(scores).max())


@pytest.mark.parametrize("name", PEERS)
def test_without_its_package_a_sentence_says_what_to_install(name: str) -> None:
    (package,) = methods.detector(name).packages
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed here")
    with pytest.raises(InputError, match=rf"pip install -r requirements-peers.txt \(missing: {package}\)"):
        detection.detect(name, toy())


def test_folds_share_every_class_out_evenly() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 100)
    dealt = sampling.deal(labels, 5, seed=0)
    counts = np.array([[np.sum((dealt == fold) & (labels == label)) for label in range(3)] for fold in range(5)])
    assert np.bincount(dealt).tolist() == [20] * 5
    assert (counts.max(axis=0) - counts.min(axis=0)).max() <= 1
    assert not np.array_equal(dealt, sampling.deal(labels, 5, seed=1))


def test_confident_learning_counts_about_as_many_issues_as_there_are() -> None:
    need("cleanlab")
    _, flags = toys.flipped_blobs()
    found = found_by("cleanlab")
    assert found.facts["issues"] == pytest.approx(flags.sum(), rel=0.15)
    assert -1 <= found.scores.min() <= found.scores.max() <= 0


def test_cleanlab_refuses_more_folds_than_samples() -> None:
    need("cleanlab")
    with pytest.raises(InputError, match="needs at least 151 samples"):
        detection.detect("cleanlab", with_options(toy(), cleanlab={"folds": 151}))


def test_trak_refuses_a_projection_that_cannot_be_inverted() -> None:
    need("trak")
    with pytest.raises(InputError, match="use at most 150"):
        detection.detect("trak", with_options(toy(), trak={"projection": 151}))


@pytest.mark.parametrize("dimensions", [2, 3, 101])
def test_trak_takes_any_number_of_dimensions(dimensions: int) -> None:
    """Of one block of the projector and of several; traker forgets a single block between its two passes."""
    need("trak")
    found = detection.detect("trak", with_options(toy(), trak={"projection": dimensions}))
    assert found.facts["projection"] == dimensions


def test_tracin_says_that_it_needs_a_linear_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is trained, so that captum need not be here."""
    monkeypatch.setitem(networks.NETWORKS, "all_convolution", cases.all_convolution)
    evidence = dataclasses.replace(toy(), base=cases.fresh_model("all_convolution"))
    with pytest.raises(InputError, match="last linear layer, and all_convolution has none: take a detector"):
        tracin.detect(evidence)


def test_tracin_is_the_sum_of_last_layer_gradient_products() -> None:
    """By autograd, one sample after the other, at the checkpoint of a single epoch."""
    need("tracin")
    evidence = toy()
    short = evidence.config.base.model_copy(update={"memorised_epochs": 1})
    config = evidence.config.model_copy(update={"base": short})
    found = detection.detect("tracin", dataclasses.replace(evidence, config=config))
    state = base.train_base(
        evidence.train, evidence.validation, 3, short, seed=seeding.derive(config.seed, "base"), device=cases.CPU
    ).state
    reserved = last_layer_gradients(state, evidence.reserved).mean(0)
    expected = -short.learning_rate * last_layer_gradients(state, evidence.train) @ reserved
    assert found.facts == {"checkpoints": [1]}
    np.testing.assert_allclose(found.scores, expected.numpy(), rtol=1e-4, atol=1e-8)


def last_layer_gradients(state: ModelState, part: LabelledImages) -> torch.Tensor:
    """(N, weights of the last linear layer) float64; captum leaves the bias out."""
    network = networks.restore(state, cases.CPU).double()
    rows = []
    for image, label in zip(np.asarray(part.images), part.labels, strict=True):
        loss = functional.cross_entropy(network(torch.tensor(image[None]).double()), torch.tensor([label]))
        (gradient,) = torch.autograd.grad(loss, [network.get_parameter("layer2.0.weight")])
        rows.append(gradient.flatten())
    return torch.stack(rows)


def test_checkpoints_are_spread_evenly_and_end_with_the_last() -> None:
    assert tracin.spread(60) == [10, 20, 30, 40, 50, 60]
    assert tracin.spread(3) == [1, 2, 3]
