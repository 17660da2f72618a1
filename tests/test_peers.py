"""The detectors of other projects: on a toy whose wrong labels are known, and without their packages."""

import dataclasses
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bir_core import detection, methods, seeding
from bir_core.detectors import cleanlab, ekfac
from bir_core.detectors.evidence import Evidence
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.numerics import ranking
from bir_core.records import Flags, LabelledImages
from tests import cases, toys

PEERS = tuple(one.name for one in methods.DETECTORS if one.packages)

# Warnings of the peers' own code and of what they import, which is not ours to change.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:::{package}")
    for package in ("captum", "cleanlab", "kronfluence", "trak", "matplotlib", "accelerate")
]


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> tuple[Evidence, Flags]:
    monkeypatch.setitem(networks.NETWORKS, "two_layers", cases.two_layers)
    evidence, flags = toys.flipped_blobs()
    # Its 162 parameters carry no projection of 512 dimensions.
    return with_options(evidence, trak={"projection": 32}), flags


def with_options(evidence: Evidence, **options: dict[str, Any]) -> Evidence:
    chosen = {name: getattr(evidence.config.methods, name).model_copy(update=values) for name, values in options.items()}
    changed = evidence.config.model_copy(update={"methods": evidence.config.methods.model_copy(update=chosen)})
    return dataclasses.replace(evidence, config=changed)


def need(name: str) -> None:
    for package in methods.detector(name).packages:
        pytest.importorskip(package, reason=f"{package} is optional: pip install -r requirements-peers.txt")


@pytest.mark.parametrize("name", PEERS)
def test_flipped_labels_are_found(name: str, blobs: tuple[Evidence, Flags]) -> None:
    need(name)
    evidence, flags = blobs
    found = detection.detect(name, evidence)
    auc = ranking.ranking_auc(found.scores, flags)
    assert auc is not None
    assert auc > 0.9
    assert found.facts


@pytest.mark.parametrize("name", PEERS)
def test_same_scores_twice_and_nothing_else_is_touched(
    name: str, blobs: tuple[Evidence, Flags], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the global generator stands at; it, the base model, and the working directory stay as they were."""
    need(name)
    evidence, _ = blobs
    before = {key: value.copy() for key, value in evidence.base.tensors.items()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", None)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    scores = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        scores.append(detection.detect(name, evidence).scores)
        assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(scores[0], scores[1])
    assert os.listdir(tmp_path) == ["temporary"]
    assert os.listdir(temporary) == []
    assert all(np.array_equal(before[key], value) for key, value in evidence.base.tensors.items())


@pytest.mark.parametrize("name", PEERS)
def test_without_its_package_a_sentence_says_what_to_install(name: str, blobs: tuple[Evidence, Flags]) -> None:
    (package,) = methods.detector(name).packages
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed here")
    with pytest.raises(InputError, match=rf"pip install -r requirements-peers.txt \(missing: {package}\)"):
        detection.detect(name, blobs[0])


def test_folds_share_every_class_out_evenly() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 100)
    dealt = cleanlab.deal(labels, 5, seed=0)
    counts = np.array([[np.sum((dealt == fold) & (labels == label)) for label in range(3)] for fold in range(5)])
    assert np.bincount(dealt).tolist() == [20] * 5
    assert (counts.max(axis=0) - counts.min(axis=0)).max() <= 1
    assert not np.array_equal(dealt, cleanlab.deal(labels, 5, seed=1))


def test_confident_learning_counts_about_as_many_issues_as_there_are(blobs: tuple[Evidence, Flags]) -> None:
    need("cleanlab")
    evidence, flags = blobs
    found = detection.detect("cleanlab", evidence)
    assert found.facts["issues"] == pytest.approx(flags.sum(), rel=0.15)
    assert -1 <= found.scores.min() <= found.scores.max() <= 0


def test_cleanlab_refuses_more_folds_than_samples(blobs: tuple[Evidence, Flags]) -> None:
    need("cleanlab")
    evidence = with_options(blobs[0], cleanlab={"folds": 301})
    with pytest.raises(InputError, match="needs at least 301 samples"):
        detection.detect("cleanlab", evidence)


def test_trak_refuses_a_projection_that_cannot_be_inverted(blobs: tuple[Evidence, Flags]) -> None:
    need("trak")
    with pytest.raises(InputError, match="use at most 162"):
        detection.detect("trak", with_options(blobs[0], trak={"projection": 512}))


def test_tracin_is_the_sum_of_last_layer_gradient_products(blobs: tuple[Evidence, Flags]) -> None:
    """By autograd, one sample after the other, at the checkpoint of a single epoch."""
    need("tracin")
    evidence, _ = blobs
    short = evidence.config.base.model_copy(update={"memorised_epochs": 1})
    evidence = dataclasses.replace(evidence, config=evidence.config.model_copy(update={"base": short}))
    found = detection.detect("tracin", evidence)
    state = toys.base.train_base(
        evidence.train, evidence.validation, 2, short, seed=seeding.derive(0, "base"), device=cases.CPU
    ).state
    reserved = last_layer_gradients(state, evidence.reserved).mean(0)
    expected = -short.learning_rate * last_layer_gradients(state, evidence.train) @ reserved
    assert found.facts == {"checkpoints": [1]}
    np.testing.assert_allclose(found.scores, expected.numpy(), rtol=1e-3, atol=1e-7)


def last_layer_gradients(state: Any, part: LabelledImages) -> torch.Tensor:
    """(N, parameters of the last linear layer) float64; captum leaves out the bias."""
    network = networks.restore(state, cases.CPU).double()
    rows = []
    for image, label in zip(part.images, part.labels, strict=True):
        loss = torch.nn.functional.cross_entropy(network(torch.tensor(image[None]).double()), torch.tensor([label]))
        (gradient,) = torch.autograd.grad(loss, [network.get_parameter("layer2.0.weight")])
        rows.append(gradient.flatten())
    return torch.stack(rows)


def test_ekfac_in_eval_mode_leaves_batch_norm_alone(blobs: tuple[Evidence, Flags]) -> None:
    need("ekfac")
