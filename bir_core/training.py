"""The one training loop: selected layers, probability targets, stopping rule, shared prefix.

Everything that learns here (base, candidate, enhanced, repaired and compared models) goes through ``fit`` or
``fine_tune``.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bir_core import stepping, tensors
from bir_core.errors import StageFailed
from bir_core.model_records import Epoch
from bir_core.models import layers as layer_groups
from bir_core.numerics import losses
from bir_core.pictures import Pictures
from bir_core.records import Progress, no_progress
from bir_core.stepping import Loss, Penalty, Step

AfterEpoch = Callable[[int, nn.Sequential], None]
"""Called with (epochs done, the network as it stands) after each epoch; it must not change the network."""
LARGEST_CACHE = 1 << 30
"""Bytes that the output of the layers before the first selected one may take for all samples."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Adam's learning rate, the batch size, and when to stop.

    Attributes:
        learning_rate: of Adam, whose state starts fresh.
        batch_size: samples per step.
        max_epochs: never more epochs than these.
        patience: stop after this many epochs without a lower watched loss; None runs all epochs.
        clip_norm: no step's gradient is longer than this; None leaves gradients as they are.
    """

    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int | None
    clip_norm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a training went.

    Attributes:
        epochs: the log.
        kept_epoch: the epoch, from 1, whose weights are kept.
        margins: (N,) float64 mean over the epochs of the target's logit minus the best other logit, taken as each
            sample's batch went by (area under the margin, Pleiss et al. 2020); None after fine-tuning. Higher = easier.
    """

    epochs: tuple[Epoch, ...]
    kept_epoch: int
    margins: Tensor | None = None


def fit(
    network: nn.Sequential,
    inputs: Tensor | Pictures,
    targets: Tensor,
    validation: tuple[Tensor | Pictures, Tensor],
    *,
    schedule: Schedule,
    generator: torch.Generator,
    progress: Progress = no_progress,
    after_epoch: AfterEpoch | None = None,
) -> Training:
    """Train a whole fresh network in place, batch-norm statistics included.

    With a patience, the validation loss is watched and the weights of its lowest epoch are put back; without one, all
    epochs are run and the last weights kept. An epoch's ``loss`` is the running mean over its batches.

    Args:
        network: on the device of the inputs.
        inputs: (N, C, H, W); pictures are decoded anew in every epoch.
        targets: (N, L) probabilities.
        validation: (M, C, H, W) inputs and (M,) int64 labels.
        schedule: learning rate, batch size, stopping.
        generator: CPU generator that shuffles.
        progress: told (epochs done, most epochs there can be).
        after_epoch: shown the network after each epoch, for a detector that needs checkpoints.

    Raises:
        StageFailed: the loss is not a number any more.
    """
    step = _step(network, network, tuple(network.parameters()), schedule)
    watch, epochs = _Watch(patience=schedule.patience), list[Epoch]()
    best: dict[str, Tensor] = {}
    margins = torch.zeros(len(inputs), dtype=torch.float64, device=targets.device)
    while len(epochs) < schedule.max_epochs and not watch.ended:
        network.train()
        loss = _run_epoch(
            step, network, inputs, targets, batch_size=schedule.batch_size, generator=generator, margins=margins
        )
        _refuse_nan(loss, len(epochs) + 1, schedule)
        epochs.append(_validated(network, loss, *validation))
        if watch.improved(epochs[-1].validation_loss or 0.0) and schedule.patience is not None:
            best = {name: value.clone() for name, value in network.state_dict().items()}
        if after_epoch is not None:
            after_epoch(len(epochs), network)
        progress(len(epochs), schedule.max_epochs)
    network.eval()
    if best:
        network.load_state_dict(best)
    return Training(
        epochs=tuple(epochs),
        kept_epoch=watch.best_epoch if best else len(epochs),
        margins=margins / len(epochs),
    )


def fine_tune(
    network: nn.Sequential,
    layers: Sequence[str],
    inputs: Tensor,
    targets: Tensor,
    *,
    schedule: Schedule,
    generator: torch.Generator,
    loss: Loss = losses.soft_cross_entropy,
    penalty: Penalty | None = None,
    progress: Progress = no_progress,
) -> Training:
    """Train the selected layers of ``network`` in place; every other tensor of it stays bit-identical.

    The network stays in eval mode, so batch norm keeps its statistics. What the layers before the first selected one
    put out is computed once where it fits ``LARGEST_CACHE``, else anew for every batch. The mean loss over all inputs
    at the end of each epoch is watched, and the last weights are kept (sections 2, 3 and 6 of the specification).

    Args:
        network: on the device of the inputs.
        layers: names of the layer groups to update.
        inputs: (N, C, H, W).
        targets: (N, L) probabilities, or what else ``loss`` takes.
        schedule: learning rate, batch size, stopping.
        generator: CPU generator that shuffles.
        loss: what is lowered.
        penalty: lowered with it; None = nothing.
        progress: told (epochs done, most epochs there can be).

    Raises:
        StageFailed: the loss is not a number any more.
    """
    network.eval()
    rest, features = _behind_prefix(network, layers, inputs)
    chosen = layer_groups.parameters(network, layers)
    step = _step(rest, network, tuple(chosen), schedule, loss=loss, penalty=penalty)
    watch, epochs = _Watch(patience=schedule.patience), list[Epoch]()
    with _only_these_learn(network, chosen):
        while len(epochs) < schedule.max_epochs and not watch.ended:
            _run_epoch(step, rest, features, targets, batch_size=schedule.batch_size, generator=generator)
            watched = mean_loss(rest, features, targets, loss=loss)
            epochs.append(Epoch(loss=watched + _penalty_of(penalty, chosen)))
            _refuse_nan(epochs[-1].loss, len(epochs), schedule)
            watch.improved(epochs[-1].loss)
            progress(len(epochs), schedule.max_epochs)
    return Training(epochs=tuple(epochs), kept_epoch=len(epochs))


