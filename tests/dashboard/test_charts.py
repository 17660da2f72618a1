"""What is written on charts can be read: contrast as WCAG 2 defines it, measured on the real colours."""

import tomllib
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

from dashboard import charts, palette

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"


def luminance(rgb: tuple[float, ...]) -> float:
    parts = [value / 255 for value in rgb]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def page(theme: str) -> tuple[float, ...]:
    config = tomllib.loads(CONFIG.read_text())
    background: tuple[float, ...] = hex_to_rgb(config["theme"][theme]["backgroundColor"])
    return background


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@pytest.mark.parametrize(("theme", "ink"), [("light", palette.INK_ON_LIGHT), ("dark", palette.INK_ON_DARK)])
def test_axis_text_reads_on_the_page(theme: str, ink: str) -> None:
    assert contrast(hex_to_rgb(ink), page(theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("color", [palette.THRESHOLD, *palette.MODELS.values()])
def test_marks_stand_out_from_the_page(theme: str, color: str) -> None:
    assert contrast(hex_to_rgb(color), page(theme)) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_every_count_reads_on_its_cell(*, dark: bool) -> None:
    """One image of each class taken for class 0, 1, ... of 100: every per cent of the colour scale occurs."""
    names = [str(number) for number in range(101)]
    counts = [[100 - number, number] + [0] * 99 for number in range(101)]
    report = {"models": {"base": {"confusion": counts}}, "data": {"class_names": names}}
    figure = charts.confusion(report, "base", dark=dark)
    scale, written = figure.data[0], figure.data[1]
    assert isinstance(written, go.Scatter)
    shares = [count for row in counts for count in row if count]
    cells = sample_colorscale([list(step) for step in scale.colorscale], [share / 100 for share in shares])
    lowest = min(
        contrast(hex_to_rgb(ink), unlabel_rgb(cell)) for ink, cell in zip(written.textfont.color, cells, strict=True)
    )
    assert [int(text) for text in written.text] == shares
    assert lowest >= 4
