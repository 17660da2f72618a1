"""Enhance the base model on the reserved set: choose the layers to update, then update them: base -> enhanced."""

import torch

from bir_core import seeding, tensors, training
from bir_core.config import EnhanceConfig
from bir_core.model_records import CandidateSubset, LayerChoice, ModelState, TrainedModel
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.records import LabelledImages, Progress, no_progress
from bir_core.training import Schedule


def choose_layers(
    base: ModelState,
    reserved: LabelledImages,
    config: EnhanceConfig,
    *,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> LayerChoice:
    """The layer subset whose one-epoch update on the reserved set leaves the lowest mean loss on it.

    Every candidate starts from the base model with fresh Adam state and the same shuffle. A tie goes to fewer
    parameters, then to the earlier candidate (section 4.1 of the paper). The whole table is measured and kept even when
    the config fixes the subset.

    Args:
        base: the base model; not changed.
        reserved: the clean set, R samples.
        config: subset, learning rate and batch size.
        seed: of the shuffle.
        device: where to compute.
        progress: told (candidates done, candidates).

    Raises:
        InputError: the config fixes a subset that the network does not have.
        StageFailed: a loss is not a number.
    """
    network = networks.restore(base, device)
    available = layer_groups.names(network)
    fixed = None if config.layers == "auto" else layer_groups.parse(config.layers, available)
    inputs, targets = _tensors(reserved, base.num_classes, device)
    labels = layer_groups.candidate_labels(len(available))
    candidates = []
    for label in labels:
        layers = layer_groups.parse(label, available)
        copy = networks.restore(base, device)
        outcome = training.fine_tune(
            copy,
            layers,
            inputs,
            targets,
            schedule=_schedule(config, max_epochs=1),
            generator=torch.Generator().manual_seed(seeding.derive(seed, "shuffle")),
        )
        size = sum(parameter.numel() for parameter in layer_groups.parameters(copy, layers))
        candidates.append(CandidateSubset(label=label, layers=layers, loss=outcome.epochs[0].loss, num_parameters=size))
        progress(len(candidates), len(labels))
    best = min(candidates, key=lambda candidate: (candidate.loss, candidate.num_parameters))
    return LayerChoice(
        label=best.label if fixed is None else config.layers,
        layers=best.layers if fixed is None else fixed,
        chosen_by="engine" if fixed is None else "config",
        candidates=tuple(candidates),
    )


def enhance(
    base: ModelState,
    reserved: LabelledImages,
    layers: tuple[str, ...],
    config: EnhanceConfig,
    *,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> TrainedModel:
    """The enhanced model: the base model with only ``layers`` trained further on the reserved set.

    Starts from the base model, not from the one-epoch copy of the selection (section 3 of the specification).

    Args:
        base: the base model; not changed.
        reserved: the clean set, R samples.
        layers: names of the layer groups to update.
        config: learning rate, batch size and stopping.
        seed: of the shuffle.
        device: where to compute.
        progress: told (epochs done, most epochs there can be).

    Raises:
        StageFailed: the loss is not a number any more.
    """
    network = networks.restore(base, device)
    outcome = training.fine_tune(
        network,
        layers,
        *_tensors(reserved, base.num_classes, device),
        schedule=_schedule(config, max_epochs=config.max_epochs),
        generator=torch.Generator().manual_seed(seeding.derive(seed, "shuffle")),
        progress=progress,
    )
    return TrainedModel(state=networks.capture(network, base), epochs=outcome.epochs, kept_epoch=outcome.kept_epoch)


def _tensors(samples: LabelledImages, num_classes: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    targets = losses.one_hot(torch.tensor(samples.labels), num_classes)
    return tensors.shared(samples.images, device), targets.to(device)


def _schedule(config: EnhanceConfig, *, max_epochs: int) -> Schedule:
    return Schedule(
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        max_epochs=max_epochs,
        patience=config.patience,
    )
