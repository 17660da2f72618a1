"""Pictures of every format, and files that only look like one."""

import io
import os
import struct
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from bir_core.card import Card
from bir_core.data import decoding, sources
from bir_core.errors import InputError

RGB8 = Card(channels=3, size=(8, 8), mean=(0.0,) * 3, std=(1.0,) * 3)
NUM_MUTATIONS = 2400
SLOWEST = 20.0
"""Seconds; what is allowed (89 million pixels) takes one on an idle machine."""


@cache
def digits() -> NDArray[np.uint8]:
    return np.ascontiguousarray(sources.load("mnist5k").training.images[:50, 0])


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def colour(height: int = 6, width: int = 8) -> Image.Image:
    """A ramp of which every corner is known: red grows to the right, green downwards."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.rint(np.dstack([red, green, np.full_like(red, 128)])).astype(np.uint8))


def pixels(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(decoding.open_picture(content))


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_a_format_without_loss_gives_the_pixels_back(form: str, options: dict[str, object]) -> None:
    assert np.array_equal(pixels(encoded(colour(), form, **options)), np.asarray(colour()))


def test_grey_stays_grey_and_a_jpeg_is_near() -> None:
    found = decoding.open_picture(encoded(Image.fromarray(digits()[0]), "PNG"))
    assert (found.mode, np.array_equal(np.asarray(found), digits()[0])) == ("L", True)
    jpeg = decoding.open_picture(encoded(colour(60, 80), "JPEG", quality=95))
    assert jpeg.mode == "RGB"
    assert np.abs(np.asarray(jpeg).astype(int) - np.asarray(colour(60, 80))).mean() < 3


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), shade) for shade in ("red", "blue")]
    found = pixels(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (found == (255, 0, 0)).all()


def test_transparent_is_laid_on_white() -> None:
    clear, half = Image.new("RGBA", (2, 2), (255, 0, 0, 0)), Image.new("LA", (2, 2), (0, 128))
    assert (pixels(encoded(clear, "PNG")) == 255).all()
    found = decoding.open_picture(encoded(half, "PNG"))
    assert (found.mode, found.getpixel((0, 0))) == ("L", 127)
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([0, 0, 255, 0, 255, 0])
    assert (pixels(encoded(palette, "PNG")) == (0, 0, 255)).all()
    assert (pixels(encoded(palette, "PNG", transparency=0)) == (255, 255, 255)).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(form: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    found = decoding.open_picture(encoded(Image.fromarray(ramp), form))
    assert found.mode == "L"
    assert np.abs(np.asarray(found).ravel().astype(int) - np.arange(256)).max() <= 1


def test_float_pictures_lie_between_zero_and_one() -> None:
    values = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    assert pixels(encoded(Image.fromarray(values), "TIFF"))[-1, -1] == 255
    with pytest.raises(InputError, match="the image has values from 0 to 300: expected 0 to 1; scale them first"):
        decoding.open_picture(encoded(Image.fromarray(values * 300), "TIFF"))


def test_cmyk_becomes_rgb() -> None:
    found = decoding.open_picture(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"))
    assert (found.mode, found.getpixel((4, 4))) == ("RGB", (255, 0, 0))
    assert decoding.open_picture(encoded(Image.new("CMYK", (8, 8)), "JPEG")).mode == "RGB"
    assert decoding.open_picture(encoded(Image.new("1", (8, 8), 1), "PNG")).getpixel((0, 0)) == 255


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_picture(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = pixels(encoded(colour(), "PNG", exif=exif))
    upright = np.asarray(colour())
    expected = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, -1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright),
    }[orientation]
    assert np.array_equal(found, expected)
    seen = decoding.examine(encoded(colour(), "PNG", exif=exif))
    assert (seen.height, seen.width) == expected.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_thumbnail_in_every_format_alike(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    png, *others = (decoding.examine(encoded(colour(60, 80), form, exif=exif)) for form in ("PNG", "JPEG", "TIFF"))
    for other in others:
        assert (other.width, other.height) == (png.width, png.height) == ((80, 60) if orientation < 5 else (60, 80))
        assert np.abs(pixels(other.thumbnail).astype(int) - pixels(png.thumbnail)).max() <= 12


def bomb() -> bytes:
    """A PNG of a gigapixel whose header alone is true."""
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an image, or of an unknown format: expected one of PNG, JPEG"),
        (b"label,path\n3,a.png\n", "is not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
        (encoded(colour(60, 80), "PNG")[:-40], "is truncated or damaged"),
        (encoded(colour(60, 80), "JPEG")[:-300], "is truncated or damaged"),
        (bomb(), "may be a decompression bomb: make it smaller"),
    ],
)
def test_what_is_no_whole_picture_is_refused_by_name(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(content)
    for refusal in (decoding.open_picture, decoding.examine):
        with pytest.raises(InputError, match=sentence) as refused:
            refusal(path)
        assert str(path) in str(refused.value)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name, sentence in (("pipe.png", "is not a file"), ("absent.png", "cannot be read: No such file")):
        with pytest.raises(InputError, match=sentence):
            decoding.open_picture(tmp_path / name)
    with pytest.raises(InputError, match=r"cannot be read: Is a directory|is not a file"):
        decoding.open_picture(tmp_path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((2, 2), 7, np.uint8), 7),
        (np.full((2, 2, 1), 7, np.uint8), 7),
        (np.full((2, 2), 65535, np.uint16), 255),
        (np.full((2, 2), 0.2), 51),
        (np.full((2, 2), True), 255),
        (np.full((2, 2, 3), 7, np.uint8), (7, 7, 7)),
        (np.array([[[9, 9, 9, 0]]], np.uint8), (255, 255, 255)),
    ],
)
def test_a_row_of_an_array_is_a_picture(values: NDArray, expected: object) -> None:
    assert decoding.open_picture(values).getpixel((0, 0)) == expected


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((3, 8, 8), np.uint8), "is 3 x 8 x 8: expected H x W"),
        (np.zeros((0, 8), np.uint8), "is 0 x 8"),
        (np.zeros((8, 8), np.int64), "is int64: expected uint8, uint16, bool, or floats"),
        (np.full((8, 8), np.nan), "has values from nan to nan: expected 0 to 1"),
        (np.full((8, 8), 255.0), "has values from 255 to 255: expected 0 to 1"),
    ],
)
def test_an_array_of_something_else_is_refused(values: NDArray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        decoding.open_picture(values, name="images.npy")


# ---------------------------------------------------------------- geometry


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    channels=st.sampled_from((1, 3)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    more=st.none() | st.integers(0, 20),
)
@example(height=18, width=8, channels=1, size=(18, 13), more=18)
@example(height=19, width=19, channels=1, size=(33, 1), more=20)
@settings(max_examples=150, deadline=None)
def test_a_fitted_picture_is_scaled_and_cut_as_torchvision_does(
    height: int, width: int, channels: int, size: tuple[int, int], more: int | None
) -> None:
    resize = None if more is None else max(size) + more
    card = Card.model_validate(
        {"channels": channels, "size": size, "resize": resize, "mean": (0.0,) * channels, "std": (1.0,) * channels}
    )
    picture = colour(height, width)
    found = decoding.fit(picture, card)
    assert (found.shape, found.dtype.name) == (card.image_shape, "uint8")
    whole = picture.convert("L" if channels == 1 else "RGB")
    if resize is None:
        whole = whole.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    else:
        wide = (resize, int(resize * height / width)) if width <= height else (int(resize * width / height), resize)
        left, top = round((wide[0] - size[1]) / 2), round((wide[1] - size[0]) / 2)
        whole = whole.resize(wide, Image.Resampling.BILINEAR).crop((left, top, left + size[1], top + size[0]))
    expected = np.asarray(whole).reshape(*size, channels).transpose(2, 0, 1)
    # Pillow holds a part's place in single precision, so each of its two passes may round to the neighbour.
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    card = Card(channels=1, size=(28, 28), mean=(0.0,), std=(1.0,))
    for digit in digits()[:5]:
        assert np.array_equal(decoding.fit(Image.fromarray(digit), card)[0], digit)
        resized = card.model_copy(update={"resize": 28})
        assert np.array_equal(decoding.fit(Image.fromarray(digit), resized)[0], digit)


def test_a_line_is_not_blown_up_to_gigabytes() -> None:
    card = Card(size=(224, 224), resize=256)
    assert decoding.fit(Image.new("L", (4_000_000, 1), 9), card).max() == 9


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same() -> None:
    content = encoded(colour(1200, 1600), "JPEG", quality=90)
    card = Card(size=(64, 64), resize=72)
    whole, fast = decoding.fit(decoding.open_picture(content), card), decoding.fitted(content, card)
    assert decoding.open_picture(content, least=(144, 144)).size == (200, 150)
    assert np.abs(whole.astype(int) - fast).max() <= 3
    seen = decoding.examine(content)
    assert (seen.height, seen.width) == (1200, 1600)
    assert decoding.open_picture(seen.thumbnail).size == (128, 96)


def test_a_thumbnail_has_at_most_128_pixels_a_side() -> None:
    assert decoding.open_picture(decoding.examine(encoded(colour(300, 900), "PNG")).thumbnail).size == (128, 43)
    assert decoding.open_picture(decoding.examine(encoded(colour(3, 900), "PNG")).thumbnail).size == (128, 1)
    assert decoding.open_picture(decoding.examine(digits()[0]).thumbnail).size == (28, 28)


@pytest.mark.parametrize("options", [{}, {"keep_rgb": True}, {"progressive": True}, {"subsampling": "4:4:4"}])
def test_a_thumbnail_of_a_jpeg_has_its_colours_however_it_holds_them(options: dict[str, object]) -> None:
    picture = colour(256, 256)
    content = encoded(picture, "JPEG", quality=95, **options)
    assert ("jfif" in Image.open(io.BytesIO(content)).info) == ("keep_rgb" not in options)
    seen = pixels(decoding.examine(content).thumbnail).astype(int)
    assert np.abs(seen - np.asarray(picture.resize((128, 128), Image.Resampling.BOX))).max() <= 12


# ---------------------------------------------------------------- fuzz


def _flip(content: bytearray, draw: np.random.Generator) -> bytearray:
    for position in draw.integers(0, len(content), size=draw.integers(1, 12)):
        content[position] = draw.integers(256)
    return content


def _shorten(content: bytearray, draw: np.random.Generator) -> bytearray:
    return content[: draw.integers(0, len(content))]


def _repeat(content: bytearray, draw: np.random.Generator) -> bytearray:
    start, stop = sorted(draw.integers(0, len(content), size=2))
    return content[:stop] + content[start:]


def _leave_out(content: bytearray, draw: np.random.Generator) -> bytearray:
    start, stop = sorted(draw.integers(0, len(content), size=2))
    return content[:start] + content[stop:]


def _extreme(content: bytearray, draw: np.random.Generator) -> bytearray:
    """A length or an offset that is the largest that there is."""
    position = draw.integers(0, max(1, min(len(content), 120) - 4))
    content[position : position + 4] = draw.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"])
    return content


MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], bytearray], ...] = (
    _flip,
    _shorten,
    _repeat,
    _leave_out,
    _extreme,
)


def _seeds() -> list[bytes]:
    found = []
    exif = Image.Exif()
    exif[0x0112] = 6
    for form, options in (
        ("PNG", {}),
        ("JPEG", {"exif": exif}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("GIF", {}),
    ):
        for digit in digits()[:3]:
            found.append(encoded(Image.fromarray(digit).convert("RGB" if form == "WEBP" else "L"), form, **options))
    found.append(encoded(Image.fromarray(digits()[0].astype(np.uint16) * 257), "PNG"))
    found.append(encoded(colour().convert("P"), "PNG"))
    found.append(encoded(colour(40, 40), "JPEG"))
    return found


def _open(content: bytes) -> None:
    assert decoding.fit(decoding.open_picture(content), RGB8).shape == (3, 8, 8)


def _fit(content: bytes) -> None:
    assert decoding.fitted(content, RGB8).shape == (3, 8, 8)


def _refusal(look: Callable[[bytes], object], content: bytes) -> str:
    try:
        look(content)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore")
def test_thousands_of_damaged_files_end_in_a_picture_or_a_sentence() -> None:
    draw = np.random.default_rng(0)
    seeds = _seeds()
    pictures = 0
    sentences = []
    for number in range(NUM_MUTATIONS):
        mutate = MUTATIONS[number % len(MUTATIONS)]
        content = bytes(mutate(bytearray(seeds[number % len(seeds)]), draw))
        began = time.monotonic()
        # What an import takes for whole must be whole when it is looked at later, and when a network gets it.
        (refusal,) = {_refusal(look, content) for look in (_open, decoding.examine, _fit)}
        if refusal:
            sentences.append(refusal)
        else:
            pictures += 1
        assert time.monotonic() - began < SLOWEST
    assert pictures > 100  # the mutations are not all so coarse that nothing is decoded
    assert len(sentences) > 500
    assert not any("\n" in sentence for sentence in sentences)
