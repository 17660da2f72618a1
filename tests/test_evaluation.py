import numpy as np
import pytest
import torch

from bir_core import evaluation
from bir_core.models import networks
from tests import cases


def test_belief_is_the_softmax_of_the_logits() -> None:
    model, images = cases.fresh_model(), cases.digits(12).images
    found = evaluation.believe(model, images, device=cases.CPU)
    with torch.no_grad():
        logits = networks.restore(model, cases.CPU).eval()(torch.tensor(images)).double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert found == pytest.approx(expected, abs=1e-6)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_belief_does_not_depend_on_the_batch_size() -> None:
    model, images = cases.fresh_model(), cases.digits(33).images
    told: list[tuple[int, int]] = []
    whole = evaluation.believe(model, images, device=cases.CPU)
    parts = evaluation.believe(
        model, images, device=cases.CPU, batch_size=16, progress=lambda done, total: told.append((done, total))
    )
    assert parts == pytest.approx(whole, abs=1e-6)
    assert told == [(16, 33), (32, 33), (33, 33)]


def test_nothing_is_believed_of_no_images() -> None:
    assert evaluation.believe(cases.fresh_model(), cases.digits(0).images, device=cases.CPU).shape == (0, 10)
