"""Thumbnails of an image set, many in one picture. No Streamlit."""

import io
from collections.abc import Sequence

from PIL import Image, ImageOps

SIDE = 128
"""Thumbnails have at most so many pixels a side."""
AROUND = (125, 134, 140)
"""Beside a picture that is not square; a page cuts it off."""


def sheet(files: Sequence[bytes]) -> bytes:
    """JPEG files of at most ``SIDE`` a side, one below the other, each as large as its square allows, as one JPEG."""
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    side = max(max(picture.size) for picture in pictures)
    pictures = [ImageOps.contain(picture, (side, side), Image.Resampling.BILINEAR) for picture in pictures]
    drawn = Image.new("RGB", (side, side * len(pictures)), AROUND)
    for number, picture in enumerate(pictures):
        width, height = picture.size
        drawn.paste(picture, ((side - width) // 2, side * number + (side - height) // 2))
    buffer = io.BytesIO()
    drawn.save(buffer, format="JPEG", quality=92, subsampling=0)
    return buffer.getvalue()
