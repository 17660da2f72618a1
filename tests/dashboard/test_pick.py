"""The Pick page as its reader meets it: what the browser is handed, and how many images are enough."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from bir_core import config, picking, run_folder
from bir_core.config import RunConfig
from bir_core.data.image_set import ImageSet
from bir_core.errors import InputError
from dashboard import image_sets, sizes_chart
from tests.dashboard.conftest import OpenView, texts


def handed(app: AppTest) -> dict[str, Any]:
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == "bir_pick")
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


@pytest.mark.usefixtures("runs_root")
def test_without_images_it_leads_to_the_import(open_view: OpenView) -> None:
    app = open_view("pick")
    assert not app.exception
    assert "nothing to pick from" in texts(app)
    assert "data" in [link.proto.page for link in app.get("page_link")]


@pytest.mark.usefixtures("runs_root")
class TestBoard:
    def test_the_browser_is_handed_what_it_counts_with(self, open_view: OpenView, digits: ImageSet) -> None:
        data = handed(open_view("pick", set="digits"))
        per_class = [int((digits.labels == label).sum()) for label in range(10)]
        assert data["set"] == "digits"
        assert data["version"] == digits.fingerprint[:20]
        assert data["class_names"] == [str(label) for label in range(10)]
        assert (data["reserved"], data["available"], data["wanted"]) == ([0] * 10, per_class, 30)
        assert data["is_large"] is False

    def test_what_is_wanted_stands_in_the_link(self, open_view: OpenView, digits: ImageSet) -> None:  # noqa: ARG002
        app = open_view("pick", wanted="4")
        assert handed(app)["wanted"] == 4
        assert "10 classes, so about 40 images in all" in texts(app)

    def test_what_is_reserved_counts_already(self, open_view: OpenView, digits: ImageSet) -> None:
        labels = digits.labels.tolist()
        for label in range(10):
            picking.say(digits, labels.index(label), True, reviewer="ann")
        assert image_sets.reserve("digits") == 10
        data = handed(open_view("pick"))
        assert data["reserved"] == [1] * 10
        assert sum(data["available"]) == 50

    def test_nothing_confirmed_reserves_nothing(self, digits: ImageSet) -> None:
        with pytest.raises(InputError, match="no image is confirmed yet"):
            image_sets.reserve(digits.name)


class TestHowMany:
    @pytest.mark.usefixtures("runs_root", "digits")
    def test_before_a_run_what_is_known_of_other_data(self, open_view: OpenView) -> None:
        app = open_view("pick")
        assert sizes_chart.without_curve() in texts(app)
        assert "0.938 with 30" in texts(app)

    def test_of_the_newest_run_on_these_images(
        self, open_view: OpenView, runs_root: Path, digits: ImageSet, tiny_config: RunConfig
    ) -> None:
        run_folder.create(runs_root, tiny_config)
        for name, images in (("first", "digits"), ("second", "digits"), ("of-others", "others")):
            values = {"name": name, "data": {"source": "own", "images": images}}
            run_folder.create(runs_root, config.parse(values, origin="test"))
        found = image_sets.newest_run(digits.name)
        assert found is not None
        assert found.config.data.images == "digits"  # type: ignore[union-attr]
        app = open_view("pick")
        assert not app.exception
        assert f"Of {found.name}, the newest run on these images." in texts(app)
        assert app.button(key="offer_reserved_sizes").label == "Compute it"
        assert image_sets.newest_run("nobody") is None


@pytest.mark.parametrize(("num_classes", "wanted"), [(2, 30), (10, 30), (20, 15), (300, 1), (1000, 1)])
def test_how_many_are_asked_for_at_first(num_classes: int, wanted: int) -> None:
    assert image_sets.usual_wanted(num_classes) == wanted
