"""The routes of one sample, asked as the gallery's panel asks them."""

import io
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bir_core import storage
from bir_core.run_folder import Run
from dashboard import dossier, pictures, routes_sample, security

OWN = {security.TOKEN_HEADER: security.TOKEN, "origin": "http://127.0.0.1:8501", "sec-fetch-site": "same-origin"}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes_sample.ROUTES), base_url="http://127.0.0.1:8501", headers=OWN) as started:
        yield started


@pytest.fixture
def at(complete: Run) -> str:
    return f"/api/runs/{complete.name}"


def ask(client: TestClient, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_says_what_the_results_say(client: TestClient, at: str, complete: Run) -> None:
    aligned, scores = storage.load_aligned(complete.path / "align"), storage.load_scores(complete.path / "score")
    said = ask(client, f"{at}/samples/7")
    row = int(np.searchsorted(aligned.indices, 7))
    assert said["sample"] == 7
    assert said["step"] == {
        "energy_before": aligned.energy_before[row],
        "energy_after": aligned.energy_after[row],
        "relative_step": aligned.relative_step[row],
        "eta": aligned.eta,
    }
    assert said["base_prediction"] == scores.base_predictions[7]
    np.testing.assert_allclose(said["beliefs"]["enhanced"], scores.soft_labels[7], atol=1e-4)
    np.testing.assert_allclose(said["beliefs"]["soft"], aligned.soft_labels[row], atol=1e-4)
    for kind, model in (("base", "base"), ("repaired", "bir")):
        stored = storage.load_probabilities(complete.path / "evaluate", "train", model)
        np.testing.assert_allclose(said["beliefs"][kind], stored[7], atol=1e-4)
    assert int(np.argmax(said["beliefs"]["base"])) == said["base_prediction"]
    assert said["repaired_by"] == "bir"
    nearest = dossier.of(complete, 7).nearest
    assert nearest is not None
    for kind, found in nearest.items():
        assert said["nearest"][kind] == [
            {"reserved": one.reserved, "label": one.label, "cosine": one.cosine} for one in found
        ]


def test_reserved_images_stand_below_each_other(client: TestClient, at: str, complete: Run) -> None:
    version = ask(client, f"{at}/samples/0")["reserved_version"]
    answer = client.get(f"{at}/reserved/{version}?samples=3,0,49")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    images = storage.load_part(complete.path / "data", "reserved").images
    expected = np.concatenate([pictures.shown(images[position]) for position in (3, 0, 49)])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), expected)


def test_what_is_not_computed_is_null(client: TestClient, at: str, complete: Run) -> None:
    for stage in ("align", "embed", "evaluate"):
        shutil.rmtree(complete.path / stage)
    said = ask(client, f"{at}/samples/7")
    assert (said["step"], said["nearest"], said["repaired_by"]) == (None, None, None)
    assert list(said["beliefs"]) == ["enhanced"]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("samples/180", 404, "There is no sample 180: they go from 0 to 179."),
        ("samples/-1", 400, "A sample is a whole number from 0"),
        ("samples/x", 400, "A sample is a whole number from 0"),
        ("reserved/old?samples=0", 404, "made anew since"),
        ("reserved/VERSION?samples=50", 404, "There is no sample 50"),
        ("reserved/VERSION", 400, "whole number"),
        (f"reserved/VERSION?samples={','.join(['0'] * 61)}", 400, "at most 60"),
    ],
)
def test_impossible_requests(client: TestClient, at: str, path: str, status: int, sentence: str) -> None:
    version = ask(client, f"{at}/samples/0")["reserved_version"]
    answer = client.get(f"{at}/{path.replace('VERSION', version)}")
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("path", ["samples/0", "reserved/x?samples=0"])
def test_others_are_refused(client: TestClient, at: str, path: str) -> None:
    assert client.get(f"{at}/{path}", headers={"origin": "https://example.org"}).status_code == 403
    assert client.get(f"{at}/{path}", headers={security.TOKEN_HEADER: "wrong"}).status_code == 403
    assert client.post(f"{at}/{path}").status_code == 405
    assert client.get(f"/api/runs/gone/{path}").status_code == 404


def test_damaged_features_are_a_conflict(client: TestClient, at: str, complete: Run) -> None:
    path = complete.path / "embed" / "features.npy"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:10])
    answer = client.get(f"{at}/samples/0")
    assert answer.status_code == 409
    assert "features.npy" in answer.json()["error"]
