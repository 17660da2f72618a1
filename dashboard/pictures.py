"""Small images as PNG data URLs, and the diverging scale of a difference. No Streamlit."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEGATIVE, NEUTRAL, POSITIVE = (np.array(color) for color in ((33, 90, 160), (247, 247, 245), (190, 84, 14)))
"""Darker than the original, unchanged, brighter: blue against orange."""

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def data_url(pixels: NDArray[np.uint8]) -> str:
    """A (H, W) grey or (H, W, 3) colour image as a PNG data URL."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def image_url(image: NDArray[np.float32]) -> str:
    """A (C, H, W) image in [0, 1] as a data URL; values outside are cut off for display."""
    pixels = np.rint(np.clip(np.nan_to_num(image), 0, 1) * 255).astype(np.uint8)
    return data_url(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels[:3], 0, 2))


def difference_url(before: NDArray[np.float32], after: NDArray[np.float32], amplification: float) -> str:
    """``after - before``, times ``amplification``, on the diverging scale; the mean over channels is drawn."""
    change = np.clip(np.nan_to_num(after - before).mean(axis=0) * amplification, -1, 1)[..., None]
    ends = np.where(change < 0, NEGATIVE, POSITIVE)
    return data_url(np.rint(NEUTRAL + np.abs(change) * (ends - NEUTRAL)).astype(np.uint8))


def amplification(changes: NDArray[np.float32]) -> int:
    """A round factor that brings the largest changes (99.5th percentile of their size) just inside [-1, 1]."""
    size = float(np.quantile(np.abs(changes), 0.995)) if changes.size else 0.0
    if size <= 0 or not np.isfinite(size):
        return 1
    return max((step for step in STEPS if step * size <= 1), default=1)
