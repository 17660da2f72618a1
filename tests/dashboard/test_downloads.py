"""The Export page and its downloads: what is made, who may fetch it, and verdicts that come back."""

import io
import shutil
from pathlib import Path

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from bir_core import jobs, pipeline, run_folder, verdicts
from bir_core.errors import InputError
from bir_core.exports import catalogue
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from dashboard import downloads, routes_export, security
from tests.dashboard.conftest import OpenView, texts, wait_until


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=routes_export.ROUTES), base_url="http://127.0.0.1:8501")


@pytest.fixture
def exported(complete: Run) -> Run:
    """A finished run whose report is exported."""
    pipeline.compute(complete, ["export-report"])
    return complete


def address(run: str, name: str, ticket: str | None = None) -> str:
    return f"/api/runs/{run}/exports/{name}?ticket={security.ticket(run, name) if ticket is None else ticket}"


def test_the_file_is_sent_as_an_attachment(client: TestClient, exported: Run) -> None:
    answer = client.get(address("tiny", "report.html"))
    assert answer.status_code == 200
    file = catalogue.path(exported, "report.html")
    assert file is not None
    assert answer.content == file.read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="tiny-report.html"'
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("exported")
def test_the_browser_is_told_the_size(client: TestClient, exported: Run) -> None:
    packing = GZipMiddleware(client.app, minimum_size=1024)
    answer = TestClient(packing, base_url="http://127.0.0.1:8501").get(address("tiny", "report.html"))
    size = (exported.path / "export-report" / "report.html").stat().st_size
    assert int(answer.headers["content-length"]) == size == len(answer.content)


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize(
    ("run", "name", "status"),
    [
        ("tiny", "weights.zip", 404),
        ("tiny", "models", 404),
        ("tiny", "stage.json", 404),
        ("tiny", "..%2frun.json", 404),
        ("nowhere", "report.html", 404),
        ("..", "report.html", 404),
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, run: str, name: str, status: int) -> None:
    assert client.get(address(run, name)).status_code == status


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize("what", [("tiny", "weights.zip"), ("other", "report.html")])
def test_a_ticket_is_for_one_file_of_one_run(client: TestClient, what: tuple[str, str]) -> None:
    assert client.get(address("tiny", "report.html", security.ticket(*what))).status_code == 403


@pytest.mark.usefixtures("exported")
@pytest.mark.parametrize("ticket", ["", "x", "1.2", "99999999999.abc", "é.é"])
def test_no_ticket_no_file(client: TestClient, ticket: str) -> None:
    assert client.get(address("tiny", "report.html", ticket)).status_code == 403


@pytest.mark.usefixtures("exported")
def test_an_old_ticket_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "TICKET_SECONDS", -1)
    assert "too old" in client.get(address("tiny", "report.html")).json()["error"]


@pytest.mark.usefixtures("exported")
def test_other_sites_and_methods_are_refused(client: TestClient) -> None:
    assert client.get(address("tiny", "report.html"), headers={"origin": "http://evil.example"}).status_code == 403
    assert client.get(address("tiny", "report.html"), headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get(address("tiny", "report.html"), headers={"host": "evil.example"}).status_code == 403
    assert client.post(address("tiny", "report.html")).status_code == 405


def test_a_file_that_was_changed_is_not_sent(client: TestClient, exported: Run) -> None:
    (exported.path / "export-report" / "report.html").write_text("something else")
    answer = client.get(address("tiny", "report.html"))
    assert answer.status_code == 409
    assert "instead of" in answer.json()["error"]


def button(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()


def test_a_file_is_made_by_a_job_and_then_offered(open_view: OpenView, runs_root: Path, complete: Run) -> None:
    app = open_view("export")
    assert "Download" not in texts(app)
    button(app, "make_weights")
    (job,) = jobs.list_jobs(runs_root)
    assert job.stages == ("export-weights",)
    wait_until(lambda: jobs.find(runs_root, job.id), lambda found: found.state == "finished")
    shown = texts(open_view("export"))
    assert "Download weights.zip" in shown
    assert f"api/runs/{complete.name}/exports/weights.zip?ticket=" in shown


def test_a_large_table_is_made_by_a_job(open_view: OpenView, complete: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_view("export")
    assert [button.key for button in app.button if button.key == "make_table"] == []
    monkeypatch.setattr(downloads, "MOST_AT_ONCE", 179)
    assert app.run().button(key="make_table").label == "Make it"
    pipeline.compute(complete, ["export-table"])
    assert all(f"Download samples{suffix}" in texts(app.run()) for suffix in downloads.TABLES.values())


def test_an_older_export_says_so(open_view: OpenView, exported: Run) -> None:
    assert "have changed since" not in texts(open_view("export"))
    verdicts.record(exported, [Decision(sample=0, verdict="remove")], reviewer="ada", key="1")
    assert "have changed since" in texts(open_view("export"))


def test_verdicts_go_out_and_come_back_into_a_sibling_run(complete: Run) -> None:
    decisions = [Decision(sample=1, verdict="keep"), Decision(sample=2, verdict="relabel", label=7)]
    verdicts.record(complete, decisions, reviewer="ada", key="1")
    content = downloads.table(complete, ".csv")()
    other_root = complete.path.parent.parent / "elsewhere"
    shutil.copytree(complete.path, other_root / "sibling")
    sibling = run_folder.open_run(other_root, "sibling")
    incoming = downloads.read(sibling, "samples.csv", content)
    assert set(incoming) == set(decisions)
    assert verdicts.standing(sibling) == {}, "reading writes nothing"
    for number in (2, 0):
        assert len(downloads.take_over(sibling, incoming, "bob")) == number
    assert {sample: (said.verdict, said.label) for sample, said in verdicts.standing(sibling).items()} == {
        1: ("keep", None),
        2: ("relabel", 7),
    }


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.txt", b"x", "cannot read .*its name must end in .csv, .jsonl, .parquet"),
        ("a.csv", b"sample,id\n1,2\n", "^'a.csv' has no column verdict, new_label"),
        (
            "a.csv",
            b"sample,id,verdict,new_label\n9999,0,keep,\n",
            "^'a.csv' does not fit .*: line 2: sample 9999 is not in",
        ),
        ("a.parquet", b"PAR1", "^'a.parquet' is not a parquet file"),
    ],
)
def test_a_file_that_does_not_fit_is_named(complete: Run, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        downloads.read(complete, name, content)


def test_every_table_is_the_same_table(complete: Run) -> None:
    csv, lines, parquet = (io.BytesIO(downloads.table(complete, suffix)()) for suffix in downloads.TABLES.values())
    found = [pd.read_csv(csv), pd.read_json(lines, lines=True), pd.read_parquet(parquet)]
    assert found[0]["sample"].tolist() == found[1]["sample"].tolist() == found[2]["sample"].tolist()
