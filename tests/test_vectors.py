"""Flat vectors of parameters, and the second-order methods on a network whose weights have the channels last."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bir_core import config, detection, treatment
from bir_core.detectors.evidence import Evidence
from bir_core.method_config import Curvature, LinearInfluenceOptions
from bir_core.models import networks
from bir_core.numerics import gradients, vectors
from bir_core.numerics.gradients import FlatNetwork
from tests import cases, removals

BRIEF = config.parse(
    {
        "base": {"network": "conv4"},
        "methods": {
            "sgd_influence": {"epochs": 1},
            "ewc_influence": {"max_epochs": 1},
            "linear_influence": {"max_iterations": 2},
            "newton_removal": {"max_iterations": 2},
            "ewc_deletion": {"max_epochs": 1},
        },
    },
    origin="BRIEF",
)


def conv4() -> nn.Sequential:
    network = networks.restore(cases.fresh_model("conv4"), cases.CPU)
    assert not next(network[1].parameters()).is_contiguous(), "its weights have the channels last"
    return network


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    samples = cases.digits(40)
    return Evidence(
        train=samples,
        validation=samples,
        reserved=cases.digits(20, seed=1),
        base=cases.fresh_model("conv4"),
        margins=None,
        config=BRIEF,
        seed=0,
        device=cases.CPU,
    )


def test_there_and_back() -> None:
    network = conv4()
    wanted = torch.arange(sum(one.numel() for one in network.parameters()), dtype=torch.float32)
    vectors.assign(network.parameters(), wanted)
    assert torch.equal(vectors.flatten(network.parameters()), wanted)
    assert not next(network[1].parameters()).is_contiguous(), "the layout stays"


def test_the_layout_of_the_weights_changes_no_gradient() -> None:
    network, inputs = conv4(), torch.tensor(cases.digits(6).images)
    labels, plain = torch.tensor(cases.digits(6).labels), conv4().to(memory_format=torch.contiguous_format)
    nn.functional.cross_entropy(plain(inputs), labels).backward()
    expected = torch.cat([parameter.grad.reshape(-1) for parameter in plain.parameters() if parameter.grad is not None])
    torch.testing.assert_close(gradients.mean(FlatNetwork(network), inputs, labels), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("curvature", ["identity", "diagonal_fisher", "empirical_fisher", "gauss_newton"])
def test_linear_influence_with_channels_last(evidence: Evidence, curvature: Curvature) -> None:
    options = LinearInfluenceOptions(curvature=curvature, max_iterations=2)
    chosen = BRIEF.methods.model_copy(update={"linear_influence": options})
    asked = replace(evidence, config=BRIEF.model_copy(update={"methods": chosen}))
    assert detection.detect("linear_influence", asked).scores.std() > 0


@pytest.mark.parametrize("name", ["ewc_influence", "sgd_influence"])
def test_other_influences_with_channels_last(evidence: Evidence, name: str) -> None:
    assert detection.detect(name, evidence).scores.std() > 0


@pytest.mark.parametrize("name", ["newton_removal", "ewc_deletion", "rdia", "rdia_static"])
def test_removals_with_channels_last(evidence: Evidence, name: str) -> None:
    case = replace(removals.case(evidence, range(8), BRIEF.methods), config=BRIEF)
    before, after = evidence.base.tensors, treatment.treat(name, case).model.state.tensors
    assert any(not np.array_equal(before[tensor], after[tensor]) for tensor in before)