@torch.no_grad()
def mean_loss(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    batch_size: int = 1000,
    loss: Loss = losses.soft_cross_entropy,
) -> float:
    """Mean loss in nats over all inputs, in the mode that the network is in."""
    total = 0.0
    batch_size = layer_groups.pass_size(network, inputs.shape[1:], batch_size)
    for batch, wanted in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        total += float(loss(network(batch), wanted)) * len(batch)
    return total / len(inputs)


def _behind_prefix(network: nn.Sequential, layers: Sequence[str], inputs: Tensor) -> tuple[nn.Sequential, Tensor]:
    """What has to be run for every batch, and on what: the rest on the prefix's output, or the whole on the inputs.

    The prefix learns nothing and is in eval mode, so both are the same function. The bits are the same where the
    device's kernels round alike for every batch size, which a CPU's convolutions do.
    """
    prefix, rest = layer_groups.split(network, layers)
    one = layer_groups.activations(prefix, inputs[:1])
    if len(prefix) and len(inputs) * one.nbytes > LARGEST_CACHE:
        return network, inputs
    return rest, layer_groups.activations(prefix, inputs)


@dataclass
class _Watch:
    """Counts epochs since the watched loss was last lower than ever before."""

    patience: int | None
    lowest: float = field(default=math.inf, init=False)
    best_epoch: int = field(default=0, init=False)
    epoch: int = field(default=0, init=False)

    def improved(self, loss: float) -> bool:
        self.epoch += 1
        if loss < self.lowest:
            self.lowest, self.best_epoch = loss, self.epoch
        return self.best_epoch == self.epoch

    @property
    def ended(self) -> bool:
        return self.patience is not None and self.epoch - self.best_epoch >= self.patience


def _step(
    network: nn.Module,
    whole: nn.Module,
    learning: tuple[nn.Parameter, ...],
    schedule: Schedule,
    *,
    loss: Loss = losses.soft_cross_entropy,
    penalty: Penalty | None = None,
) -> Callable[[Tensor, Tensor], stepping.Outcome]:
    optimizer = stepping.adam(learning, schedule.learning_rate)
    step = Step(
        network=network,
        learning=learning,
        optimizer=optimizer,
        loss=loss,
        penalty=penalty,
        clip_norm=schedule.clip_norm,
    )
    return stepping.fastest(step, whole)


@stepping.without_denormals()
def _run_epoch(
    step: Callable[[Tensor, Tensor], stepping.Outcome],
    network: nn.Module,
    inputs: Tensor | Pictures,
    targets: Tensor,
    *,
    batch_size: int,
    generator: torch.Generator,
    margins: Tensor | None = None,
) -> float:
    """One shuffled pass; the running mean of the batch losses. Each sample's margin is added to ``margins``."""
    order = torch.randperm(len(inputs), generator=generator).to(targets.device)
    total = torch.zeros((), device=targets.device)
    pieces = _batches(order, batch_size, network)
    for chosen, batch in zip(pieces, tensors.batches(inputs, pieces, targets.device), strict=True):
        wanted = targets[chosen]
        loss, logits = step(batch, wanted)
        if margins is not None:
            margins[chosen] += losses.margins(logits, wanted.argmax(1))
        total += loss * len(chosen)
    return float(total) / len(inputs)


def _batches(order: Tensor, batch_size: int, network: nn.Module) -> Sequence[Tensor]:
    pieces: tuple[Tensor, ...] = order.split(batch_size)
    # Batch norm in training compares the samples of a batch, and torch refuses one alone where its maps have shrunk to
    # a pixel. Without batch norm a last one goes alone, so that such networks keep the weights of earlier versions.
    if len(pieces) > 1 and len(pieces[-1]) == 1 and _learns_statistics(network):
        return (*pieces[:-2], torch.cat(pieces[-2:]))
    return pieces


def _learns_statistics(network: nn.Module) -> bool:
    return any(module.training for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))


@torch.no_grad()
def _penalty_of(penalty: Penalty | None, parameters: Sequence[nn.Parameter]) -> float:
    return 0.0 if penalty is None else float(penalty(parameters))


@torch.no_grad()
def _validated(network: nn.Sequential, loss: float, inputs: Tensor | Pictures, labels: Tensor) -> Epoch:
    network.eval()
    batch_size = layer_groups.pass_size(network, inputs.shape[1:], 1000)
    pieces = torch.arange(len(inputs), device=labels.device).split(batch_size)
    logits = torch.cat([network(batch) for batch in tensors.batches(inputs, pieces, labels.device)])
    return Epoch(
        loss=loss,
        validation_loss=float(losses.per_sample_cross_entropy(logits, labels).mean()),
        validation_accuracy=100 * float((logits.argmax(1) == labels).float().mean()),
    )


def _refuse_nan(loss: float, epoch: int, schedule: Schedule) -> None:
    if not math.isfinite(loss):
        raise StageFailed(
            f"the training loss became {loss} in epoch {epoch}: lower the learning rate "
            f"(now {schedule.learning_rate:g}) or look for invalid pixels in the images"
        )


@contextmanager
def _only_these_learn(network: nn.Sequential, chosen: Sequence[nn.Parameter]) -> Iterator[None]:
    wanted = {id(parameter) for parameter in chosen}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in wanted)
    try:
        yield
    finally:
        for parameter in network.parameters():
            parameter.requires_grad_(True)
