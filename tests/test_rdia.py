"""RDIA's relabelling and its two losses in closed form (T7 of the specification), and the treatments themselves."""

import numpy as np
import pytest
import torch
from torch import Tensor

from bir_core import alignment, base, evaluation, repair, review, treatment
from bir_core.base_config import BaseConfig
from bir_core.config import RepairConfig, ReviewConfig, RunConfig
from bir_core.model_records import ModelState
from bir_core.numerics import losses
from bir_core.records import Integers, LabelledImages, Suspects
from bir_core.treatments import rdia
from bir_core.treatments.case import Case
from tests import cases


def logits_and_labels(num_classes: int, num: int = 7) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(num_classes)
    logits = 3 * torch.randn(num, num_classes, dtype=torch.float64, generator=draw)
    return logits, torch.randint(num_classes, (num,), generator=draw)


def away_from(labels: Tensor, num_classes: int) -> Tensor:
    return -losses.one_hot(labels, num_classes).double()


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_static_and_dynamic_loss_have_the_same_value_at_the_base_model(num_classes: int) -> None:
    logits, labels = logits_and_labels(num_classes)
    static = losses.soft_cross_entropy(logits, rdia.static_targets(logits, labels).double())
    dynamic = losses.signed_cross_entropy(logits, away_from(labels, num_classes))
    given = logits.softmax(1).gather(1, labels[:, None])
    torch.testing.assert_close(dynamic, -(1 - given).log().mean(), rtol=1e-12, atol=0)
    torch.testing.assert_close(static, dynamic, rtol=1e-6, atol=0)


def test_targets_lie_where_the_paper_says_and_do_not_sum_to_one() -> None:
    logits, labels = logits_and_labels(10)
    targets = rdia.static_targets(logits, labels)
    assert (targets.gather(1, labels[:, None]) == 0).all()
    assert (targets >= 0).all()
    assert (targets <= 1 / 9 + 1e-7).all()
    assert (targets.sum(1) < 0.9).all()


@pytest.mark.parametrize("scale", [1.0, 50.0, 1000.0])
def test_two_classes_are_flipped_however_sure_the_model_is(scale: float) -> None:
    logits, labels = logits_and_labels(2)
    assert torch.equal(rdia.static_targets(logits * scale, labels), losses.one_hot(1 - labels, 2))


def test_the_gradient_of_the_dynamic_loss() -> None:
    logits, labels = logits_and_labels(5)
    logits.requires_grad_()
    losses.signed_cross_entropy(logits, away_from(labels, 5)).backward()
    beliefs = logits.detach().softmax(1)
    given = beliefs.gather(1, labels[:, None])
    expected = (-given * beliefs / (1 - given)).scatter(1, labels[:, None], given)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad * len(logits), expected)


def test_the_gradient_of_the_static_loss_is_another() -> None:
    logits, labels = logits_and_labels(5)
    targets = rdia.static_targets(logits, labels).double()
    logits.requires_grad_()
    losses.soft_cross_entropy(logits, targets).backward()
    expected = targets.sum(1, keepdim=True) * logits.detach().softmax(1) - targets
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad * len(logits), expected)


def test_positive_targets_pull_as_cross_entropy_does() -> None:
    logits, labels = logits_and_labels(4)
    targets = losses.one_hot(labels, 4).double()
    torch.testing.assert_close(losses.signed_cross_entropy(logits, targets), losses.soft_cross_entropy(logits, targets))


def test_a_label_beyond_doubt_gives_a_finite_loss_and_no_gradient() -> None:
    logits = torch.tensor([[1e4, 0.0, -1e4]], requires_grad=True)
    loss = losses.signed_cross_entropy(logits, torch.tensor([[-1.0, 0.0, 0.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.fixture(scope="module")
def case() -> Case:
    """A LeNet that has learned 150 digits, every sixth of them with the next label, and its true suspects."""
    clean, wrong = cases.digits(150), np.arange(0, 150, 6)
    labels = clean.labels.copy()
    labels[wrong] = (labels[wrong] + 1) % 10
    train = LabelledImages(images=clean.images, labels=labels, ids=clean.ids)
    settings = BaseConfig(preset="memorised", memorised_epochs=30, learning_rate=3e-3, batch_size=25)
    trained = base.train_base(train, train, 10, settings, seed=0, device=cases.CPU).state
    return case_of(train, trained, wrong)


def case_of(train: LabelledImages, trained: ModelState, suspects: Integers) -> Case:
    treated = review.treat(Suspects(indices=suspects, rule="top_k", threshold=None), ReviewConfig())
    return Case(
        train=train,
        validation=train,
        reserved=cases.digits(50, seed=1),
        base=trained,
        enhanced=trained,
        layers=("layer1",),
        treated=treated,
        kept=repair.draw_remaining(train, treated, seed=0),
        aligned=alignment.align(trained, train, suspects, eta=0.0, clamp=False, device=cases.CPU),
        config=RunConfig(repair=RepairConfig(max_epochs=10)),
        seed=0,
        device=cases.CPU,
    )


@pytest.mark.parametrize("name", ["rdia", "rdia_static"])
def test_suspects_lose_their_labels_and_the_others_keep_theirs(name: str, case: Case) -> None:
    before = {tensor: values.copy() for tensor, values in case.base.tensors.items()}
    outcome, again = (treatment.treat(name, case) for _ in range(2))
    assert all(np.array_equal(before[tensor], values) for tensor, values in case.base.tensors.items())
    tensors = outcome.model.state.tensors
    assert all(np.array_equal(values, again.model.state.tensors[tensor]) for tensor, values in tensors.items())
    assert not any(np.array_equal(values, before[tensor]) for tensor, values in tensors.items())
    first, last = (mean_belief(state, case.suspects) for state in (case.base, outcome.model.state))
    assert first > 0.35
    assert last < first / 2
    assert mean_belief(outcome.model.state, case.kept) > 0.8


def mean_belief(state: ModelState, samples: LabelledImages) -> float:
    """In the given labels."""
    beliefs = evaluation.believe(state, samples.images, device=cases.CPU)
    return float(beliefs[np.arange(len(samples)), samples.labels].mean())


def test_the_dynamic_version_repairs(case: Case) -> None:
    """On clean digits that nobody has seen, the repaired model is right more often than the base model."""
    unseen = cases.digits(200, seed=9)
    models = (case.base, treatment.treat("rdia", case).model.state)
    before, after = (
        (evaluation.believe(state, unseen.images, device=cases.CPU).argmax(1) == unseen.labels).mean()
        for state in models
    )
    assert after > before


@pytest.mark.parametrize("name", ["rdia", "rdia_static"])
def test_without_suspects_nothing_is_changed(name: str, case: Case) -> None:
    nobody = case_of(case.train, case.base, np.zeros(0, dtype=np.int64))
    outcome = treatment.treat(name, nobody)
    assert outcome.model.state is case.base
    assert outcome.model.epochs == ()


def test_the_sum_of_the_static_labels_is_told(case: Case) -> None:
    facts = treatment.treat("rdia_static", case).facts
    assert 0 < facts["mean_label_sum"] < 1
