"""The routes of jobs, asked as the page asks them: how far they are, cancel, and a refusal for everybody else."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bir_core import flow, job_rows, jobs, run_folder
from bir_core.config import RunConfig
from bir_core.jobs import Job
from dashboard import progress, routes_jobs, runs
from tests.dashboard.conftest import wait_until
from tests.dashboard.test_routes import FOREIGN, OWN


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes_jobs.ROUTES), base_url="http://127.0.0.1:8501", headers=OWN) as started:
        yield started


def asked(client: TestClient) -> list[dict[str, Any]]:
    """What a page is told that did not ask just now."""
    time.sleep(routes_jobs.SHARED_SECONDS)
    answer = client.get("/api/jobs")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    told: list[dict[str, Any]] = answer.json()["jobs"]
    return told


def steps(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["stage"]: step for step in told["steps"]}


class TestActive:
    def test_a_running_job_stage_by_stage(self, client: TestClient, running: Job) -> None:
        (told,) = asked(client)
        assert (told["id"], told["state"]) == (running.id, "running")
        assert told["title"] == "Train the base model ..."
        assert re.fullmatch(r"Stage 2 of 11, \d+(\.\d)? s so far\.", told["text"])
        assert list(steps(told)) == list(flow.NAMES)
        data, base, select = (steps(told)[stage] for stage in ("data", "base", "select"))
        assert (data["state"], data["sign"], data["share"]) == ("finished", "✓", 100)
        assert (base["state"], base["sign"], base["title"]) == ("running", "◐", "Train the base model")
        assert re.fullmatch(r"(\d+ of 1000000 · )?\d+(\.\d)? s", base["amount"])
        assert (select["state"], select["share"], select["amount"]) == ("waiting", 0, "waiting")

    def test_it_goes_on(self, client: TestClient, running: Job) -> None:
        def so_far() -> int:
            (told,) = asked(client)
            return int((re.match(r"(\d+) of ", steps(told)["base"]["amount"]) or ["", "0"])[1])

        first = so_far()
        assert wait_until(lambda: runs.active_jobs()[0], lambda _job: so_far() > first).id == running.id

    @pytest.mark.usefixtures("runs_root")
    def test_none(self, client: TestClient) -> None:
        assert asked(client) == []
        assert os.listdir(runs.root()) == [], "looking makes nothing"

    def test_a_waiting_job_and_before_it_the_running_one(
        self, client: TestClient, runs_root: Path, tiny_config: RunConfig, running: Job
    ) -> None:
        run_folder.create(runs_root, tiny_config)
        waiting = jobs.submit(runs_root, tiny_config.name)
        assert [(told["id"], told["state"]) for told in asked(client)] == [
            (waiting.id, "queued"),
            (running.id, "running"),
        ]
        assert asked(client)[0]["title"] == "Waiting for its turn"
        jobs.cancel(runs_root, waiting.id)
        assert [told["id"] for told in asked(client)] == [running.id]

    def test_a_killed_job_is_not_among_them(self, client: TestClient, runs_root: Path, running: Job) -> None:
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while asked(client):
            assert time.monotonic() < deadline
        assert job_rows.find(runs_root, running.id).state == "failed", "the answer itself noticed it"

    def test_a_process_that_is_not_the_worker_does_not_keep_a_job_alive(
        self, client: TestClient, runs_root: Path
    ) -> None:
        job = job_rows.insert(runs_root, "gone", ["data"], force=False)
        job_rows.set_process(runs_root, job, os.getpid(), time.time() - 10**6)
        assert asked(client) == []
        assert job_rows.find(runs_root, job).state == "failed"

    def test_a_deleted_database_is_made_anew(self, client: TestClient, runs_root: Path) -> None:
        first = job_rows.insert(runs_root, "first", ["data"], force=False)
        assert [told["id"] for told in asked(client)] == [first]
        for path in runs_root.glob(".bir.db*"):
            path.unlink()
        assert asked(client) == []
        job_rows.insert(runs_root, "second", ["data", "base"], force=False)
        assert [list(steps(told)) for told in asked(client)] == [["data", "base"]]

    def test_a_damaged_database_is_503(self, client: TestClient, runs_root: Path) -> None:
        (runs_root / ".bir.db").write_bytes(b"not a database, but long enough to be taken for one" * 100)
        answer = client.get("/api/jobs")
        assert answer.status_code == 503
        assert "cannot be read or written" in answer.json()["error"]

    def test_pages_that_ask_together_are_told_the_same(self, client: TestClient, runs_root: Path) -> None:
        job_rows.insert(runs_root, "first", ["data"], force=False)
        told, reads = set(), routes_jobs._said.cache_info().misses
        began = time.monotonic()
        for _ in range(20):
            told.add(client.get("/api/jobs").content)
        moments = 2 + int((time.monotonic() - began) / routes_jobs.SHARED_SECONDS)
        assert len(told) == 1
        assert routes_jobs._said.cache_info().misses - reads <= moments


class TestCancel:
    def test_ends_the_job_and_its_process(self, client: TestClient, runs_root: Path, running: Job) -> None:
        wait_until(
            lambda: jobs.find(runs_root, running.id),
            lambda job: any(step.stage == "base" and step.state == "running" for step in job.progress),
        )
        answer = client.post(f"/api/jobs/{running.id}/cancel")
        assert answer.status_code == 200
        (told,) = answer.json()["jobs"]
        assert (told["id"], told["state"], told["title"], told["text"]) == (running.id, "cancelled", "", "")
        assert steps(told)["base"]["state"] == steps(told)["base"]["amount"] == "cancelled"
        assert jobs.find(runs_root, running.id).state == "cancelled"
        assert jobs.process_created(running.pid or 0) is None
        assert asked(client) == []

    def test_an_ended_job_is_left_as_it_is(self, client: TestClient, runs_root: Path, failed: Job) -> None:
        answer = client.post(f"/api/jobs/{failed.id}/cancel")
        assert answer.status_code == 200
        assert answer.json()["jobs"][0]["state"] == "failed"
        assert jobs.find(runs_root, failed.id).error == failed.error

    @pytest.mark.usefixtures("runs_root")
    @pytest.mark.parametrize("job", ["7", "0", "-1", "x", "1e3", "²", "9" * 9, "9" * 30, "..%2f1"])
    def test_unknown_job_is_404(self, client: TestClient, job: str) -> None:
        assert client.post(f"/api/jobs/{job}/cancel").status_code == 404

    @pytest.mark.usefixtures("runs_root")
    def test_unknown_job_is_named(self, client: TestClient) -> None:
        assert client.post("/api/jobs/7/cancel").json() == {"error": "There is no job 7 here."}

    def test_long_body_is_413(self, client: TestClient, running: Job) -> None:
        answer = client.post(f"/api/jobs/{running.id}/cancel", content=b" " * (64 * 1024 + 1))
        assert answer.status_code == 413
        assert runs.active_jobs() != []


class TestWhoIsAnswered:
    @pytest.mark.parametrize("headers", FOREIGN)
    def test_others_are_refused_and_nothing_is_cancelled(
        self, client: TestClient, runs_root: Path, headers: dict[str, str]
    ) -> None:
        job = job_rows.insert(runs_root, "waiting", ["data"], force=False)
        latin = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        for method, path in (("GET", "jobs"), ("POST", f"jobs/{job}/cancel")):
            answer = client.request(method, f"/api/{path}", headers=latin)
            assert answer.status_code == 403
            assert set(answer.json()) == {"error"}
        assert job_rows.find(runs_root, job).state == "queued"

    @pytest.mark.parametrize(
        ("method", "path", "possible"),
        [
            ("POST", "jobs", "GET"),
            ("DELETE", "jobs", "GET"),
            ("GET", "jobs/1/cancel", "POST"),
            ("PUT", "jobs/1/cancel", "POST"),
        ],
    )
    def test_other_methods_are_405(self, client: TestClient, method: str, path: str, possible: str) -> None:
        answer = client.request(method, f"/api/{path}")
        assert answer.status_code == 405
        assert answer.json() == {"error": f"Only {possible} is possible here."}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0.0 s"), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.95, "10 s"), (59.6, "1 min 00 s"), (3725, "62 min 05 s")],
)
def test_length_of_time_in_words(seconds: float, words: str) -> None:
    assert progress.seconds_in_words(seconds) == words
