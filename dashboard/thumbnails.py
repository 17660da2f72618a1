"""Thumbnails of an image set, many in one picture. No Streamlit."""

import io
from collections.abc import Sequence

from PIL import Image

SIDE = 128
"""Thumbnails have at most so many pixels a side."""
AROUND = (125, 134, 140)
"""Beside a picture that is not square."""


def sheet(files: Sequence[bytes]) -> bytes:
    """JPEG files of at most ``SIDE`` a side, one below the other, each in the middle of a square, as one JPEG."""
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    side = max(max(picture.size) for picture in pictures)
    drawn = Image.new("RGB", (side, side * len(pictures)), AROUND)
    for number, picture in enumerate(pictures):
        width, height = picture.size
        drawn.paste(picture, ((side - width) // 2, side * number + (side - height) // 2))
    buffer = io.BytesIO()
    drawn.save(buffer, format="JPEG", quality=92, subsampling=0)
    return buffer.getvalue()
