"""Corrupt a known share of the training part, and keep the truth (section 15.2 of the specification).

The target classes are the digits 1, 7, 6 and 9; 40 % of each is corrupted, in training and validation alike, since
nobody who buys bad data has a clean validation part.
"""

from collections.abc import Callable

import numpy as np
import torch

from bir_core import seeding
from bir_core.config import DataConfig
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.records import Floats, Integers, LabelledImages, ModelState, Splits, Truth

SWAPS = {1: 7, 7: 1, 6: 9, 9: 6}
"""Target classes of the digits, and the label that the "label" corruption gives them."""

Change = Callable[[LabelledImages, np.random.Generator], tuple[Floats, Integers]]
"""What a corruption does to the chosen samples: their new images and labels."""


def corrupt(
    splits: Splits,
    config: DataConfig,
    *,
    seed: int,
    victim: ModelState | None = None,
    device: torch.device | None = None,
) -> tuple[Splits, Truth]:
    """The splits with training and validation part corrupted, and the truth about the training part.

    Args:
        splits: clean.
        config: which corruption, how much of it.
        seed: of the choice of samples and of the noise.
        victim: model that the "adv" corruption attacks; it was trained on the clean training part.
        device: where the attack is computed.

    Raises:
        InputError: the corruption needs a victim and there is none.
    """
    change = _change(config, victim, device)
    noisy = () if config.corruption == "none" else tuple(sorted(SWAPS))
    train_chosen = _choose(splits.train.labels, noisy, config.corrupted_fraction, seeding.derive(seed, "train"))
    validation_chosen = _choose(
        splits.validation.labels, noisy, config.corrupted_fraction, seeding.derive(seed, "validation")
    )
    flags = np.zeros(len(splits.train), dtype=np.bool_)
    flags[train_chosen] = True
    truth = Truth(
        corrupted=flags,
        original_labels=splits.train.labels.copy(),
        original_images=splits.train.images[train_chosen],
        noisy_classes=noisy,
        corruption=config.corruption,
        num_validation_corrupted=len(validation_chosen),
    )
    corrupted = Splits(
        train=_apply(change, splits.train, train_chosen, seeding.derive(seed, "train", "noise")),
        validation=_apply(change, splits.validation, validation_chosen, seeding.derive(seed, "validation", "noise")),
        reserved=splits.reserved,
        test=splits.test,
        class_names=splits.class_names,
    )
    return corrupted, truth


def flip_labels(labels: Integers) -> Integers:
    """1 <-> 7 and 6 <-> 9."""
    return np.array([SWAPS[label] for label in labels.tolist()], dtype=np.int64)


def salt_and_pepper(images: Floats, share: float, draw: np.random.Generator) -> Floats:
    """Images of which each pixel becomes 0 with probability share / 2 and 1 with probability share / 2."""
    noise = draw.random(images.shape, dtype=np.float32)
    noisy = np.where(noise < share / 2, np.float32(0), images)
    return np.where(noise >= 1 - share / 2, np.float32(1), noisy)


def attack(
    victim: ModelState, samples: LabelledImages, config: DataConfig, device: torch.device
) -> tuple[Floats, Integers]:
    """FGSM on each image against its true label, and the label that ``config.adv_label`` asks for.

    x_adv = clip(x + epsilon sign(grad_x CE(f(x), y)), 0, 1) with the gradient of the summed loss, the victim in eval
    mode (Goodfellow et al. 2015). With "adv" the label is the victim's belief on the attacked image.
    """
    network = networks.restore(victim, device).eval().requires_grad_(False)
    clean = torch.tensor(samples.images, device=device).requires_grad_(True)
    labels = torch.tensor(samples.labels, device=device)
    logits = network(clean)
    (gradient,) = torch.autograd.grad(losses.per_sample_cross_entropy(logits, labels).sum(), clean)
    attacked = (clean.detach() + config.epsilon * gradient.sign()).clamp(0, 1)
    with torch.no_grad():
        beliefs = {"adv": network(attacked).argmax(1), "clean": logits.argmax(1), "true": labels}
    return attacked.cpu().numpy(), beliefs[config.adv_label].cpu().numpy().astype(np.int64)


def _change(config: DataConfig, victim: ModelState | None, device: torch.device | None) -> Change:
    if config.corruption == "adv":
        if victim is None or device is None:
            raise InputError("the adv corruption needs a victim model trained on the clean training part")
        return lambda samples, _draw: attack(victim, samples, config, device)
    changes: dict[str, Change] = {
        "none": lambda samples, _draw: (samples.images, samples.labels),
        "label": lambda samples, _draw: (samples.images, flip_labels(samples.labels)),
        "input": lambda samples, draw: (
            salt_and_pepper(samples.images, config.salt_and_pepper, draw),
            samples.labels,
        ),
    }
    return changes[config.corruption]


def _choose(labels: Integers, classes: tuple[int, ...], fraction: float, seed: int) -> Integers:
    """Positions of floor(fraction n + 0.5) samples of each class, ascending, without replacement."""
    draw = np.random.default_rng(seed)
    chosen = [np.zeros(0, dtype=np.int64)]
    for label in classes:
        members = np.flatnonzero(labels == label)
        chosen.append(draw.permutation(members)[: int(fraction * len(members) + 0.5)])
    return np.sort(np.concatenate(chosen))


def _apply(change: Change, samples: LabelledImages, chosen: Integers, seed: int) -> LabelledImages:
    if len(chosen) == 0:
        return samples
    images, labels = samples.images.copy(), samples.labels.copy()
    images[chosen], labels[chosen] = change(samples.take(chosen), np.random.default_rng(seed))
    return LabelledImages(images=images, labels=labels, ids=samples.ids)
