import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from bir_core import detection, tensors
from bir_core.detectors import linear_influence
from bir_core.detectors.evidence import Evidence
from bir_core.errors import InputError, StageFailed
from bir_core.method_config import Curvature, LinearInfluenceOptions
from bir_core.models import networks
from bir_core.numerics import gradients, ranking
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import Doubles, Flags
from tests import cases, toys

CURVATURES: tuple[Curvature, ...] = ("identity", "diagonal_fisher", "empirical_fisher", "gauss_newton")


@pytest.fixture(autouse=True)
def _known_network(monkeypatch: pytest.MonkeyPatch) -> None:
    toys.register(monkeypatch)


@pytest.fixture
def toy() -> tuple[Evidence, Flags]:
    return toys.flipped_blobs()


def asking(evidence: Evidence, **options: object) -> Evidence:
    chosen = LinearInfluenceOptions.model_validate(options)
    settings = evidence.config.methods.model_copy(update={"linear_influence": chosen})
    return dataclasses.replace(evidence, config=evidence.config.model_copy(update={"methods": settings}))


def dense_scores(evidence: Evidence, curvature: Curvature, damping: float) -> Doubles:
    """-g_r^T (H + d I)^-1 g_i in float64 with a matrix that is written out."""
    model = FlatNetwork(networks.restore(evidence.base, cases.CPU).double())

    def rows(images: Tensor, labels: Tensor) -> Tensor:
        return gradients.matrix(model, images.double(), labels)

    own = rows(*tensors.labelled(evidence.train, cases.CPU))
    reserved = rows(*tensors.labelled(evidence.reserved, cases.CPU)).mean(0)
    fisher = own.T @ own / len(own)
    eye = torch.eye(len(reserved), dtype=torch.float64)
    matrix = {
        "identity": eye,
        "diagonal_fisher": torch.diag(fisher.diagonal()) + damping * eye,
        "empirical_fisher": fisher + damping * eye,
        "gauss_newton": gauss_newton(model, torch.tensor(evidence.train.images).double()) + damping * eye,
    }[curvature]
    return (-own @ torch.linalg.solve(matrix, reserved)).numpy()


def gauss_newton(model: FlatNetwork, inputs: Tensor) -> Tensor:
    jacobian = torch.func.jacrev(model.logits)(model.theta, inputs)
    p = model.logits(model.theta, inputs).softmax(1)
    middle = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    return torch.einsum("nkp,nkl,nlq->pq", jacobian, middle, jacobian) / len(inputs)


@pytest.mark.parametrize("curvature", CURVATURES)
def test_scores_are_those_of_the_dense_matrix(curvature: Curvature, toy: tuple[Evidence, Flags]) -> None:
    evidence = asking(toy[0], curvature=curvature, damping=0.05, tolerance=1e-6)
    expected = dense_scores(evidence, curvature, 0.05)
    found = detection.detect("linear_influence", evidence)
    np.testing.assert_allclose(found.scores, expected, rtol=0, atol=1e-4 * float(np.abs(expected).max()))


@pytest.mark.parametrize("curvature", CURVATURES)
def test_flipped_labels_are_found(curvature: Curvature, toy: tuple[Evidence, Flags]) -> None:
    """T11, with every curvature at its own default damping; without any it is a weak detector, and no worse."""
    evidence, flags = toy
    found = detection.detect("linear_influence", asking(evidence, curvature=curvature))
    auc = ranking.ranking_auc(found.scores, flags)
    assert auc is not None
    assert auc > (0.75 if curvature == "identity" else 0.9)
    assert found.facts["curvature"] == curvature
    assert found.facts["damping"] == linear_influence.DEFAULT_DAMPING[curvature]
    assert found.facts["damping_raised"] == 0


@pytest.mark.parametrize("curvature", CURVATURES)
def test_order_of_the_training_set_orders_the_scores(curvature: Curvature, toy: tuple[Evidence, Flags]) -> None:
    """T10."""
    evidence = asking(toy[0], curvature=curvature)
    order = np.random.default_rng(3).permutation(len(evidence.train))
    shuffled = dataclasses.replace(evidence, train=evidence.train.take(order))
    plain, other = (detection.detect("linear_influence", one).scores for one in (evidence, shuffled))
    np.testing.assert_allclose(other, plain[order], rtol=0, atol=1e-3 * float(np.abs(plain).max()))


@pytest.mark.parametrize("curvature", CURVATURES)
def test_grid_is_what_detect_finds_at_each_damping(curvature: Curvature, toy: tuple[Evidence, Flags]) -> None:
    grid = linear_influence.scores_by_damping(asking(toy[0], curvature=curvature))
    assert tuple(grid) == (1e-3, 1e-2, 1e-1)
    for damping, scores in grid.items():
        alone = detection.detect("linear_influence", asking(toy[0], curvature=curvature, damping=damping))
        np.testing.assert_array_equal(scores, alone.scores)
    assert np.array_equal(grid[1e-3], grid[1e-1]) == (curvature == "identity")


def test_auto_takes_the_full_fisher_where_it_fits(toy: tuple[Evidence, Flags]) -> None:
    """150 samples and 195 parameters need 0.7 MB; a network of the size of LeNet and 3,000 samples would not fit 1."""
    assert detection.detect("linear_influence", toy[0]).facts["curvature"] == "empirical_fisher"
    small = asking(dataclasses.replace(toy[0], train=toy[0].train.take(np.arange(300) % 150)), memory_mb=1)
    assert detection.detect("linear_influence", small).facts["curvature"] == "gauss_newton"


def test_full_fisher_that_does_not_fit_is_refused_before_it_starts(toy: tuple[Evidence, Flags]) -> None:
    evidence = asking(
        dataclasses.replace(toy[0], train=toy[0].train.take(np.arange(300) % 150)),
        curvature="empirical_fisher",
        memory_mb=1,
    )
    with pytest.raises(InputError, match=r"300 samples and 195 parameters needs .* GB.*: raise it, or set curvature"):
        detection.detect("linear_influence", evidence)


def test_base_model_without_finite_gradients_is_refused(toy: tuple[Evidence, Flags]) -> None:
    tensors = {name: np.full_like(value, np.nan) for name, value in toy[0].base.tensors.items()}
    broken = dataclasses.replace(toy[0], base=dataclasses.replace(toy[0].base, tensors=tensors))
    with pytest.raises(StageFailed):
        detection.detect("linear_influence", broken)
