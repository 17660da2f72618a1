"""The routes of image sets, asked as the page asks them: right answers, and a refusal for everybody else."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bir_core import picking
from bir_core.data import image_set
from bir_core.data.image_set import ImageSet
from dashboard import routes_sets
from tests import own_images
from tests.dashboard.test_routes import FOREIGN, OWN

AT = "/api/sets/digits"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes_sets.ROUTES), base_url="http://127.0.0.1:8501", headers=OWN) as started:
        yield started


def say(client: TestClient, images: ImageSet, row: int, clean: bool | None, /, **other: Any) -> Any:
    step = {
        "key": "k",
        "reviewer": "ann",
        "version": images.fingerprint[:20],
        "row": row,
        "label": int(images.labels[row]),
        "clean": clean,
    }
    return client.post(f"{AT}/picks", json={**step, **other})


class TestThumbnails:
    def test_rows_one_below_the_other(self, client: TestClient, digits: ImageSet) -> None:
        rows = [7, 3, 11]
        answer = client.get(f"{AT}/thumbnails/{digits.fingerprint[:20]}", params={"samples": "7,3,11"})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert "immutable" in answer.headers["cache-control"]
        drawn = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L")).astype(float)
        assert drawn.shape == (3 * 28, 28)
        for place, row in enumerate(rows):
            original = np.asarray(Image.open(digits.file(row))).astype(float)
            assert np.abs(drawn[28 * place : 28 * (place + 1)] - original).mean() < 12

    def test_pictures_of_several_shapes_stand_in_squares(self, client: TestClient, tmp_path: Path) -> None:
        for label, size in (("a", (40, 20)), ("b", (10, 30))):
            (tmp_path / "s" / label).mkdir(parents=True)
            Image.new("RGB", size, (255, 0, 0)).save(tmp_path / "s" / label / "1.png")
        images = own_images.imported("shapes", tmp_path / "s")
        answer = client.get(f"/api/sets/shapes/thumbnails/{images.fingerprint[:20]}", params={"samples": "0,1"})
        drawn = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert drawn.shape == (80, 40, 3)
        is_red = (drawn[..., 0] > 200) & (drawn[..., 1] < 80)
        assert is_red[11:29].all()
        assert not is_red[:9].any()
        assert is_red[41:79, 15:25].all(), "the small one fills its square, too"
        assert not is_red[41:, :12].any()

    def test_of_another_version_are_404(self, client: TestClient, digits: ImageSet) -> None:  # noqa: ARG002
        answer = client.get(f"{AT}/thumbnails/{'0' * 20}", params={"samples": "1"})
        assert answer.status_code == 404
        assert "load the page again" in answer.json()["error"]

    @pytest.mark.parametrize(
        ("samples", "status"),
        [("-1", 400), ("x", 400), ("", 400), ("60", 404), ("1," * 60 + "1", 400), ("../set.json", 400)],
    )
    def test_bad_rows(self, client: TestClient, digits: ImageSet, samples: str, status: int) -> None:
        answer = client.get(f"{AT}/thumbnails/{digits.fingerprint[:20]}", params={"samples": samples})
        assert answer.status_code == status
        assert answer.json()["error"].endswith(".")


class TestProposals:
    def test_follow_the_engine(self, client: TestClient, digits: ImageSet) -> None:
        said = client.get(f"{AT}/proposals", params={"start": 5, "count": 20}).json()
        expected = picking.propose(digits)
        assert said["total"] == 60
        assert said["version"] == digits.fingerprint[:20]
        assert [row["row"] for row in said["rows"]] == expected[5:25].tolist()
        assert [row["label"] for row in said["rows"]] == digits.labels[expected[5:25]].tolist()
        assert said["rows"][0]["key"] == digits.value("key", int(expected[5]))

    def test_of_some_classes(self, client: TestClient, digits: ImageSet) -> None:
        said = client.get(f"{AT}/proposals", params={"class": "3,7"}).json()
        assert {row["label"] for row in said["rows"]} == {3, 7}
        assert said["total"] == len(said["rows"]) == int(np.isin(digits.labels, [3, 7]).sum())

    def test_beyond_the_end_there_is_none(self, client: TestClient, digits: ImageSet) -> None:  # noqa: ARG002
        assert client.get(f"{AT}/proposals", params={"start": 10**9}).json()["rows"] == []

    @pytest.mark.parametrize("query", [{"count": 0}, {"count": 201}, {"start": -1}, {"class": "10"}, {"class": "cat"}])
    def test_impossible_queries_are_400(self, client: TestClient, digits: ImageSet, query: dict[str, Any]) -> None:  # noqa: ARG002
        assert client.get(f"{AT}/proposals", params=query).status_code == 400


class TestPicks:
    def test_are_stored_and_told(self, client: TestClient, digits: ImageSet) -> None:
        answer = say(client, digits, 7, True)
        assert answer.status_code == 200
        pick = {"row": 7, "label": int(digits.labels[7]), "clean": True, "reviewer": "ann"}
        assert answer.json() == {"pick": pick}
        said = client.get(f"{AT}/picks").json()
        assert said["picks"] == [pick]
        assert said["version"] == digits.fingerprint[:20]
        unchanged = client.get(f"{AT}/picks", params={"known": said["known"]}).json()
        assert unchanged["picks"] is None
        assert say(client, digits, 7, None).status_code == 200
        assert client.get(f"{AT}/picks", params={"known": said["known"]}).json()["picks"] == []

    def test_the_same_step_twice_says_the_same(self, client: TestClient, digits: ImageSet) -> None:
        assert [say(client, digits, 7, False).status_code for _ in range(2)] == [200, 200]
        assert {row: pick.clean for row, pick in picking.held(digits).items()} == {7: False}

    def test_what_was_shown_must_be_what_is_there(self, client: TestClient, digits: ImageSet) -> None:
        assert say(client, digits, 7, True, version="0" * 20).status_code == 409
        assert say(client, digits, 7, True, label=int(digits.labels[7] + 1) % 10).status_code == 409
        assert picking.log(digits) == ()

    @pytest.mark.parametrize(
        "other",
        [{"row": -1}, {"row": 60}, {"row": "7"}, {"clean": "yes"}, {"reviewer": ""}, {"more": 1}, {"row": 10**30}],
    )
    def test_impossible_steps_are_400(self, client: TestClient, digits: ImageSet, other: dict[str, Any]) -> None:
        answer = say(client, digits, 7, True, **other)
        assert answer.status_code == 400
        assert answer.json()["error"].endswith((".", "once", "'"))
        assert picking.log(digits) == ()

    def test_a_body_that_is_no_json_is_400(self, client: TestClient, digits: ImageSet) -> None:
        assert client.post(f"{AT}/picks", content=b"{").status_code == 400
        assert picking.log(digits) == ()

    def test_a_long_body_is_413(self, client: TestClient, digits: ImageSet) -> None:
        body = json.dumps({"reviewer": "x" * 70_000}).encode()
        assert client.post(f"{AT}/picks", content=body).status_code == 413
        assert picking.log(digits) == ()


class TestWhoIsAnswered:
    @pytest.mark.parametrize("headers", FOREIGN)
    def test_others_are_refused(self, client: TestClient, digits: ImageSet, headers: dict[str, str]) -> None:
        latin = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        for method, path in (
            ("GET", f"thumbnails/{digits.fingerprint[:20]}?samples=1"),
            ("GET", "proposals"),
            ("GET", "picks"),
            ("POST", "picks"),
        ):
            answer = client.request(method, f"{AT}/{path}", headers=latin)
            assert answer.status_code == 403
            assert set(answer.json()) == {"error"}
        assert picking.log(digits) == ()

    @pytest.mark.parametrize(
        "name", ["other", "..", "%2e%2e", "digits%2f..%2fdigits", ".digits.part", "digits%00", "x" * 300]
    )
    @pytest.mark.parametrize("path", ["proposals", "picks", "thumbnails/x?samples=1"])
    def test_an_unknown_set_is_404(self, client: TestClient, digits: ImageSet, name: str, path: str) -> None:  # noqa: ARG002
        assert client.get(f"/api/sets/{name}/{path}").status_code == 404

    @pytest.mark.parametrize(("method", "path"), [("POST", "proposals"), ("DELETE", "picks"), ("PUT", "thumbnails/x")])
    def test_other_methods_are_405(self, client: TestClient, method: str, path: str) -> None:
        assert client.request(method, f"{AT}/{path}").status_code == 405

    def test_a_damaged_set_is_said(self, client: TestClient, digits: ImageSet) -> None:
        (digits.path / "set.json").write_text("{")
        answer = client.get(f"{AT}/proposals")
        assert answer.status_code == 400
        assert "import it again" in answer.json()["error"]

    def test_a_deleted_set_is_404(self, client: TestClient, digits: ImageSet) -> None:
        assert client.get(f"{AT}/picks").status_code == 200
        image_set.delete(digits.name)
        assert client.get(f"{AT}/picks").status_code == 404
