"""SGD influence (Hara, Nitanda, Maehara 2019): an SGD twin of the base model, whose steps are traced back.

The base model is trained by Adam, for which the recursion does not hold, so a twin that starts at the same weights
is trained by plain SGD, and judged in its place (section 8 of the specification). The twin stays in eval mode: the
recursion asks for losses that do not depend on the other samples of a batch, so batch norm keeps its first statistics.
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bir_core import seeding
from bir_core.detectors.evidence import Detected, Evidence
from bir_core.errors import StageFailed
from bir_core.models import networks
from bir_core.numerics import losses as loss_functions
from bir_core.numerics import sgd
from bir_core.records import LabelledImages


def detect(evidence: Evidence) -> Detected:
    """h_i = minus the rise of the mean reserved loss, had the sample been left out of the twin's steps.

    Raises:
        StageFailed: the twin or its trace diverged.
    """
    options, reserved = evidence.config.methods.sgd_influence, evidence.reserved
    network = _twin(evidence)
    train = _losses(network, evidence.train, evidence.device)
    shuffle = torch.Generator().manual_seed(seeding.derive(evidence.seed, "shuffle"))
    num, epochs = len(evidence.train), options.epochs
    traced = min(options.last_epochs or epochs, epochs)
    try:
        descent = sgd.descend(
            train,
            nn.utils.parameters_to_vector(network.parameters()).detach(),
            tuple(torch.randperm(num, generator=shuffle).to(evidence.device) for _ in range(epochs)),
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            progress=lambda done, _: evidence.progress(done, epochs + traced),
        )
        direction = _mean_gradient(_losses(network, reserved, evidence.device), descent.final, len(reserved))
        trace = sgd.trace_back(
            train,
            descent,
            direction,
            last_epochs=traced,
            progress=lambda done, _: evidence.progress(epochs + done, epochs + traced),
        )
    except StageFailed as error:
        raise StageFailed(f"{error} (methods.sgd_influence.learning_rate and .last_epochs)") from None
    facts = {
        "twin_accuracy": _accuracy(network, descent.final, reserved, evidence.device),
        "steps": epochs * descent.steps_per_epoch,
        "epochs_traced": traced,
        "growth": float(trace.direction.norm() / direction.norm()),
    }
    return Detected(scores=-trace.influence.numpy(), facts=facts)


def _twin(evidence: Evidence) -> nn.Sequential:
    """The base model's architecture with the weights that its training began with, see ``base.train_base``."""
    state = evidence.base
    seed = seeding.derive(seeding.derive(evidence.config.seed, "base"), "weights")
    weights = torch.Generator().manual_seed(seed)
    network = networks.build(state.network, state.image_shape, state.num_classes, weights)
    return network.to(evidence.device).eval()


def _losses(network: nn.Sequential, samples: LabelledImages, device: torch.device) -> sgd.Losses:
    inputs, labels = torch.tensor(samples.images, device=device), torch.tensor(samples.labels, device=device)
    layout = [(name, value.shape, value.numel()) for name, value in network.named_parameters()]

    def losses(parameters: Tensor, chosen: Tensor) -> Tensor:
        parts = parameters.split([size for _, _, size in layout])
        named = {name: part.view(shape) for (name, shape, _), part in zip(layout, parts, strict=True)}
        return loss_functions.per_sample_cross_entropy(
            functional_call(network, named, (inputs[chosen],)), labels[chosen]
        )

    return losses


def _mean_gradient(losses: sgd.Losses, parameters: Tensor, num: int, batch_size: int = 500) -> Tensor:
    theta, total = parameters.detach().requires_grad_(), torch.zeros_like(parameters)
    for batch in torch.arange(num, device=theta.device).split(batch_size):
        total += torch.autograd.grad(losses(theta, batch).sum(), theta)[0]
    return total / num


@torch.no_grad()
def _accuracy(network: nn.Sequential, parameters: Tensor, samples: LabelledImages, device: torch.device) -> float:
    """Percent of the samples that the twin, which ends here, classifies as labelled."""
    nn.utils.vector_to_parameters(parameters, network.parameters())
    guesses = network(torch.tensor(samples.images, device=device)).argmax(1).cpu()
    return 100 * float((guesses == torch.tensor(samples.labels)).float().mean())
