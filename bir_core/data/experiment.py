"""A data set that is known by name, split and corrupted by us, so that the truth is known, too."""

import torch

from bir_core import base, seeding
from bir_core.base_config import BaseConfig
from bir_core.data import corruptions, human_labels, sources, splits
from bir_core.data_config import DataConfig
from bir_core.records import Progress, Splits, Truth, no_progress


def make(
    config: DataConfig,
    victim: BaseConfig,
    *,
    seed: int,
    device: torch.device,
    progress: Progress = no_progress,
) -> tuple[Splits, Truth]:
    """The parts of the data, training and validation corrupted, and the truth about the training part.

    Args:
        config: which data, which corruption.
        victim: how the model is trained that the "adv" corruption attacks.
        seed: of the split, the corruption and the victim.
        device: where the victim is trained and attacked.
        progress: told how the training of the victim goes on.

    Raises:
        InputError: files of the data set are missing or altered, or it has too few images.
        StageFailed: the victim could not be trained.
    """
    source = sources.load(config.source)
    clean = splits.split(source, config, seed=seed)
    attacked = given = None
    if config.corruption == "human":
        given = human_labels.load(config.human_labels, source.training.labels)
    if config.corruption == "adv":
        attacked = base.base_model(
            clean.train,
            clean.validation,
            len(clean.class_names),
            victim,
            seed=seeding.derive(seed, "victim"),
            device=device,
            progress=progress,
        ).state
    return corruptions.corrupt(
        clean,
        config,
        seed=seeding.derive(seed, "corruption"),
        victim=attacked,
        device=device,
        given=given,
        in_place=True,
    )
