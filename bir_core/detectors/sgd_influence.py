"""SGD influence (Hara, Nitanda, Maehara 2019): an SGD twin of the base model, whose steps are traced back.

The base model is trained by Adam, for which the recursion does not hold, so a twin that starts at the same weights
is trained by plain SGD, and judged in its place (section 8 of the specification). The twin stays in eval mode: the
recursion asks for losses that do not depend on the other samples of a batch, so batch norm keeps its first statistics.
"""

import torch
from torch import Tensor, nn

from bir_core import base, seeding, tensors
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import StageFailed
from bir_core.models import layers as layer_groups
from bir_core.numerics import gradients, sgd, vectors
from bir_core.numerics.gradients import FlatNetwork
from bir_core.records import LabelledImages


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the rise of the mean reserved loss, had the sample been left out of the twin's steps.

    Raises:
        InputError: the network, or a file that its training began with, cannot be trained anew.
        StageFailed: the twin or its trace diverged.
    """
    options = evidence.config.methods.sgd_influence
    twin = _twin(evidence)
    losses = _losses(FlatNetwork(twin), evidence.train, evidence.device)
    shuffle = torch.Generator().manual_seed(seeding.derive(evidence.seed, "shuffle"))
    num, epochs = len(evidence.train), options.epochs
    traced = min(options.last_epochs or epochs, epochs)
    try:
        descent = sgd.descend(
            losses,
            vectors.flatten(twin.parameters()).detach(),
            tuple(torch.randperm(num, generator=shuffle).to(evidence.device) for _ in range(epochs)),
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            progress=lambda done, _: evidence.progress(done, epochs + traced),
        )
        vectors.assign(twin.parameters(), descent.final)
        reserved = tensors.labelled(evidence.reserved, evidence.device)
        direction = gradients.mean(FlatNetwork(twin), *reserved)
        trace = sgd.trace_back(
            losses,
            descent,
            direction,
            last_epochs=traced,
            progress=lambda done, _: evidence.progress(epochs + done, epochs + traced),
        )
    except StageFailed as error:
        raise StageFailed(f"{error} (methods.sgd_influence.learning_rate and .last_epochs)") from None
    facts = {
        "twin_accuracy": _accuracy(twin, *reserved),
        "steps": epochs * descent.steps_per_epoch,
        "epochs_traced": traced,
        "growth": float(trace.direction.norm() / direction.norm()),
    }
    return Detected(scores=-trace.influence.numpy(), facts=facts)


def _twin(evidence: Evidence) -> nn.Sequential:
    """The base model's architecture with the weights that its training began with, those of a file included."""
    seed, like = seeding.derive(evidence.config.seed, "base"), evidence.base
    _, network, _ = base.begin(evidence.config.base, like.image_shape, like.num_classes, seed=seed, anew=True)
    return network.to(evidence.device).eval()


def _losses(model: FlatNetwork, samples: LabelledImages, device: torch.device) -> sgd.Losses:
    inputs, labels = tensors.labelled(samples, device)
    return lambda parameters, chosen: model.losses(parameters, inputs[chosen], labels[chosen])


def _accuracy(network: nn.Sequential, inputs: Tensor, labels: Tensor) -> float:
    """Percent of the samples that the network classifies as labelled."""
    return 100 * float((layer_groups.activations(network, inputs).argmax(1) == labels).float().mean())
