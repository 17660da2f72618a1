"""EWC-influence and EWC-deletion (sections 7 and 14 of the specification)."""

import dataclasses
import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bir_core import base, detection, evaluation, scoring, seeding, tensors, training, treatment
from bir_core.detectors.evidence import Evidence
from bir_core.errors import StageFailed
from bir_core.method_config import EwcDeletionOptions, EwcInfluenceOptions, MethodsConfig
from bir_core.model_records import ModelState
from bir_core.models import layers, networks
from bir_core.numerics import gradients, losses, ranking
from bir_core.numerics.anchor import Anchor
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import Doubles, Flags, LabelledImages
from bir_core.training import Schedule
from bir_core.treatments import ewc_deletion
from bir_core.treatments.case import Case
from tests import cases, removals, toys


@pytest.fixture(autouse=True)
def _known_network(monkeypatch: pytest.MonkeyPatch) -> None:
    toys.register(monkeypatch)


@pytest.fixture
def toy() -> tuple[Evidence, Flags]:
    return toys.flipped_blobs()


@cache
def confused_blobs() -> tuple[Evidence, Flags]:
    """The toy's points with half of one class called another, so that its base model fails on reserved points."""
    evidence, _ = toys.flipped_blobs()
    right = np.arange(150, dtype=np.int64) % 3
    flags = np.zeros(150, dtype=np.bool_)
    flags[np.random.default_rng(1).permutation(np.flatnonzero(right == 0))[:24]] = True
    train = LabelledImages(images=evidence.train.images, labels=np.where(flags, 1, right), ids=evidence.train.ids)
    trained = base.train_base(train, evidence.validation, 3, evidence.config.base, seed=3, device=cases.CPU)
    reserved = toys._blobs(np.random.default_rng(7), 90)
    return dataclasses.replace(evidence, train=train, base=trained.state, reserved=reserved), flags


@pytest.fixture
def confused() -> tuple[Evidence, Flags]:
    return confused_blobs()


def influence(evidence: Evidence, **options: float) -> Evidence:
    chosen = EwcInfluenceOptions.model_validate(options)
    settings = evidence.config.methods.model_copy(update={"ewc_influence": chosen})
    return dataclasses.replace(evidence, config=evidence.config.model_copy(update={"methods": settings}))


def failures(evidence: Evidence) -> LabelledImages:
    beliefs = evaluation.believe(evidence.base, evidence.reserved.images, device=cases.CPU)
    return evidence.reserved.take(np.flatnonzero(beliefs.argmax(1) != evidence.reserved.labels))


def plainly_learned(evidence: Evidence) -> Doubles:
    """Scores after ``training.fine_tune`` on the failures, with no anchor."""
    wrong = failures(evidence)
    network = networks.restore(evidence.base, cases.CPU)
    images, labels = tensors.labelled(wrong, cases.CPU)
    training.fine_tune(
        network,
        layers.names(network),
        images,
        losses.one_hot(labels, 3),
        schedule=Schedule(learning_rate=1e-3, batch_size=16, max_epochs=100, patience=5),
        generator=torch.Generator().manual_seed(seeding.derive(evidence.seed, "shuffle")),
    )
    learned = networks.capture(network, evidence.base)
    return scoring.score(evidence.base, learned, evidence.train, device=cases.CPU).score


