"""The gallery's routes, asked as the page asks them: right answers, and a refusal for everybody else."""

import io
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bir_core import run_folder, storage, verdicts
from bir_core.run_folder import Run
from dashboard import batches, pictures, routes, routes_verdicts, runs, security, standings, web

OWN = {security.TOKEN_HEADER: security.TOKEN, "origin": "http://127.0.0.1:8501", "sec-fetch-site": "same-origin"}
FOREIGN: tuple[dict[str, str], ...] = (
    {security.TOKEN_HEADER: ""},
    {security.TOKEN_HEADER: "guessed"},
    {security.TOKEN_HEADER: security.TOKEN + "é"},
    {"origin": "http://evil.example"},
    {"origin": "http://127.0.0.1:9999"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"host": "evil.example:8501", "origin": "http://evil.example:8501"},
    {"host": "127.0.0.1.evil.example", "origin": "http://127.0.0.1.evil.example"},
)
"""What a request that does not come from our own page says instead."""

PATHS = ("cards?t=0", "sprite/x?samples=0", "difference/x/0.png", "verdicts")


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes.ROUTES), base_url="http://127.0.0.1:8501", headers=OWN) as started:
        yield started


@pytest.fixture
def at(complete: Run) -> str:
    return f"/api/runs/{complete.name}"


