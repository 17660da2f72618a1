"""Train the base model on data that nobody has cleaned: D -> base."""

from pathlib import Path

import torch
from torch import nn

from bir_core import pretrained, seeding, tensors, training
from bir_core.base_config import BaseConfig
from bir_core.model_records import ModelState, TrainedModel
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.records import LabelledImages, Progress, no_progress
from bir_core.training import AfterEpoch, Schedule


def base_model(
    train: LabelledImages,
    validation: LabelledImages,
    num_classes: int,
    config: BaseConfig,
    *,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> TrainedModel:
    """The base model: trained here, or with preset ``trained`` the weights of ``config.start`` as they are.

    Args and errors are those of ``train_base``; weights that are taken as they are must fit to the last layer.
    """
    if config.preset != "trained":
        return train_base(train, validation, num_classes, config, seed=seed, device=device, progress=progress)
    state, network, start = begin(config, _image_shape(train), num_classes, seed=seed)
    progress(1, 1)
    return TrainedModel(state=networks.capture(network, state), epochs=(), kept_epoch=0, start=start)


def train_base(
    train: LabelledImages,
    validation: LabelledImages,
    num_classes: int,
    config: BaseConfig,
    *,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
    after_epoch: AfterEpoch | None = None,
) -> TrainedModel:
    """A network trained with Adam (section 4 of the paper), from fresh weights or those that the config names.

    The ``memorised`` preset runs a fixed number of epochs and keeps the last weights, which is what the paper's printed
    base accuracies imply; ``early_stop`` keeps the epoch of the lowest validation loss. ``trained`` weights have seen
    the data: to train such a network anew is to begin from scratch, with early stopping.

    Args:
        train: the training part, corrupted or not.
        validation: its validation part, corrupted at the same rate.
        num_classes: L.
        config: network, preset and schedule.
        seed: of the weights and of the shuffling.
        device: where to compute.
        progress: told (epochs done, most epochs there can be).
        after_epoch: shown the network after each epoch.

    Raises:
        InputError: the images, or the weights to start from, do not fit the network.
        StageFailed: the loss is not a number any more.
    """
    state, network, start = begin(config, _image_shape(train), num_classes, seed=seed, anew=True)
    network = network.to(device)
    memorised = config.preset == "memorised"
    outcome = training.fit(
        network,
        tensors.whole_or_streamed(train.images, device),
        losses.one_hot(torch.tensor(train.labels), num_classes).to(device),
        (tensors.whole_or_streamed(validation.images, device), tensors.shared(validation.labels, device)),
        schedule=Schedule(
            learning_rate=config.learning_rate,
            batch_size=config.batch_size,
            max_epochs=config.memorised_epochs if memorised else config.max_epochs,
            patience=None if memorised else config.patience,
        ),
        generator=torch.Generator().manual_seed(seeding.derive(seed, "shuffle")),
        progress=progress,
        after_epoch=after_epoch,
    )
    return TrainedModel(
        state=networks.capture(network, state),
        epochs=outcome.epochs,
        kept_epoch=outcome.kept_epoch,
        start=start,
        margins=None if outcome.margins is None else outcome.margins.cpu().numpy(),
    )


def begin(
    config: BaseConfig, image_shape: tuple[int, int, int], num_classes: int, *, seed: int, anew: bool = False
) -> tuple[ModelState, nn.Sequential, str]:
    """The network with the weights that it begins with: how it is described, itself, and in words where it starts.

    Args:
        config: network, preset and start.
        image_shape: (C, H, W).
        num_classes: L.
        seed: of fresh weights.
        anew: the network is to be trained, whatever the preset; weights that have seen the data are then left out.

    Raises:
        InputError: the images, or the weights to start from, do not fit the network.
    """
    state = networks.describe(
        config.network, image_shape, num_classes, card=config.wanted_card, groups=config.layer_groups
    )
    if config.is_program and not anew:
        return state, networks.as_exported(state), pretrained.origin(Path(config.network.partition(":")[2]))
    network = networks.fresh(state, torch.Generator().manual_seed(seeding.derive(seed, "weights")))
    is_base = config.preset == "trained" and not anew
    start = pretrained.begin(network, config.start if is_base else config.fresh_start, whole=is_base)
    return state, network, start


def _image_shape(samples: LabelledImages) -> tuple[int, int, int]:
    shape = samples.images.shape
    return shape[1], shape[2], shape[3]
