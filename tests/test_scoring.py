import numpy as np
import pytest
import torch

from bir_core import base, enhancement, scoring
from bir_core.base_config import BaseConfig
from bir_core.config import EnhanceConfig
from bir_core.model_records import ModelState
from bir_core.models import networks
from bir_core.numerics import ranking
from bir_core.records import LabelledImages
from tests import cases


@pytest.fixture(scope="module")
def pair() -> tuple[ModelState, ModelState, LabelledImages]:
    """A base model, the same with its last two layers trained further, and data."""
    samples = cases.digits(130)
    config = BaseConfig(preset="memorised", memorised_epochs=2)
    trained = base.train_base(samples, samples, 10, config, seed=0, device=cases.CPU).state
    enhanced = enhancement.enhance(
        trained, cases.digits(40, seed=1), ("layer4", "layer5"), EnhanceConfig(max_epochs=3), seed=0, device=cases.CPU
    )
    return trained, enhanced.state, samples


def test_scores_are_the_change_of_the_plain_loss(pair: tuple[ModelState, ModelState, LabelledImages]) -> None:
    before, after, samples = pair
    scores = scoring.score(before, after, samples, device=cases.CPU)
    expected = []
    for state in (before, after):
        logits = networks.restore(state, cases.CPU).eval()(torch.tensor(samples.images))
        log_probabilities = logits.log_softmax(1).detach().numpy()
        expected.append(-log_probabilities[np.arange(len(samples)), samples.labels])
    np.testing.assert_allclose(scores.loss_before, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores.loss_after, expected[1], rtol=1e-5, atol=1e-6)
    assert scores.score.dtype == np.float64
    np.testing.assert_array_equal(scores.score, scores.loss_after - scores.loss_before)
    assert np.abs(scores.score).max() > 1e-3


def test_batch_size_changes_nothing(pair: tuple[ModelState, ModelState, LabelledImages]) -> None:
    whole, pieces = (scoring.score(*pair, device=cases.CPU, batch_size=size) for size in (500, 7))
    np.testing.assert_allclose(whole.score, pieces.score, rtol=1e-5, atol=1e-6)


def test_shuffled_data_gives_shuffled_scores(pair: tuple[ModelState, ModelState, LabelledImages]) -> None:
    before, after, samples = pair
    order = np.random.default_rng(0).permutation(len(samples))
    shuffled = scoring.score(before, after, samples.take(order), device=cases.CPU)
    np.testing.assert_allclose(
        shuffled.score, scoring.score(*pair, device=cases.CPU).score[order], rtol=1e-5, atol=1e-6
    )


def test_a_constant_added_to_all_logits_changes_nothing(pair: tuple[ModelState, ModelState, LabelledImages]) -> None:
    before, after, samples = pair
    tensors: dict[str, np.ndarray] = {name: value.copy() for name, value in after.tensors.items()}
    tensors["layer5.0.bias"] += np.float32(2.0)
    lifted = ModelState(network=after.network, image_shape=after.image_shape, num_classes=10, tensors=tensors)
    ours = scoring.score(before, lifted, samples, device=cases.CPU)
    np.testing.assert_allclose(ours.score, scoring.score(*pair, device=cases.CPU).score, rtol=1e-4, atol=1e-5)


def test_equal_models_score_exactly_zero(pair: tuple[ModelState, ModelState, LabelledImages]) -> None:
    before, _, samples = pair
    assert not scoring.score(before, before, samples, device=cases.CPU).score.any()


def test_flipped_labels_are_found_on_a_separable_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """T11: two blobs in the plane, 20 % of the labels flipped, a two-layer network; AUC above 0.95."""
    monkeypatch.setitem(networks.NETWORKS, "two_layers", cases.two_layers)
    draw = np.random.default_rng(0)

    def blobs(num: int, first_id: int) -> LabelledImages:
        labels = np.arange(num, dtype=np.int64) % 2
        points = np.where(labels == 1, 0.7, 0.3)[:, None] + draw.normal(0, 0.08, (num, 2))
        images = points.astype(np.float32).reshape(num, 1, 1, 2)
        return LabelledImages(images=images, labels=labels, ids=np.arange(first_id, first_id + num))

    clean, validation, reserved = blobs(400, 0), blobs(40, 400), blobs(60, 440)
    flipped = draw.random(400) < 0.2
    noisy = LabelledImages(images=clean.images, labels=np.where(flipped, 1 - clean.labels, clean.labels), ids=clean.ids)
    config = BaseConfig.model_construct(
        **{
            **BaseConfig(preset="memorised", memorised_epochs=60, learning_rate=1e-2).model_dump(),
            "network": "two_layers",
        }
    )
    trained = base.train_base(noisy, validation, 2, config, seed=0, device=cases.CPU).state
    layers = ("layer1", "layer2")
    enhanced = enhancement.enhance(trained, reserved, layers, EnhanceConfig(), seed=0, device=cases.CPU).state
    found = scoring.score(trained, enhanced, noisy, device=cases.CPU).score
    auc = ranking.ranking_auc(found, flipped)
    assert auc is not None
    assert auc > 0.95
    control = ranking.ranking_auc(found, draw.permutation(flipped))
    assert control is not None
    assert control < 0.65
