"""A file, bytes or a row of an array as a picture, whatever its format, and as what a card asks for. No torch here.

Pictures come out in mode L or RGB: the first frame, turned as EXIF says, 16 bits scaled to 8, what is transparent laid
on white. Anything that Pillow trips over is an ``InputError`` that names the file.
"""

import io
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from bir_core.card import Card
from bir_core.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""Of the files that a folder of images is searched for."""
MAX_PIXELS = 89_478_485
"""Pillow's own limit: a picture of more is taken for a decompression bomb."""
MAX_BYTES = 1 << 29
THUMBNAIL_SIDE = 128
_SMALLEST_THUMBNAIL = 96
"""A JPEG decodes at a half, a quarter or an eighth for less than whole; this much of a thumbnail is enough."""

Source = Path | bytes | BinaryIO | NDArray[Any]

_JPEG, _APP1 = b"\xff\xd8", b"\xff\xe1"
"""How a JPEG begins, and where it may say how it is to be turned; pixels are never written so."""
_COLORSPACES = {"Gray": "GRAY", "YCbCr": "RGB", "RGB": "RGB"}
"""What a JPEG holds, and what it is decoded as."""
_ORIENTATION, _UPRIGHT = 0x0112, 1
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What an import keeps of a picture: its size in pixels as it is shown, and a small JPEG of it."""

    width: int
    height: int
    thumbnail: bytes


def open_picture(source: Source, *, name: str = "", least: tuple[int, int] | None = None) -> Image.Image:
    """The first frame of an image file, or of a row of an array, in mode L or RGB.

    Args:
        source: a path; the bytes of a file; a file; or an array (H, W) or (H, W, C) of 1, 3 or 4 channels: uint8,
            uint16 (scaled), bool, or floats in [0, 1].
        name: what the source is called in an error, where it is not a path.
        least: height and width; a JPEG may then be decoded at a half, a quarter or an eighth of its own size, as long
            as it stays at least so large, which is faster.

    Raises:
        InputError: it is no image of a known format, is truncated or damaged, or has too many pixels.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "the array")
    with _opened(source, name) as (image, called):
        if least is not None and image.format == "JPEG":
            height, width = least
            image.draft(None, (height, width) if _orientation(image) in _SIDEWAYS else (width, height))
        return _loaded(image, called)


def fit(picture: Image.Image, card: Card) -> NDArray[np.uint8]:
    """What the card asks for of a picture, (C, H, W) uint8.

    Scaled by Pillow's antialiased bilinear filter, straight to the card's size, or the shorter side to ``resize`` and
    the middle cut out; a picture that has the size is left as it is.
    """
    picture = picture.convert("L" if card.channels == 1 else "RGB")
    height, width = card.size
    box = (0.0, 0.0, float(picture.width), float(picture.height))
    if card.resize is not None:
        box = _middle(picture.size, card.resize, card.size)
    if picture.size != (width, height) or box != (0, 0, width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR, box=box)
    pixels = np.asarray(picture, dtype=np.uint8).reshape(height, width, card.channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def fitted(source: Source, card: Card, *, name: str = "") -> NDArray[np.uint8]:
    """``fit(open_picture(source), card)``, faster for a JPEG of at least four times the size that the card asks for.

    Raises:
        InputError: see ``open_picture``.
    """
    height, width = (card.resize, card.resize) if card.resize is not None else card.size
    return fit(open_picture(source, name=name, least=(2 * height, 2 * width)), card)


def examine(source: Source, *, name: str = "") -> Examined:
    """Size and thumbnail of a picture; all of its file is decoded, so a damaged one is found.

    Raises:
        InputError: see ``open_picture``.
    """
    seen = _examine_jpeg(source, name) if isinstance(source, bytes) and source.startswith(_JPEG) else None
    if seen is not None:
        return seen
    picture = open_picture(source, name=name)
    return Examined(width=picture.width, height=picture.height, thumbnail=thumbnail(picture))


def _examine_jpeg(content: bytes, name: str) -> Examined | None:
    """The same of a JPEG that is whole and holds grey or colours, without Pillow, which takes longer.

    All of it is read, but decoded no larger than a thumbnail asks for. None: this is for Pillow to overlook, or to put
    into words.
    """
    try:
        height, width, held, _ = simplejpeg.decode_jpeg_header(content)
        if held not in _COLORSPACES or height * width > MAX_PIXELS:
            return None
        eighths = next((part for part in (1, 2, 4) if max(height, width) * part >= 8 * _SMALLEST_THUMBNAIL), 8)
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            content,
            colorspace=_COLORSPACES[held],
            min_height=math.ceil(height * eighths / 8),
            min_width=math.ceil(width * eighths / 8),
        )
    except ValueError:
        return None
    orientation = _UPRIGHT
    if _APP1 in content:
        with _opened(content, name) as (image, _):
            orientation = _orientation(image)
    if orientation in _SIDEWAYS:
        width, height = height, width
    if orientation == _UPRIGHT and max(pixels.shape) <= THUMBNAIL_SIDE:
        return Examined(width=width, height=height, thumbnail=_jpeg(pixels))
    picture = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    return Examined(width=width, height=height, thumbnail=thumbnail(_turned(picture, orientation)))


