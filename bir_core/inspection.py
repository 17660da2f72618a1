"""Look at a run's network before anything is computed: does it fit the data and its weights, and what are its layers?

Everything is built as the run will build it, so what would stop the run is said here, in the same words.
"""

from dataclasses import dataclass

from bir_core import base, seeding
from bir_core.base_config import IMAGENET, STARTS, BaseConfig
from bir_core.config import RunConfig
from bir_core.data import image_set, own
from bir_core.data_config import IMAGE_SHAPES, NUM_CLASSES, DataConfig
from bir_core.models import layers as layer_groups
from bir_core.models import origins
from bir_core.models.foreign import Foreign


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer group: its name, how many parameters it has, and how their names begin (empty: with the group's)."""

    name: str
    num_parameters: int
    beginnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a run's network is.

    Attributes:
        network: its name.
        image_shape: (C, H, W) of the images that it receives.
        num_classes: L.
        start: in words, the weights that it begins with.
        layers: first to last; candidate labels count them from 1.
        candidates: the subsets of layers that the method tries, see ``layers.candidate_labels``.
        shares_prefix: whether layers before the first updated one are computed once; else every pass is a whole one.
        doubt: a sentence on what fits but may not be meant; empty = nothing.
    """

    network: str
    image_shape: tuple[int, int, int]
    num_classes: int
    start: str
    layers: tuple[Layer, ...]
    candidates: tuple[str, ...]
    shares_prefix: bool
    doubt: str = ""


def inspect(config: RunConfig) -> Inspection:
    """What the network of a run will be.

    Raises:
        InputError: the network, its card, its groups or its weights do not fit each other or the data.
    """
    image_shape, num_classes = _images(config)
    seed = seeding.derive(config.seed, "base")
    _, network, start = base.begin(config.base, image_shape, num_classes, seed=seed)
    beginnings = dict(network.groups) if isinstance(network, Foreign) else {}
    layers = tuple(
        Layer(name=name, num_parameters=number, beginnings=beginnings.get(name, ()))
        for name, number in layer_groups.table(network)
    )
    return Inspection(
        network=config.base.network,
        image_shape=image_shape,
        num_classes=num_classes,
        start=start,
        layers=layers,
        candidates=layer_groups.candidate_labels(len(layers)),
        shares_prefix=not isinstance(network, Foreign) or network.chained,
        doubt=_doubt(config.base),
    )


def _doubt(base: BaseConfig) -> str:
    """Whether weights of a file may have seen other pixels than the usual card gives to timm's models."""
    if base.start in STARTS or base.card is not None:
        return ""
    own = origins.timms_own_pixels(base.network)
    if own is None or own == (IMAGENET.mean, IMAGENET.std):
        return ""
    mean, std = (list(values) for values in own)
    return (
        f"timm's own {base.network.partition(':')[2]} is trained with mean {mean} and std {std}, and this run takes "
        "ImageNet's: if your weights have seen such pixels, say so in base.card, what the network wants of a picture"
    )


def _images(config: RunConfig) -> tuple[tuple[int, int, int], int]:
    if isinstance(config.data, DataConfig):
        return IMAGE_SHAPES[config.data.source], NUM_CLASSES
    images = image_set.open_set(config.data.images)
    card = config.base.wanted_card or own.natural_card(images)
    return card.image_shape, len(images.class_names)
