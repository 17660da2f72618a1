"""What stands in the URL: a link shows a colleague the same picture, and a wrong one says what is wrong with it."""

import math

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import run_folder, storage
from bir_core.config import LANDMARKS
from bir_core.run_folder import Run
from tests.dashboard.conftest import MAIN, OpenView, go_to, texts


def suspects(app: AppTest) -> int:
    return int(app.metric[0].value.replace(",", ""))


def above(run: Run, threshold: float) -> int:
    return int((storage.load_scores(run.path / "score").score > threshold).sum())


def test_run_is_in_the_url_and_survives_the_page(open_view: OpenView, complete: Run) -> None:
    other = run_folder.create(complete.path.parent, complete.config.model_copy(update={"name": "other"}))
    app = open_view("overview", run=complete.name)
    assert app.selectbox(key="run").value == complete.name
    assert app.selectbox(key="run").options == [other.name, complete.name]
    assert go_to(app, "scores").selectbox(key="run").value == complete.name


def test_first_visit_writes_the_run_into_the_url(open_view: OpenView, complete: Run) -> None:
    assert open_view("overview").query_params["run"] == complete.name


def test_threshold_of_a_link(open_view: OpenView, complete: Run) -> None:
    app = open_view("scores", t="0.25")
    assert suspects(app) == above(complete, 0.25)
    assert app.number_input(key="top_k").value == above(complete, 0.25)


def test_threshold_survives_the_page(open_view: OpenView, complete: Run) -> None:
    app = open_view("scores", run=complete.name, t="0.25")
    assert go_to(app, "suspects").number_input(key="t").value == 0.25
    assert go_to(app, "scores").number_input(key="t").value == 0.25


@pytest.mark.parametrize("name", LANDMARKS)
def test_landmark_buttons(open_view: OpenView, complete: Run, name: str) -> None:
    app = open_view("scores")
    app.button(key=f"landmark_{name}").click().run()
    assert app.number_input(key="t").value == LANDMARKS[name]
    assert suspects(app) == above(complete, LANDMARKS[name])
    assert float(app.query_params.get("t", str(math.log(1.05)))) == LANDMARKS[name]


@pytest.mark.parametrize("wanted", [0, 1, 17, 180])
def test_top_k_moves_the_threshold(open_view: OpenView, complete: Run, wanted: int) -> None:
    app = open_view("scores")
    app.number_input(key="top_k").set_value(wanted).run()
    threshold = float(app.number_input(key="t").value or 0)
    assert above(complete, threshold) == wanted
    assert suspects(app) == wanted
    ranked = np.sort(storage.load_scores(complete.path / "score").score)[::-1]
    if 0 < wanted < len(ranked):
        assert ranked[wanted] <= threshold < ranked[wanted - 1]


def test_unknown_run_is_one_sentence(open_view: OpenView, complete: Run) -> None:
    app = open_view("overview", run="../nowhere")
    assert not app.exception
    assert "There is no run named '../nowhere' here" in app.warning[0].value
    assert not app.toast, "a toast would say that another one is shown"
    app.selectbox(key="run").set_value(complete.name).run()
    assert not app.warning
    assert storage.load_report(complete.path / "evaluate")["conclusion"] in texts(app)


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize(
    ("key", "value"),
    [("t", "abc"), ("t", "nan"), ("t", "inf"), ("sort", "size"), ("given", "zebra"), ("verdict", "Burn")],
)
def test_impossible_parameter_is_said_and_ignored(key: str, value: str) -> None:
    app = AppTest.from_file(str(MAIN), default_timeout=30).run()
    app.query_params[key] = value
    go_to(app, "suspects")
    assert not app.exception
    assert any(f"{key}={value}" in toast.value for toast in app.toast), [toast.value for toast in app.toast]
    assert app.number_input(key="t").value == pytest.approx(LANDMARKS["log 1.05"])


@pytest.mark.usefixtures("complete")
def test_an_impossible_upper_bound_is_said_once(open_view: OpenView) -> None:
    app = open_view("suspects", below="abc")
    assert not app.exception
    assert [toast.value for toast in app.toast] == ["The link asks for below=abc, which is no number; it is ignored."]
    assert not app.run().toast


@pytest.mark.usefixtures("complete")
def test_possible_parameters_are_not_complained_about(open_view: OpenView) -> None:
    app = open_view("suspects", t="-100", at="2", given=["7", "1"])
    assert not app.toast