def thumbnail(picture: Image.Image) -> bytes:
    """JPEG of a picture in mode L or RGB; its longer side has at most 128 pixels."""
    share = THUMBNAIL_SIDE / max(picture.size)
    if share < 1:
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return _jpeg(np.asarray(picture).reshape(picture.height, picture.width, -1))


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, C) pixels of 1 or 3 channels as a JPEG."""
    grey = pixels.shape[2] == 1
    colorspace, subsampling = ("GRAY", "Gray") if grey else ("RGB", "420")
    content: bytes = simplejpeg.encode_jpeg(pixels, quality=85, colorspace=colorspace, colorsubsampling=subsampling)
    return content


def read_bounded(path: Path | str) -> bytes:
    """All bytes of a regular file of bounded size.

    Raises:
        InputError: it is not there, cannot be read, or is no file or a giant.
    """
    try:
        # A pipe would wait for its writer for ever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path} is not a file: expected an image")
            if found.st_size > MAX_BYTES:
                raise InputError(
                    f"{path} has {found.st_size / 2**20:,.0f} MiB: an image file may have {MAX_BYTES >> 20}"
                )
            # Not more than it says: a buffer for the largest file is slow to get, and one that grows is noticed anyway.
            return file.read(found.st_size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


# ---------------------------------------------------------------- files


@contextmanager
def _opened(source: Path | bytes | BinaryIO, name: str) -> Iterator[tuple[ImageFile.ImageFile, str]]:
    """The image before it is decoded, and what it is called; whatever goes wrong in between is an ``InputError``."""
    called = name or (str(source) if isinstance(source, Path) else "the image")
    content = read_bounded(source) if isinstance(source, Path) else source
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image, called
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(
            f"{called} has more than {MAX_PIXELS:,} pixels, which may be a decompression bomb: make it smaller"
        ) from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise InputError(f"{called} is not an image, or of an unknown format: expected one of {known}") from None
    except Exception as error:  # a decoder trips over a damaged file in whatever way it happens to
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{called} is truncated or damaged ({reason}): get the file again, or leave it out") from None


def _loaded(image: ImageFile.ImageFile, called: str) -> Image.Image:
    image.load()
    return _turned(_plain(image, called), _orientation(image))


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """What EXIF says, upright when it says nothing that can be read.

    To be asked of a JPEG, or of what is decoded already: in other formats EXIF may stand at the end, and Pillow, asked
    for it first, decodes the picture on the way, whose damage would then be taken for one of EXIF.
    """
    try:
        return int(image.getexif().get(_ORIENTATION, _UPRIGHT))
    except Exception:  # damaged EXIF is no reason to refuse a picture
        return _UPRIGHT


def _plain(image: Image.Image, called: str) -> Image.Image:
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _scaled(np.asarray(image), called)
    if image.has_transparency_data:
        return _on_white(image)
    if mode in ("L", "RGB"):
        return image
    return image.convert("L" if mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("L", "LA", "La", "1")
    colours = image.convert("RGBA")
    white = Image.new("RGBA", colours.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, colours).convert("L" if grey else "RGB")


def _scaled(values: NDArray[Any], called: str) -> Image.Image:
    """More than 8 bits, as grey: 65535 becomes 255, and 1.0 does."""
    most = 1.0 if values.dtype.kind == "f" else 65535.0
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if not (low >= 0 and high <= most):
        raise InputError(f"{called} has values from {low:g} to {high:g}: expected 0 to {most:g}; scale them first")
    return Image.fromarray(np.rint(values * (255.0 / most)).astype(np.uint8))


# ---------------------------------------------------------------- arrays and geometry


def _from_array(values: NDArray[Any], called: str) -> Image.Image:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.size == 0 or not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))):
        shape = " x ".join(map(str, values.shape))
        raise InputError(f"{called} is {shape}: expected H x W, or H x W x C with 1, 3 or 4 channels")
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * np.uint8(255)
    if values.dtype != np.uint8:
        if values.dtype.kind not in "fu" or values.dtype.itemsize == 1:
            raise InputError(f"{called} is {values.dtype}: expected uint8, uint16, bool, or floats in [0, 1]")
        values = np.asarray(_scaled(values, called))
    picture = Image.fromarray(np.ascontiguousarray(values))
    return _on_white(picture) if picture.mode == "RGBA" else picture


def _middle(size: tuple[int, int], resize: int, wanted: tuple[int, int]) -> tuple[float, float, float, float]:
    """The part of the picture that is seen when its shorter side is scaled to ``resize`` and the middle is cut out.

    Sides are rounded as torchvision's Resize and CenterCrop do. Only that part is then scaled: a picture of one line
    would otherwise be blown up to gigabytes.
    """
    width, height = size
    short = min(width, height)
    # Multiplied first, as there: 53 / 19 * 19 is less than 53, and would lose a pixel.
    scaled_width, scaled_height = (resize * width // short, resize * height // short)
    left, top = round((scaled_width - wanted[1]) / 2), round((scaled_height - wanted[0]) / 2)
    across, down = width / scaled_width, height / scaled_height
    return (left * across, top * down, (left + wanted[1]) * across, (top + wanted[0]) * down)
