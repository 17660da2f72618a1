"""Corrupt a known share of the training part, and keep the truth (section 15.2 of the specification).

Four classes of a source are its target classes; 40 % of each is corrupted, in training and validation alike, since
nobody who buys bad data has a clean validation part. With the labels that people gave, what is wrong is theirs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from bir_core import seeding
from bir_core.data_config import DataConfig
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import layers as layer_groups
from bir_core.models import networks
from bir_core.numerics import losses
from bir_core.records import Floats, Integers, LabelledImages, Splits, Truth

DIGITS = {1: 7, 7: 1, 6: 9, 9: 6}
SWAPS = {
    "mnist5k": DIGITS,
    "mnist": DIGITS,
    "fashion_mnist": {0: 6, 6: 0, 2: 4, 4: 2},  # T-shirt and shirt, pullover and coat: ours, the paper has no such set
    "cifar10": {0: 2, 2: 0, 3: 5, 5: 3},  # airplane and bird, cat and dog
}
"""Target classes of each source, and the label that the "label" corruption gives them."""

ATTACKED_AT_ONCE = 500

Change = Callable[[LabelledImages, np.random.Generator], tuple[Floats | None, Integers]]
"""What a corruption does to the chosen samples: their new images, None where these stay, and labels."""


def corrupt(
    splits: Splits,
    config: DataConfig,
    *,
    seed: int,
    victim: ModelState | None = None,
    device: torch.device | None = None,
    given: Integers | None = None,
    in_place: bool = False,
) -> tuple[Splits, Truth]:
    """The splits with training and validation part corrupted, and the truth about the training part.

    Args:
        splits: clean.
        config: which corruption, how much of it.
        seed: of the choice of samples and of the noise.
        victim: model that the "adv" corruption attacks; it was trained on the clean training part.
        device: where the attack is computed.
        given: the labels that people gave, by id of the image, for the "human" corruption.
        in_place: write changed images over those of ``splits``, which nobody needs any more, instead of into a copy.

    Raises:
        InputError: the corruption needs a victim or labels, and there are none.
    """
    change = _change(config, victim, device, given)
    noisy = () if config.corruption in ("none", "human") else tuple(sorted(SWAPS[config.source]))
    chosen = {
        name: _choose(part.labels, noisy, config.fraction, seeding.derive(seed, name))
        if config.corruption != "human" or given is None
        else np.flatnonzero(given[part.ids] != part.labels)
        for name, part in (("train", splits.train), ("validation", splits.validation))
    }
    flags = np.zeros(len(splits.train), dtype=np.bool_)
    flags[chosen["train"]] = True
    truth = Truth(
        corrupted=flags,
        original_labels=splits.train.labels.copy(),
        original_images=splits.train.images[chosen["train"]],
        noisy_classes=noisy,
        corruption=config.corruption,
        num_validation_corrupted=len(chosen["validation"]),
    )
    train, validation = (
        _apply(change, part, chosen[name], np.random.default_rng(seeding.derive(seed, name, "noise")), in_place)
        for name, part in (("train", splits.train), ("validation", splits.validation))
    )
    return replace(splits, train=train, validation=validation), truth


def flip_labels(labels: Integers, swaps: Mapping[int, int]) -> Integers:
    """The labels that ``swaps`` gives instead, such as 1 <-> 7 and 6 <-> 9."""
    return np.array([swaps[label] for label in labels.tolist()], dtype=np.int64)


def gaussian_noise(images: Floats, sigma: float, draw: np.random.Generator) -> Floats:
    """Images with N(0, sigma^2) added to every number, cut off at 0 and 1."""
    noise = draw.standard_normal(images.shape, dtype=np.float32)
    noise *= np.float32(sigma)
    noise += images
    return np.clip(noise, 0, 1, out=noise)


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
    size = layer_groups.pass_size(network, victim.image_shape, ATTACKED_AT_ONCE, gradient=True)
    attacked, beliefs = np.array(samples.images), samples.labels.copy()
    for start in range(0, len(samples), size):
        piece = slice(start, start + size)
        images, labels = (torch.tensor(values[piece], device=device) for values in (samples.images, samples.labels))
        attacked[piece], beliefs[piece] = _attack_batch(network, images, labels, config)
    return attacked, beliefs


def _attack_batch(
    network: nn.Sequential, images: Tensor, labels: Tensor, config: DataConfig
) -> tuple[Floats, Integers]:
    clean = images.requires_grad_(True)
    logits = network(clean)
    (gradient,) = torch.autograd.grad(losses.per_sample_cross_entropy(logits, labels).sum(), clean)
    attacked = (clean.detach() + config.attack_step * gradient.sign()).clamp(0, 1)
    with torch.no_grad():
        beliefs = {"adv": network(attacked).argmax(1), "clean": logits.argmax(1), "true": labels}
    return attacked.cpu().numpy(), beliefs[config.adv_label].cpu().numpy().astype(np.int64)


def _change(
    config: DataConfig, victim: ModelState | None, device: torch.device | None, given: Integers | None
) -> Change:
    if config.corruption == "adv":
        if victim is None or device is None:
            raise InputError("the adv corruption needs a victim model trained on the clean training part")
        return lambda samples, _draw: attack(victim, samples, config, device)
    if config.corruption == "human":
        if given is None:
            raise InputError("the human corruption needs the labels that people gave")
        return lambda samples, _draw: (None, given[samples.ids])
    changes: dict[str, Change] = {
        "none": lambda samples, _draw: (None, samples.labels),
        "label": lambda samples, _draw: (None, flip_labels(samples.labels, SWAPS[config.source])),
        "input": lambda samples, draw: (_noisy(np.asarray(samples.images), config, draw), samples.labels),
    }
    return changes[config.corruption]


def _noisy(images: Floats, config: DataConfig, draw: np.random.Generator) -> Floats:
    """Salt and pepper on grey images, Gaussian noise on colour ones."""
    if images.shape[1] == 1:
        return salt_and_pepper(images, config.salt_and_pepper, draw)
    return gaussian_noise(images, config.gaussian_sigma, draw)


def _choose(labels: Integers, classes: tuple[int, ...], fraction: float, seed: int) -> Integers:
    """Positions of floor(fraction n + 0.5) samples of each class, ascending, without replacement."""
    draw = np.random.default_rng(seed)
    chosen = [np.zeros(0, dtype=np.int64)]
    for label in classes:
        members = np.flatnonzero(labels == label)
        chosen.append(draw.permutation(members)[: int(fraction * len(members) + 0.5)])
    return np.sort(np.concatenate(chosen))


def _apply(
    change: Change, samples: LabelledImages, chosen: Integers, draw: np.random.Generator, in_place: bool
) -> LabelledImages:
    if len(chosen) == 0:
        return samples
    changed, changed_labels = change(samples.take(chosen), draw)
    images, labels = np.asarray(samples.images), samples.labels.copy()
    labels[chosen] = changed_labels
    if changed is not None:
        images = images if in_place else images.copy()
        images[chosen] = changed
    return LabelledImages(images=images, labels=labels, ids=samples.ids)