class _Parameters(nn.Module):
    """A network that is nothing but its parameters: its output for any input."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = nn.Parameter(values.clone())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.values.expand(len(inputs), -1)


@pytest.mark.parametrize("strength", [0.0, 1.0, 1e4])
def test_anchored_quadratics_end_where_the_closed_form_says(strength: float) -> None:
    """T8: phi_j = (a_j + lam F_j theta_j) / (1 + lam F_j); lam = 0 gives a, a large lam gives theta."""
    theta, wanted = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64), torch.tensor([[0.2, 0.4, -0.9]]).double()
    importance = torch.tensor([0.5, 2.0, 0.01], dtype=torch.float64)
    network = nn.Sequential()
    network.add_module("layer1", _Parameters(theta))
    training.fine_tune(
        network,
        ("layer1",),
        torch.zeros(1, 1, 1, 1),
        wanted,
        schedule=Schedule(learning_rate=1e-2, batch_size=1, max_epochs=800, patience=None),
        generator=torch.Generator().manual_seed(0),
        loss=lambda values, targets: (values - targets).square().sum() / 2,
        penalty=Anchor(centre=theta, importance=importance, strength=strength),
    )
    expected = (wanted[0] + strength * importance * theta) / (1 + strength * importance)
    torch.testing.assert_close(network.get_parameter("layer1.values").detach(), expected, rtol=0, atol=2e-3)


def test_penalty_is_half_the_weighted_square() -> None:
    theta = torch.tensor([1.0, -2.0])
    anchor = Anchor(centre=theta, importance=torch.tensor([3.0, 0.5]), strength=4.0)
    moved = nn.Parameter(theta + torch.tensor([0.1, 1.0]))
    assert anchor([moved]).item() == pytest.approx(2 * (3 * 0.01 + 0.5))
    assert anchor([nn.Parameter(theta.clone())]).item() == 0


def test_first_order_link_to_linear_influence(toy: tuple[Evidence, Flags]) -> None:
    """T9: for phi = theta - (lam F)^-1 g_F and a large lam, lam * s_i = -g_i^T F^-1 g_F."""
    evidence, _ = toy
    model = FlatNetwork(networks.restore(evidence.base, cases.CPU).double())
    images, labels = tensors.labelled(evidence.train, cases.CPU)
    fisher = gradients.fisher_diagonal(model, images.double(), labels) + 1e-3
    wrong, right = tensors.labelled(evidence.reserved, cases.CPU)
    step = gradients.mean(model, wrong.double(), right) / fisher
    lam = 1e7
    before, after = (model.losses(theta, images.double(), labels) for theta in (model.theta, model.theta - step / lam))
    linear = -gradients.dots(model, images.double(), labels, step)
    torch.testing.assert_close(lam * (after - before), linear, rtol=1e-3, atol=1e-3 * float(linear.abs().max()))


def test_flipped_labels_are_found(confused: tuple[Evidence, Flags]) -> None:
    """T11."""
    evidence, flags = confused
    found = detection.detect("ewc_influence", evidence)
    auc = ranking.ranking_auc(found.scores, flags)
    assert auc is not None
    assert auc > 0.9
    assert found.facts["num_failures"] == len(failures(evidence)) > 0
    assert found.facts["strength"] == len(evidence.train) / len(failures(evidence))


def test_no_anchor_is_plain_fine_tuning(confused: tuple[Evidence, Flags]) -> None:
    found = detection.detect("ewc_influence", influence(confused[0], strength=0))
    np.testing.assert_array_equal(found.scores, plainly_learned(confused[0]))


def test_stronger_anchor_moves_less_until_nothing_moves(confused: tuple[Evidence, Flags]) -> None:
    sizes = [
        float(np.abs(detection.detect("ewc_influence", influence(confused[0], strength=strength)).scores).max())
        for strength in (0, 1, 1e3, 1e6)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.01 * sizes[0]


def test_base_model_without_failures_has_nothing_to_learn(confused: tuple[Evidence, Flags]) -> None:
    evidence, _ = confused
    beliefs = evaluation.believe(evidence.base, evidence.reserved.images, device=cases.CPU)
    right = evidence.reserved.take(np.flatnonzero(beliefs.argmax(1) == evidence.reserved.labels))
    found = detection.detect("ewc_influence", dataclasses.replace(evidence, reserved=right))
    assert not found.scores.any()
    assert found.facts == {"num_failures": 0}


def test_order_of_the_training_set_orders_the_scores(confused: tuple[Evidence, Flags]) -> None:
    """T10: to the rounding of the Fisher diagonal's sum, which the training then carries on."""
    evidence, _ = confused
    order = np.random.default_rng(3).permutation(len(evidence.train))
    shuffled = dataclasses.replace(evidence, train=evidence.train.take(order))
    plain, other = (detection.detect("ewc_influence", one).scores for one in (evidence, shuffled))
    np.testing.assert_allclose(other, plain[order], rtol=0, atol=1e-3 * float(np.abs(plain).max()))


def deletion(evidence: Evidence, suspects: Sequence[int], **options: float) -> Case:
    chosen = MethodsConfig(ewc_deletion=EwcDeletionOptions.model_validate(options))
    return removals.case(evidence, suspects, chosen)


def given_losses(case: Case, model: ModelState, samples: LabelledImages) -> Doubles:
    return scoring.losses_under(model, samples, device=case.device)


