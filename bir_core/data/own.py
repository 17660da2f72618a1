"""Somebody's own images as the parts of a run; what is known of their faults is known to their owner alone."""

from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError
from bir_core.records import Splits, Truth


def load(config: OwnDataConfig, *, seed: int) -> tuple[Splits, Truth]:
    """The parts of an imported image set, and what its owner knows about the training part."""
    raise InputError(f"the image set {config.images!r} cannot be opened (seed {seed})")
