"""The example as its reader meets it, and what its sliders hand to the mathematics."""

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bir_core.numerics import gaussian_mean
from bir_core.run_folder import Run
from dashboard import gaussian_example
from tests.dashboard.conftest import OpenView, texts


def handed_over(app: AppTest) -> dict[str, Any]:
    """What the page hands to the browser."""
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == "bir_gaussian_mean")
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


@pytest.mark.usefixtures("runs_root")
def test_it_needs_no_run(open_view: OpenView) -> None:
    app = open_view("how_it_works")
    assert not app.exception
    assert [title.value for title in app.title] == ["How it works"]
    assert not app.button
    assert handed_over(app) == gaussian_example.board()


def test_with_a_run_its_title_stands_beside_the_picker_once(open_view: OpenView, complete: Run) -> None:
    app = open_view("how_it_works")
    assert not app.exception
    assert [title.value for title in app.title] == ["How it works"]
    assert app.selectbox(key="run").value == complete.name
    for heading in ("Two models", "Why the loss of a bad sample rises", "Remove or align", "What the paper leaves out"):
        assert heading in texts(app)


@pytest.mark.usefixtures("runs_root")
def test_each_sign_means_one_thing(open_view: OpenView) -> None:
    app = open_view("how_it_works")
    symbols = [slider["symbol"] for slider in handed_over(app)["sliders"]]
    assert sorted(symbols) == sorted({symbol[:1] for symbol in symbols}), "one letter each, and no letter twice"
    assert "after $r$ reserved samples were added" in texts(app)
    assert "$N' = N + r$" in texts(app)


def test_random_numbers_are_the_same_every_time_and_enough_for_every_slider() -> None:
    board = gaussian_example.board()
    draws = np.array(board["draws"])
    assert board["draws"] == gaussian_example.board()["draws"]
    assert np.abs(draws.mean(axis=1)).max() < 4 / np.sqrt(draws.shape[1])
    assert draws.std(axis=1) == pytest.approx(1, abs=0.07)
    counts = [max(slider["stops"]) for slider in board["sliders"] if slider["key"] in ("n", "m", "dn")]
    assert max(counts) <= draws.shape[1], "a training set takes a number for each of its samples"


def test_presets_stand_at_stops_and_show_what_they_say() -> None:
    stops = {slider["key"]: slider["stops"] for slider in gaussian_example.SLIDERS}
    example, few, rare = (preset["at"] for preset in gaussian_example.PRESETS)
    for at in (example, few, rare):
        assert all(value in stops[key] for key, value in at.items())
        assert at.keys() == stops.keys()
    assert expected(example) == pytest.approx((-0.049625, 0.573752), abs=1e-6), "T1b of the specification"
    assert expected(rare)[0] > 0, "the variance term lifts the average target sample"
    for at in (example, few):
        limit = gaussian_mean.alignment_limit(n=at["n"], m=at["m"], sigma=1, p=gaussian_example.P)
        assert 0 < at["aligned"] < limit


def expected(at: dict[str, Any]) -> tuple[float, float]:
    """Exact average scores at a setting."""
    return gaussian_mean.expected_scores(n=at["n"], m=at["m"], dn=at["dn"], delta=at["delta"], sigma=1)