def cards(client: TestClient, at: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{at}/cards", params={"t": -100, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def decide(client: TestClient, at: str, *samples: int, key: str, reviewer: str = "ann", **step: Any) -> list[dict]:
    sent = {"decisions": [{"sample": sample, "verdict": "remove"} for sample in samples], **step}
    answer = client.post(f"{at}/verdicts", json={"key": key, "reviewer": reviewer, **sent})
    assert answer.status_code == 200, answer.text
    return answer.json()["entries"]


def decode(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


class TestCards:
    @pytest.mark.parametrize("sort", web.SORTS)
    def test_follow_the_ranking(self, client: TestClient, at: str, complete: Run, sort: str) -> None:
        index = runs.scored(complete).index
        expected = index.ranked(0.0, given=[1, 7], believed=[1, 2, 9], sort=sort)
        said = cards(client, at, t=0, given="1,7", believed="1,2,9", sort=sort)
        assert said["total"] == len(expected)
        assert [card["sample"] for card in said["cards"]] == expected[:200].tolist()

    def test_a_stretch_has_what_is_known_of_each_sample(self, client: TestClient, at: str, complete: Run) -> None:
        index, scores = runs.scored(complete).index, storage.load_scores(complete.path / "score")
        truth = storage.load_truth(complete.path / "data")
        said = cards(client, at, start=30, count=20)
        assert [card["rank"] for card in said["cards"]] == list(range(31, 51))
        for card in said["cards"]:
            sample = card["sample"]
            assert card["given"] == index.labels[sample]
            assert card["believed"] == scores.soft_labels[sample].argmax()
            assert card["true"] == truth.original_labels[sample]
            assert card["score"] == card["loss_after"] - card["loss_before"] == scores.score[sample]
            assert card["soft"] == pytest.approx(scores.soft_labels[sample].tolist(), abs=1e-4)
            assert card["aligned"] is True

    def test_beyond_the_end_there_is_none(self, client: TestClient, at: str) -> None:
        assert cards(client, at, start=10**9)["cards"] == []

    @pytest.mark.parametrize(
        "query",
        [
            {"t": "abc"},
            {"t": "nan"},
            {"t": ""},
            {"count": 0},
            {"count": 201},
            {"count": "x"},
            {"start": -1},
            {"start": "1" * 30},
            {"given": "99"},
            {"given": "a"},
            {"believed": "1,,2"},
            {"sort": "path"},
            {"verdict": "undecided"},
            {"verdict": "undecided", "asof": ""},
            {"verdict": "undecided", "asof": "-1"},
            {"verdict": "undecided", "asof": "1.5"},
            {"verdict": "burn", "asof": 0},
            {"verdict": "keep,,remove", "asof": 0},
        ],
    )
    def test_impossible_numbers_are_400(self, client: TestClient, at: str, query: dict[str, Any]) -> None:
        answer = client.get(f"{at}/cards", params={"t": 0, **query})
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")

    def test_without_alignment(self, client: TestClient, at: str, complete: Run) -> None:
        before = cards(client, at)["version"]
        shutil.rmtree(complete.path / "align")
        said = cards(client, at, count=1)
        assert said["cards"][0]["aligned"] is False
        assert said["version"] != before
        sample = said["cards"][0]["sample"]
        assert client.get(f"{at}/sprite/{said['version']}?samples={sample}").status_code == 200
        assert client.get(f"{at}/difference/{said['version']}/{sample}.png").status_code == 404


class TestPictures:
    def test_sprite_has_the_pixels_of_the_images(self, client: TestClient, at: str, complete: Run) -> None:
        originals = storage.load_part(complete.path / "data", "train").images
        aligned = storage.load_aligned(complete.path / "align")
        answer = client.get(f"{at}/sprite/{cards(client, at)['version']}?samples=5,3,179")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        expected = [
            np.concatenate([originals[sample, 0], aligned.images[aligned.indices == sample][0, 0]], axis=1)
            for sample in (5, 3, 179)
        ]
        assert decode(answer.content).tolist() == np.rint(np.clip(np.concatenate(expected), 0, 1) * 255).tolist()

    def test_difference_says_its_amplification(self, client: TestClient, at: str, complete: Run) -> None:
        original = storage.load_part(complete.path / "data", "train").images[5]
        aligned = storage.load_aligned(complete.path / "align")
        moved = aligned.images[aligned.indices == 5][0]
        answer = client.get(f"{at}/difference/{cards(client, at)['version']}/5.png")
        factor = int(answer.headers["x-bir-amplification"])
        assert factor == pictures.amplification(moved - original)
        assert decode(answer.content).tolist() == pictures.difference(original, moved, factor).tolist()

    def test_another_version_is_404(self, client: TestClient, at: str) -> None:
        assert client.get(f"{at}/sprite/{'0' * 20}?samples=1").status_code == 404
        assert client.get(f"{at}/difference/{'0' * 20}/1.png").status_code == 404

    @pytest.mark.parametrize(
        ("samples", "status"),
        [("180", 404), ("-1", 400), ("", 400), ("1,x", 400), (",".join(["1"] * 61), 400), (",".join(["1"] * 60), 200)],
    )
    def test_samples_that_are_not_there(self, client: TestClient, at: str, samples: str, status: int) -> None:
        answer = client.get(f"{at}/sprite/{cards(client, at)['version']}?samples={samples}")
        assert answer.status_code == status

    def test_difference_of_a_sample_that_is_not_there(self, client: TestClient, at: str) -> None:
        assert client.get(f"{at}/difference/{cards(client, at)['version']}/180.png").status_code == 404


class TestVerdicts:
    def test_a_step_is_stored_once_however_often_it_is_sent(self, client: TestClient, at: str, complete: Run) -> None:
        first = decide(client, at, 3, 5, key="one")
        assert decide(client, at, 3, 5, key="one") == first
        assert [entry["sample"] for entry in first] == [3, 5]
        assert [entry.key for entry in verdicts.entries(complete)] == ["one", "one"]

    def test_log_is_read_from_where_the_reader_was(self, client: TestClient, at: str) -> None:
        assert client.get(f"{at}/verdicts").json() == {"seq": 0, "more": False, "entries": [], "standing": []}
        decide(client, at, 3, key="one")
        said = client.get(f"{at}/verdicts").json()
        (entry,) = said["entries"]
        assert (entry["sample"], entry["verdict"], entry["reviewer"]) == (3, "remove", "ann")
        assert said["seq"] == entry["seq"]
        (standing,) = said["standing"]
        assert standing["opinions"] == [{"reviewer": "ann", "verdict": "remove", "label": None}]
        assert client.get(f"{at}/verdicts?after={said['seq']}").json()["entries"] == []

    def test_long_log_is_told_in_parts(self, client: TestClient, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for key in "abcde":
            decide(client, at, ord(key), ord(key) + 1, key=key)
        whole = client.get(f"{at}/verdicts").json()
        monkeypatch.setattr(routes_verdicts, "MOST_LISTED", 3)
        parts: list[dict[str, Any]] = []
        after = 0
        while not parts or parts[-1]["more"]:
            parts.append(client.get(f"{at}/verdicts?after={after}").json())
            after = parts[-1]["seq"]
        assert [len(part["entries"]) for part in parts] == [3, 3, 3, 1]
        assert [entry for part in parts for entry in part["entries"]] == whole["entries"]
        told = {one["sample"]: one for part in parts for one in part["standing"]}
        assert told == {one["sample"]: one for one in whole["standing"]}

    def test_undo_and_redo(self, client: TestClient, at: str, complete: Run) -> None:
        decide(client, at, 3, 5, key="one")
        undone = client.post(f"{at}/verdicts/undo", json={"key": "two", "reviewer": "ann"}).json()
        assert [entry["verdict"] for entry in undone["entries"]] == [None, None]
        assert undone["verdicts"] == ["remove"]
        assert [one["opinions"] for one in undone["standing"]] == [[], []]
        again = client.post(f"{at}/verdicts/redo", json={"key": "three", "reviewer": "ann"}).json()
        assert [entry["verdict"] for entry in again["entries"]] == ["remove", "remove"]
        assert {sample: one.verdict for sample, one in verdicts.standing(complete).items()} == {
            3: "remove",
            5: "remove",
        }
        nothing = client.post(f"{at}/verdicts/redo", json={"key": "four", "reviewer": "ann"})
        assert nothing.json() == {"verdicts": [], "entries": [], "standing": []}

    def test_two_people_differ_and_one_settles_it(self, client: TestClient, at: str) -> None:
        decide(client, at, 3, key="one")
        other = [{"sample": 3, "verdict": "keep", "label": None}]
        decide(client, at, key="two", reviewer="ben", decisions=other)
        assert client.get(f"{at}/verdicts").json()["standing"][0]["conflict"] is True
        decide(client, at, key="three", reviewer="ben", decisions=other, settle=True)
        (standing,) = client.get(f"{at}/verdicts").json()["standing"]
        assert standing["conflict"] is False
        assert standing["opinions"] == [{"reviewer": "ben", "verdict": "keep", "label": None}]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b"\xff\xfe",
            b'{"key": "k", "reviewer": "ann"}',
            b'{"key": "k", "reviewer": "ann", "decisions": []}',
            b'{"key": "k", "reviewer": "", "decisions": [{"sample": 1, "verdict": "keep"}]}',
            b'{"key": "k", "reviewer": "ann", "decisions": [{"sample": 180, "verdict": "keep"}]}',
            b'{"key": "k", "reviewer": "ann", "decisions": [{"sample": "1", "verdict": "keep"}]}',
            b'{"key": "k", "reviewer": "ann", "decisions": [{"sample": 1, "verdict": "burn"}]}',
            b'{"key": "k", "reviewer": "ann", "decisions": [{"sample": 1, "verdict": "relabel"}]}',
            b'{"key": "k", "reviewer": "ann", "decisions": [{"sample": 1, "verdict": "keep"}], "path": "/etc"}',
        ],
    )
    def test_impossible_steps_are_400_and_not_stored(
        self, client: TestClient, at: str, complete: Run, body: bytes
    ) -> None:
        answer = client.post(f"{at}/verdicts", content=body)
        assert answer.status_code == 400
        assert len(answer.json()["error"]) > 10
        assert verdicts.entries(complete) == ()

    def test_long_body_is_413(self, client: TestClient, at: str) -> None:
        assert client.post(f"{at}/verdicts", content=b" " * (64 * 1024 + 1)).status_code == 413
        pieces = (b" " * 1024 for _ in range(65))
        assert client.post(f"{at}/verdicts", content=pieces).status_code == 413
        assert client.post(f"{at}/verdicts", content=b" " * 64 * 1024).status_code == 400

    def test_database_that_is_no_database_is_503(self, client: TestClient, at: str, complete: Run) -> None:
        """Not a 4xx: the page keeps its verdicts and sends them again."""
        decide(client, at, 1, key="one")
        (path,) = complete.path.parent.glob("*.db")
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE verdicts RENAME COLUMN label TO lost")
        connection.close()
        answer = client.post(
            f"{at}/verdicts", json={"key": "two", "reviewer": "ann", "decisions": [{"sample": 1, "verdict": "keep"}]}
        )
        assert answer.status_code == 503
        assert "cannot be read or written" in answer.json()["error"]


class TestWhoIsAnswered:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("headers", FOREIGN)
    def test_others_are_refused(self, client: TestClient, at: str, path: str, headers: dict[str, str]) -> None:
        latin = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        for method in ("GET", "POST"):
            answer = client.request(method, f"{at}/{path}", headers=latin)
            assert answer.status_code == 403
            assert set(answer.json()) == {"error"}

    def test_localhost_is_the_same_computer(self, client: TestClient, at: str) -> None:
        headers = {"host": "localhost:8501", "origin": "http://localhost:8501"}
        assert client.get(f"{at}/verdicts", headers=headers).status_code == 200

    @pytest.mark.parametrize(("path", "method"), [(path, "DELETE") for path in PATHS] + [("cards", "POST")])
    def test_other_methods_are_405(self, client: TestClient, at: str, path: str, method: str) -> None:
        answer = client.request(method, f"{at}/{path}")
        assert answer.status_code == 405
        assert "GET" in answer.json()["error"]

    def test_undo_cannot_be_had_by_a_link(self, client: TestClient, at: str) -> None:
        assert client.get(f"{at}/verdicts/undo").status_code == 405

    @pytest.mark.parametrize("name", ["nowhere", "..", "%2e%2e", "..%2f..%2fetc", "%00", "tiny%2f..%2ftiny", "x" * 300])
    def test_a_name_is_never_a_path(self, client: TestClient, complete: Run, name: str) -> None:
        outside = complete.path.parent.parent / "outside"
        shutil.copytree(complete.path, outside)
        for wanted in (name, f"..%2f{outside.name}"):
            assert client.get(f"/api/runs/{wanted}/verdicts").status_code == 404

    @pytest.mark.usefixtures("runs_root")
    @pytest.mark.parametrize("path", PATHS)
    def test_unknown_run_is_404(self, client: TestClient, path: str) -> None:
        answer = client.get(f"/api/runs/nowhere/{path}")
        assert answer.status_code == 404
        assert "'nowhere'" in answer.json()["error"]

    def test_damaged_run_is_one_sentence(self, client: TestClient, at: str, complete: Run) -> None:
        path = complete.path / "score" / "scores.npy"
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[:100])
        answer = client.get(f"{at}/cards?t=0")
        assert answer.status_code == 409
        assert "bytes instead of" in answer.json()["error"]


