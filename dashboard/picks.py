"""Samples picked by hand, as a link names them. No Streamlit."""

from collections.abc import Sequence

MOST = 200
"""A longer link may be cut on its way."""


def as_text(samples: Sequence[int]) -> str:
    """The samples as they stand in a link; ``parse`` reads them back."""
    return ",".join(str(sample) for sample in samples)


def parse(text: str, num_samples: int) -> list[int] | None:
    """The samples of a link in its order, or None when it names none, too many, one twice, or one that is not there."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        return None
    found = [int(part) for part in parts]
    if len(found) > MOST or len(set(found)) < len(found) or max(found) >= num_samples:
        return None
    return found
