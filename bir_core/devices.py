"""Which device the tensors live on; resolved once per computation."""

import torch

from bir_core.errors import InputError


def resolve(wanted: str) -> torch.device:
    """The device called ``wanted``; "auto" takes cuda, else mps, else cpu.

    Raises:
        InputError: the device is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if available[name]))
    if not available.get(wanted, False):
        there = ", ".join(name for name, present in available.items() if present)
        raise InputError(f'device {wanted!r} is not available here: choose one of {there}, or "auto"')
    return torch.device(wanted)