def test_run_that_is_not_computed_yet(client: TestClient, runs_root: Any, tiny_run: Run) -> None:
    run = run_folder.create(runs_root, tiny_run.config)
    answer = client.get(f"/api/runs/{run.name}/cards?t=0")
    assert answer.status_code == 400
    assert "compute it first" in answer.json()["error"]
    assert json.loads(answer.content)["error"]
    assert os.listdir(run.path) == ["run.json"]


class TestBulk:
    QUERY = {"t": "0", "given": "1,7", "believed": "", "sort": "score"}  # noqa: RUF012 - never changed

    def step(self, run: Run, **changes: Any) -> dict[str, Any]:
        """What the page sends to remove all suspects of the classes 1 and 7."""
        count = len(runs.scored(run).index.ranked(0.0, given=[1, 7]))
        whole = {"key": "k", "reviewer": "ann", "verdict": "remove", "query": self.QUERY, "count": count}
        return {**whole, "ranking": runs.ranking_version(run), **changes}

    def test_a_whole_filter_is_one_step_that_one_undo_takes_back(
        self, client: TestClient, at: str, complete: Run
    ) -> None:
        expected = runs.scored(complete).index.ranked(0.0, given=[1, 7]).tolist()
        answer = client.post(f"{at}/verdicts/bulk", json=self.step(complete))
        assert answer.json()["count"] == len(expected)
        assert {sample: one.verdict for sample, one in verdicts.standing(complete).items()} == dict.fromkeys(
            expected, "remove"
        )
        client.post(f"{at}/verdicts/undo", json={"key": "u", "reviewer": "ann"})
        assert {one.verdict for one in verdicts.standing(complete).values()} == {None}

    def test_sent_again_it_is_stored_once(self, client: TestClient, at: str, complete: Run) -> None:
        for _ in range(2):
            assert client.post(f"{at}/verdicts/bulk", json=self.step(complete)).status_code == 200
        assert len(verdicts.entries(complete)) == self.step(complete)["count"]

    def test_stretches_of_the_ranking_relabelled_as_believed(self, client: TestClient, at: str, complete: Run) -> None:
        index = runs.scored(complete).index
        chosen = index.ranked(0.0, given=[1, 7])[[0, 1, 4]]
        sent = self.step(complete, stretches=[[0, 1], [4, 4], [1, 1]], count=3, verdict="relabel")
        assert client.post(f"{at}/verdicts/bulk", json=sent).status_code == 200
        said = {sample: one.label for sample, one in verdicts.standing(complete).items()}
        assert said == {int(sample): int(index.predictions[sample]) for sample in chosen}

    @pytest.mark.parametrize("changes", [{"ranking": "other"}, {"count": 1}])
    def test_a_ranking_that_has_changed_is_refused(
        self, client: TestClient, at: str, complete: Run, changes: dict[str, Any]
    ) -> None:
        answer = client.post(f"{at}/verdicts/bulk", json=self.step(complete, **changes))
        assert answer.status_code == 409
        assert "Nothing was decided" in answer.json()["error"]
        assert verdicts.entries(complete) == ()

    @pytest.mark.parametrize(
        "changes",
        [
            {"verdict": "burn"},
            {"query": {"t": "x"}},
            {"query": {"t": "0", "given": "99"}},
            {"query": {"t": "0", "sort": "size"}},
            {"query": {"batch": "rm -rf"}},
            {"query": {"t": "1e9"}, "count": 0},
            {"stretches": [[3, 1]]},
            {"stretches": [[-1, 1]]},
            {"label": 99, "verdict": "relabel"},
            {"reviewer": ""},
            {"extra": 1},
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, client: TestClient, at: str, complete: Run, changes: dict[str, Any]
    ) -> None:
        assert client.post(f"{at}/verdicts/bulk", json=self.step(complete, **changes)).status_code == 400
        assert verdicts.entries(complete) == ()

    def test_an_undo_of_a_step_that_never_arrived_undoes_nothing_else(
        self, client: TestClient, at: str, complete: Run
    ) -> None:
        decide(client, at, 3, key="first")
        for step, verdict in (("refused", "remove"), ("first", None)):
            answer = client.post(f"{at}/verdicts/undo", json={"key": f"u-{step}", "reviewer": "ann", "step": step})
            assert answer.status_code == 200
            assert verdicts.standing(complete)[3].verdict == verdict


class TestVerdictFilter:
    @pytest.fixture
    def reviewed(self, client: TestClient, at: str) -> int:
        """Samples 3 and 5 are removed, about 8 two reviewers differ; the number of the newest entry."""
        decide(client, at, 3, 5, 8, key="1")
        keep = [{"sample": 8, "verdict": "keep"}]
        return int(decide(client, at, key="2", reviewer="ben", decisions=keep)[-1]["seq"])

    @pytest.mark.parametrize(
        ("verdict", "expected"),
        [
            ("remove", {3, 5}),
            ("conflict", {8}),
            ("conflict,remove", {3, 5, 8}),
            ("keep", set()),
            ("undecided", set(range(180)) - {3, 5, 8}),
        ],
    )
    def test_shows_what_people_have_said(
        self, client: TestClient, at: str, reviewed: int, verdict: str, expected: set[int]
    ) -> None:
        said = cards(client, at, verdict=verdict, asof=reviewed)
        assert {card["sample"] for card in said["cards"]} == expected
        assert said["total"] == len(expected)

    def test_in_the_order_and_under_the_other_filters(
        self, client: TestClient, at: str, complete: Run, reviewed: int
    ) -> None:
        index = runs.scored(complete).index
        expected = [n for n in index.ranked(0.0, given=[1, 7], sort="lowest").tolist() if n not in {3, 5, 8}]
        said = cards(client, at, t=0, given="1,7", sort="lowest", verdict="undecided", asof=reviewed)
        assert [card["sample"] for card in said["cards"]] == expected

    def test_as_of_an_entry_it_never_changes(self, client: TestClient, at: str, reviewed: int) -> None:
        before = cards(client, at, verdict="undecided", asof=reviewed)
        (written,) = decide(client, at, 11, key="3")
        client.post(f"{at}/verdicts/undo", json={"key": "4", "reviewer": "ben"})
        standings._passing.clear()
        assert cards(client, at, verdict="undecided", asof=reviewed) == before
        later = cards(client, at, verdict="undecided", asof=written["seq"])
        assert later["total"] == before["total"] - 1
        assert cards(client, at, verdict="conflict", asof=reviewed)["total"] == 1
        assert cards(client, at, verdict="conflict", asof=written["seq"] + 1)["total"] == 0

    def test_runs_on_other_data_have_verdicts_of_their_own(
        self, client: TestClient, at: str, complete: Run, reviewed: int
    ) -> None:
        assert cards(client, at, verdict="remove", asof=reviewed)["total"] == 2
        stage = complete.path / "data" / "stage.json"
        text = stage.read_text().replace('"digest": "', '"digest": "0')
        stage.unlink()
        stage.write_text(text)
        assert cards(client, at, verdict="remove", asof=0)["total"] == 0

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"verdict": "burn", "asof": 0}, "verdict must be of undecided, keep, remove, relabel, conflict"),
            ({"verdict": "keep"}, "asof must be a whole number from 0, got 'nothing'"),
            ({"verdict": "keep", "asof": "x"}, "asof must be a whole number from 0, got 'x'"),
            ({"verdict": "keep", "asof": 7}, "asof must be at most 0, the number of the newest verdict, got 7"),
        ],
    )
    def test_what_is_wrong_is_named(self, client: TestClient, at: str, query: dict[str, Any], sentence: str) -> None:
        answer = client.get(f"{at}/cards", params={"t": 0, **query})
        assert answer.status_code == 400
        assert sentence in answer.json()["error"]

    def test_a_bulk_step_is_about_what_the_person_saw(
        self, client: TestClient, at: str, complete: Run, reviewed: int
    ) -> None:
        shown = {card["sample"] for card in cards(client, at, verdict="remove,conflict", asof=reviewed)["cards"]}
        decide(client, at, 11, 12, key="3")
        sent = {"key": "bulk", "reviewer": "cy", "verdict": "keep", "count": len(shown)}
        sent["ranking"] = runs.ranking_version(complete)

        def step(asof: int) -> dict[str, Any]:
            return {**sent, "query": {"t": "-100", "verdict": "remove,conflict", "asof": str(asof)}}

        assert client.post(f"{at}/verdicts/bulk", json=step(reviewed + 2)).status_code == 409
        assert client.post(f"{at}/verdicts/bulk", json=step(reviewed)).json()["count"] == 3
        assert {entry.sample for entry in verdicts.entries_of(complete, key="bulk")} == shown == {3, 5, 8}


