import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bir_core import detection, embedding, flow, pipeline, run_folder, storage
from bir_core.config import EmbedConfig
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.numerics import ranking
from bir_core.records import Embedding
from bir_core.run_folder import Run
from tests import cases, toys

PCA = EmbedConfig()


def embed(num: int = 60, reserved: int = 12, *, batch_size: int = 500, model: str = "lenet") -> Embedding:
    return embedding.embed(
        cases.fresh_model(model),
        cases.digits(num),
        cases.digits(reserved, seed=1),
        PCA,
        seed=0,
        device=cases.CPU,
        batch_size=batch_size,
    )


def cloud(num: int, width: int, seed: int = 0) -> np.ndarray:
    """Points that spread differently along each of their axes, far from the origin."""
    draw = np.random.default_rng(seed)
    turned = np.linalg.qr(draw.normal(size=(width, width)))[0]
    return (draw.normal(size=(num, width)) * (1.5 ** np.arange(width)) @ turned + 50).astype(np.float32)


@pytest.mark.parametrize("model", ["lenet", "conv4"])
def test_the_last_layer_of_the_features_gives_the_logits(model: str) -> None:
    state, samples = cases.fresh_model(model), cases.digits(40)
    network = networks.restore(state, cases.CPU).eval()
    found = embed(40, model=model)
    logits = network(torch.tensor(samples.images)).detach().numpy()
    weight, bias = (np.asarray(state.tensors[name], np.float32) for name in list(state.tensors)[-2:])
    np.testing.assert_allclose(found.features @ weight.T + bias, logits, rtol=1e-4, atol=1e-5)
    assert found.features.dtype == found.reserved_features.dtype == found.coordinates.dtype == np.float32
    assert (len(found.features), len(found.reserved_features), found.coordinates.shape) == (40, 12, (40, 2))


def test_batch_size_changes_nothing_and_the_order_of_samples_is_kept() -> None:
    whole, pieces = embed(), embed(batch_size=7)
    np.testing.assert_allclose(whole.features, pieces.features, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole.reserved_features, pieces.reserved_features, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole.coordinates, pieces.coordinates, rtol=1e-4, atol=1e-4)


def test_the_same_model_gives_the_same_bits() -> None:
    first, second = embed(), embed()
    for name in ("features", "reserved_features", "coordinates"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_the_model_and_its_hooks_are_left_as_they_were() -> None:
    network = networks.restore(cases.fresh_model(), cases.CPU).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    embedding.features(network, cases.digits(10).images, batch_size=4)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize(("num", "width"), [(300, 12), (9, 30), (2, 5), (40, 2)])
def test_principal_components_are_those_of_a_dense_svd_up_to_the_sign(num: int, width: int) -> None:
    points = cloud(num, width)
    left, sizes, _ = np.linalg.svd(points.astype(np.float64) - points.mean(axis=0, dtype=np.float64))
    number = min(2, num - 1, width)
    expected = left[:, :number] * sizes[:number]
    found = embedding.principal_components(points)[:, :number]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-3, atol=1e-3 * sizes[0])
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), (expected**2).sum(axis=0), rtol=1e-3)


def test_the_sign_is_that_of_the_largest_weight() -> None:
    """One direction, given: the map goes up where its largest weight goes up, whichever way the points are listed."""
    steps = np.linspace(-3, 3, 50)
    for weights in ([0.2, -0.9, 0.1], [-0.2, 0.9, -0.1]):
        points = (steps[:, None] * np.array(weights)).astype(np.float32)
        placed = embedding.principal_components(points)
        assert np.corrcoef(placed[:, 0], points[:, 1])[0, 1] > 0.999
        np.testing.assert_allclose(embedding.principal_components(points[::-1]), placed[::-1], atol=1e-5)


def test_variance_is_kept_and_centred_and_batches_change_nothing() -> None:
    points = cloud(500, 8)
    whole, pieces = (embedding.principal_components(points, batch_size=size) for size in (4096, 33))
    np.testing.assert_allclose(whole, pieces, rtol=1e-4, atol=1e-4)
    variances = np.linalg.eigvalsh(np.cov(points.T.astype(np.float64), bias=True))[::-1]
    np.testing.assert_allclose(whole.var(axis=0), variances[:2], rtol=1e-4)
    np.testing.assert_allclose(whole.mean(axis=0), 0, atol=1e-4)
    assert whole.var(axis=0)[1] > variances[2:].max()


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (3, 1)])
def test_what_has_no_direction_lies_at_zero(shape: tuple[int, int]) -> None:
    placed = embedding.principal_components(np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape))
    assert placed.shape == (shape[0], 2)
    assert not placed[:, 1].any()
    assert placed[:, 0].any() == (shape[0] > 1)


