"""Repair the base model on aligned suspects and as many remaining samples: Aligned -> repaired.

Beside BIR's treatment stand the two that every repair must be compared with: fine-tuning on remaining samples alone,
and retraining without the suspects (which is ``base.train_base`` on ``cleaned``).
"""

import numpy as np
import torch

from bir_core import seeding, tensors, training
from bir_core.config import RepairConfig
from bir_core.errors import StageFailed
from bir_core.model_records import ModelState, TrainedModel
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.records import Aligned, Floats, Integers, LabelledImages, Progress, Treated, no_progress
from bir_core.training import Schedule


def repair(
    base: ModelState,
    layers: tuple[str, ...],
    aligned: Aligned,
    relabelled: LabelledImages,
    kept: LabelledImages,
    *,
    config: RepairConfig,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> TrainedModel:
    """BIR's treatment: the base model's selected layers trained on (x~, y~) and on kept samples with given labels.

    Starts at the base model, not at the enhanced one (section 4.2 of the paper). With neither suspects nor relabelled
    samples it changes nothing.

    Args:
        base: the base model; not changed.
        layers: names of the layer groups to update, those of the enhancement.
        aligned: (K) the suspects, aligned.
        relabelled: samples with the labels that people gave them, see ``relabel``.
        kept: remaining samples, see ``draw_remaining``; more samples with hard labels may follow them.
        config: learning rate, batch size and stopping.
        seed: of the shuffle.
        device: where to compute.
        progress: told (epochs done, most epochs there can be).

    Raises:
        StageFailed: the loss is not a number any more.
    """
    if len(aligned) + len(relabelled) == 0:
        return unchanged(base)
    hard = join(relabelled, kept)
    images = np.concatenate([aligned.images, hard.images])
    targets = np.concatenate([aligned.soft_labels, _hard_targets(hard.labels, base.num_classes)])
    return _fine_tune(base, layers, images, targets, config=config, seed=seed, device=device, progress=progress)


def fine_tune(
    base: ModelState,
    kept: LabelledImages,
    config: RepairConfig,
    *,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> TrainedModel:
    """The base model with all layers trained further on kept samples alone (section 11 of the specification).

    Takes and raises what ``repair`` does. Without kept samples it changes nothing.
    """
    if len(kept) == 0:
        return unchanged(base)
    every_layer = layer_groups.names(networks.restore(base, torch.device("cpu")))
    targets = _hard_targets(kept.labels, base.num_classes)
    return _fine_tune(
        base, every_layer, np.asarray(kept.images), targets, config=config, seed=seed, device=device, progress=progress
    )


def draw_remaining(train: LabelledImages, treated: Treated, *, seed: int) -> LabelledImages:
    """As many samples as are treated, drawn at random from the remaining ones; all of those where they are fewer."""
    others = np.setdiff1d(np.arange(len(train)), treated.others_than)
    draw = np.random.default_rng(seeding.derive(seed, "remaining")).permutation(others)[: len(treated)]
    return train.take(np.sort(draw))


def relabel(train: LabelledImages, treated: Treated) -> LabelledImages:
    """The samples that people relabelled, with their new labels."""
    found = train.take(treated.relabelled)
    return LabelledImages(images=found.images, labels=treated.labels, ids=found.ids)


def cleaned(train: LabelledImages, treated: Treated) -> LabelledImages:
    """The training part without suspects and removed samples, and with people's new labels.

    Raises:
        StageFailed: nothing remains.
    """
    others = np.setdiff1d(np.arange(len(train)), treated.others_than)
    if len(others) + len(treated.relabelled) == 0:
        raise StageFailed("every training sample is a suspect, nothing is left to train on: raise the threshold")
    return join(train.take(others), relabel(train, treated))


def select_aligned(aligned: Aligned, wanted: Integers) -> Aligned:
    """The aligned samples at the training positions ``wanted``, in that order."""
    where = np.searchsorted(aligned.indices, wanted)
    return Aligned(
        indices=aligned.indices[where],
        images=aligned.images[where],
        soft_labels=aligned.soft_labels[where],
        energy_before=aligned.energy_before[where],
        energy_after=aligned.energy_after[where],
        relative_step=aligned.relative_step[where],
        eta=aligned.eta,
    )


def join(first: LabelledImages, second: LabelledImages) -> LabelledImages:
    """Both sets, one after the other."""
    return LabelledImages(
        images=np.concatenate([first.images, second.images]),
        labels=np.concatenate([first.labels, second.labels]),
        ids=np.concatenate([first.ids, second.ids]),
    )


def unchanged(base: ModelState) -> TrainedModel:
    """The base model as the outcome of a repair that had nothing to do."""
    return TrainedModel(state=base, epochs=(), kept_epoch=0)


def _fine_tune(
    base: ModelState,
    layers: tuple[str, ...],
    images: Floats,
    targets: Floats,
    *,
    config: RepairConfig,
    seed: int,
    device: torch.device,
    progress: Progress,
) -> TrainedModel:
    network = networks.restore(base, device)
    outcome = training.fine_tune(
        network,
        layers,
        tensors.shared(images, device),
        tensors.shared(targets, device),
        schedule=Schedule(
            learning_rate=config.learning_rate,
            batch_size=config.batch_size,
            max_epochs=config.max_epochs,
            patience=config.patience,
        ),
        generator=torch.Generator().manual_seed(seeding.derive(seed, "shuffle")),
        progress=progress,
    )
    return TrainedModel(state=networks.capture(network, base), epochs=outcome.epochs, kept_epoch=outcome.kept_epoch)


def _hard_targets(labels: Integers, num_classes: int) -> Floats:
    return losses.one_hot(torch.tensor(labels), num_classes).numpy()