def test_ascent_stops_where_a_label_is_at_chance() -> None:
    """Weights 2 on a kept sample and -3 on two to forget: one is believed, the other is past chance already."""
    logits = torch.tensor([[1.0, 0, 0], [2.0, 0, 0], [-4.0, 0, 0]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([2.0, -3, -3], dtype=torch.float64)[:, None]
    found = ewc_deletion.capped_ascent(logits, weights * torch.tensor([1.0, 0, 0], dtype=torch.float64))
    losses_of = -logits.detach().log_softmax(1)[:, 0]
    assert losses_of[1] < math.log(3) < losses_of[2]
    assert found.item() == pytest.approx(float(2 * losses_of[0] - 3 * losses_of[1] - 3 * math.log(3)) / 3)
    found.backward()
    assert logits.grad is not None
    assert float(logits.grad[0, 0]) < 0 < float(logits.grad[1, 0])
    assert not logits.grad[2].any()


def test_targets_weigh_as_the_objective_says() -> None:
    """Four to forget and two kept: the mean over the six is -(a/4) sum over the four + (1/4) sum over the two."""
    logits, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)) / 9, torch.tensor([0, 1, 2, 0, 1, 2])
    targets = ewc_deletion._signed_targets(labels, 4, 3, ascent=0.5)
    each = losses.per_sample_cross_entropy(logits, labels).clamp(max=math.log(3))
    each[4:] = losses.per_sample_cross_entropy(logits[4:], labels[4:])
    expected = -0.5 / 4 * each[:4].sum() + each[4:].sum() / 4
    assert float(ewc_deletion.capped_ascent(logits, targets)) == pytest.approx(float(expected), abs=1e-6)


def test_anchor_is_the_fisher_of_what_remains(toy: tuple[Evidence, Flags]) -> None:
    """(N F - K F_C) / (N - K), section 7."""
    case = deletion(toy[0], range(20))
    network = networks.restore(case.base, cases.CPU)
    whole, forgotten = (
        gradients.fisher_diagonal(FlatNetwork(network), *tensors.labelled(samples, cases.CPU)).double()
        for samples in (case.train, case.forgotten)
    )
    expected = (150 * whole - 20 * forgotten) / 130 + 1e-8
    anchor = ewc_deletion._anchor(network, case, 1.0)
    torch.testing.assert_close(anchor.importance.double(), expected, rtol=1e-3, atol=1e-6 * float(whole.max()))


def test_forgotten_labels_are_believed_less_and_the_rest_is_held(toy: tuple[Evidence, Flags]) -> None:
    case = deletion(toy[0], np.flatnonzero(toy[1]).tolist())
    before = {name: value.copy() for name, value in case.base.tensors.items()}
    state = treatment.treat("ewc_deletion", case).model.state
    rise = given_losses(case, state, case.forgotten) - given_losses(case, case.base, case.forgotten)
    assert rise.mean() > 0
    assert given_losses(case, state, case.remaining).mean() < given_losses(case, state, case.forgotten).mean()
    assert all(np.array_equal(before[name], case.base.tensors[name]) for name in before)


def test_strong_anchor_forgets_little(toy: tuple[Evidence, Flags]) -> None:
    rises = []
    for strength in (0.0, 1e9):
        case = deletion(toy[0], np.flatnonzero(toy[1]).tolist(), strength=strength)
        state = treatment.treat("ewc_deletion", case).model.state
        rises.append(np.abs(given_losses(case, state, case.train) - given_losses(case, case.base, case.train)).mean())
    assert rises[1] < 0.1 * rises[0]


def test_nothing_to_forget_changes_nothing(toy: tuple[Evidence, Flags]) -> None:
    assert treatment.treat("ewc_deletion", deletion(toy[0], [])).model.state is toy[0].base


def test_everything_suspect_is_refused(toy: tuple[Evidence, Flags]) -> None:
    with pytest.raises(StageFailed, match="nothing remains to hold on to"):
        treatment.treat("ewc_deletion", deletion(toy[0], range(150)))


def test_divergence_is_refused(toy: tuple[Evidence, Flags]) -> None:
    with pytest.raises(StageFailed, match="lower"):
        treatment.treat("ewc_deletion", deletion(toy[0], range(20), learning_rate=1e30))
