"""What is written on charts can be read: contrast as WCAG 2 defines it, measured on the real colours."""

import tomllib
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

from bir_core.numerics import metrics
from dashboard import comparison_charts, palette

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
@pytest.mark.parametrize("color", [palette.THRESHOLD, palette.OTHER_MODEL, *palette.MODELS.values()])
def test_marks_stand_out_from_the_page(theme: str, color: str) -> None:
    assert contrast(hex_to_rgb(color), page(theme)) >= 3


def contrasts(figure: go.Figure, cells: list[float]) -> float:
    """The lowest contrast of a count to its cell; ``cells`` are the places on the colour scale, 0 to 1."""
    scale, written = figure.data[0], figure.data[1]
    assert isinstance(written, go.Scatter)
    colors = sample_colorscale([list(step) for step in scale.colorscale], cells)
    return min(
        contrast(hex_to_rgb(ink), unlabel_rgb(cell)) for ink, cell in zip(written.textfont.color, colors, strict=True)
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("first", range(0, 100, 20))
def test_every_count_reads_on_its_cell(first: int, *, dark: bool) -> None:
    """One image of each class taken for class 0, 1, ... of 100: every per cent of the colour scale occurs."""
    rows = [[100 - number, number] + [0] * 18 for number in range(first, first + 20)]
    figure = comparison_charts.confusion(np.array(rows), [str(number) for number in range(20)], dark=dark)
    shares = [count for row in rows for count in row if count]
    assert [int(text) for text in figure.data[1].text] == shares
    assert contrasts(figure, [share / 100 for share in shares]) >= 4


@pytest.mark.parametrize("dark", [False, True])
def test_every_change_reads_on_its_cell(*, dark: bool) -> None:
    before = np.zeros((20, 20), dtype=np.int64)
    after = np.arange(-200, 200).reshape(20, 20)
    figure = comparison_charts.confusion_change(before, after, [str(number) for number in range(20)], dark=dark)
    changes = [value for value in after.ravel().tolist() if value]
    assert [int(text) for text in figure.data[1].text] == changes
    assert contrasts(figure, [(value + 200) / 400 for value in changes]) >= 4


def test_many_classes_have_no_counts_in_their_cells() -> None:
    counts = np.eye(50, dtype=np.int64)
    assert len(comparison_charts.confusion(counts, [str(number) for number in range(50)]).data) == 1


def test_reliability_draws_only_what_was_measured() -> None:
    beliefs = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    bins = metrics.reliability(beliefs, np.array([0, 1, 2, 0]))
    first, second = comparison_charts.reliability([bins, bins], ["one", "other"]).data[1:]
    assert (list(first.x), list(first.y), list(first.customdata)) == ([100], [75], ["4"])
    assert first.marker.symbol != second.marker.symbol