def test_equal_samples_lie_at_zero() -> None:
    assert not embedding.principal_components(np.full((30, 4), 7, dtype=np.float32)).any()


@pytest.mark.parametrize("num", [0, 1])
def test_no_sample_and_one_sample(num: int) -> None:
    found = embed(num, 1)
    assert found.features.shape == (num, 84)
    assert found.coordinates.tolist() == [[0, 0]] * num


def test_without_a_linear_layer_the_last_convolution_is_read_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is affine, so that averaging before it gives the logits that averaging behind it gives."""
    monkeypatch.setitem(networks.NETWORKS, "all_convolution", cases.all_convolution)
    state, samples = cases.fresh_model("all_convolution"), cases.digits(40)
    found = embed(40, model="all_convolution", batch_size=7).features
    logits = networks.restore(state, cases.CPU).eval()(torch.tensor(samples.images)).detach().numpy()
    weight, bias = (np.asarray(state.tensors[f"layer2.0.{name}"], np.float32) for name in ("weight", "bias"))
    np.testing.assert_allclose(found @ weight[:, :, 0, 0].T + bias, logits, rtol=1e-4, atol=1e-5)


def test_without_any_layer_to_read_the_logits_stand_in() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(10, 256))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1) @ self.weight.T

    network, images = nn.Sequential(Bare()).eval(), cases.digits(5).images
    with torch.no_grad():
        logits = network(torch.tensor(images)).numpy()
    np.testing.assert_array_equal(embedding.features(network, images, batch_size=5), logits)


@pytest.mark.parametrize("detector", ["deep_knn", "knn_shapley", "linear_influence"])
def test_detectors_work_on_a_network_without_a_linear_layer(detector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(networks.NETWORKS, "all_convolution", cases.all_convolution)
    evidence, flags = toys.flipped_blobs()
    state = networks.describe("all_convolution", evidence.base.image_shape, 3)
    base = networks.capture(networks.fresh(state, torch.Generator().manual_seed(0)), state)
    auc = ranking.ranking_auc(detection.detect(detector, replace(evidence, base=base)).scores, flags)
    assert auc is not None
    assert auc > 0.9


def test_umap_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r'"pip install umap-learn", or choose "pca"'):
        embedding.embed(
            cases.fresh_model(),
            cases.digits(3),
            cases.digits(3),
            EmbedConfig(layout="umap"),
            seed=0,
            device=cases.CPU,
        )


def test_umap_repeats_itself_keeps_groups_apart_and_places_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("umap", reason="umap-learn is not installed")
    monkeypatch.setattr(embedding, "UMAP_FITTED_ON", 80)
    groups = np.arange(120) % 2
    points = (np.random.default_rng(0).normal(size=(120, 5)) + 30 * groups[:, None]).astype(np.float32)
    first, second = (embedding.umap(points, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    centres = np.array([first[groups == group].mean(axis=0) for group in (0, 1)])
    own = np.linalg.norm(first[:, None] - centres, axis=2).argmin(axis=1)
    assert (own == groups).all()


def test_a_run_from_before_this_stage_opens_and_gets_it(tiny_run: Run, tmp_path: Path) -> None:
    """Without its folder and its config section nothing is stale, a fork has all the rest, and it can be computed."""
    shutil.copytree(tiny_run.path, tmp_path / "tiny", ignore=shutil.ignore_patterns("embed"))
    described = json.loads((tmp_path / "tiny" / "run.json").read_text())
    del described["config"]["embed"]
    (tmp_path / "tiny" / "run.json").write_text(json.dumps(described))
    old = run_folder.open_run(tmp_path, "tiny")
    rest = tuple(name for name in flow.NAMES if name != "embed")
    assert run_folder.fresh_stages(old) == rest
    forked = run_folder.fork(old, old.config.model_copy(update={"name": "child"}))
    assert run_folder.fresh_stages(forked) == rest
    pipeline.compute(old, ["embed"])
    ours, theirs = (storage.load_embedding(run.path / "embed") for run in (old, tiny_run))
    np.testing.assert_array_equal(ours.coordinates, theirs.coordinates)
    assert len(ours.features) == len(storage.load_part(old.path / "data", "train"))
    assert len(ours.reserved_features) == len(storage.load_part(old.path / "data", "reserved"))