class TestBatch:
    def test_everybody_draws_the_same_from_the_band(self, client: TestClient, at: str, complete: Run) -> None:
        scores = runs.scored(complete).index.scores
        said = client.get(f"{at}/cards", params={"batch": "-0.05_0.05_20_7"}).json()
        drawn = [card["sample"] for card in said["cards"]]
        assert said["total"] == len(drawn) == len(set(drawn)) == 20
        assert ((scores[drawn] > -0.05) & (scores[drawn] <= 0.05)).all()
        assert drawn == batches.Batch(low=-0.05, high=0.05, num=20, seed=7).drawn(scores).tolist()
        other = client.get(f"{at}/cards", params={"batch": "-0.05_0.05_20_8"}).json()
        assert [card["sample"] for card in other["cards"]] != drawn

    @pytest.mark.parametrize("text", ["", "1_0_5_1", "0_1_0_1", "0_1_201_1", "0_1_5", "nan_1_5_1", "0_1_5_-1", "a_b"])
    def test_no_batch(self, client: TestClient, at: str, text: str) -> None:
        assert client.get(f"{at}/cards", params={"batch": text}).status_code == 400

    @pytest.mark.parametrize("low", [-1.5, 0.0, 1e-07])
    @pytest.mark.parametrize("high", [2.0, float("inf"), 1e22])
    def test_a_link_names_it(self, low: float, high: float) -> None:
        batch = batches.Batch(low=low, high=high, num=50, seed=3)
        assert batches.parse(str(batch)) == batch
