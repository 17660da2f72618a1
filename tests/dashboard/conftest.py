"""Folders of runs in the four states that every view must answer: none, running, failed, complete."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from bir_core import jobs, run_folder
from bir_core.config import RunConfig
from bir_core.data.image_set import ImageSet
from bir_core.jobs import Job
from bir_core.run_folder import Run
from tests import own_images

MAIN = Path(dashboard.__file__).parent / "main.py"
VIEWS = (
    "overview",
    "scores",
    "suspects",
    "sample",
    "repair",
    "sensitivity",
    "methods",
    "compare",
    "export",
    "present",
    "jobs",
)

OpenView = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    """A server that has read no run yet: its records are kept by digests, which runs of other tests share."""
    st.cache_resource.clear()


@pytest.fixture
def runs_root() -> Path:
    """The folder that the dashboard shows in this test, still empty."""
    root = Path(os.environ["BIR_RUNS"])
    root.mkdir(parents=True)
    return root


@pytest.fixture
def complete(runs_root: Path, tiny_run: Run) -> Run:
    """A finished run."""
    shutil.copytree(tiny_run.path, runs_root / tiny_run.name)
    return run_folder.open_run(runs_root, tiny_run.name)


@pytest.fixture
def running(runs_root: Path, tiny_config: RunConfig) -> Iterator[Job]:
    """A job that works on its base model and would not end by itself."""
    with _working(runs_root, tiny_config) as job:
        yield job


@pytest.fixture
def failed(runs_root: Path, running: Job) -> Job:
    """A job whose process was killed while it worked."""
    return _killed(runs_root, running)


@pytest.fixture(scope="module")
def lasting_job(tmp_path_factory: pytest.TempPathFactory, tiny_config: RunConfig) -> Iterator[tuple[Path, Job]]:
    """A running job in a folder of its own, for all tests of a module that only look at it."""
    root = tmp_path_factory.mktemp("lasting")
    with _working(root, tiny_config) as job:
        yield root, job


@pytest.fixture(scope="module")
def dead_job(tmp_path_factory: pytest.TempPathFactory, tiny_config: RunConfig) -> Iterator[tuple[Path, Job]]:
    """The same of a job that was killed."""
    root = tmp_path_factory.mktemp("dead")
    with _working(root, tiny_config) as job:
        yield root, _killed(root, job)


@pytest.fixture
def shown_running(lasting_job: tuple[Path, Job], monkeypatch: pytest.MonkeyPatch) -> Job:
    """A running job that must be left as it is, in the folder that the dashboard shows."""
    monkeypatch.setenv("BIR_RUNS", str(lasting_job[0]))
    return lasting_job[1]


@pytest.fixture
def shown_failed(dead_job: tuple[Path, Job], monkeypatch: pytest.MonkeyPatch) -> Job:
    """A killed job that must be left as it is, in the folder that the dashboard shows."""
    monkeypatch.setenv("BIR_RUNS", str(dead_job[0]))
    return dead_job[1]


@contextmanager
def _working(root: Path, tiny_config: RunConfig) -> Iterator[Job]:
    base = tiny_config.base.model_copy(update={"memorised_epochs": 1_000_000})
    run_folder.create(root, tiny_config.model_copy(update={"name": "endless", "base": base}))
    job = jobs.submit(root, "endless")
    yield wait_for_work(root, job.id)
    jobs.cancel(root, job.id)


def _killed(root: Path, running: Job) -> Job:
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    return wait_until(lambda: jobs.find(root, running.id), lambda job: job.state == "failed")


def wait_for_work(root: Path, job_id: int) -> Job:
    """Wait until the job has finished its first stage."""
    return wait_until(
        lambda: jobs.find(root, job_id),
        lambda job: any(step.state == "finished" for step in job.progress) or job.state == "failed",
    )


def wait_until(look: Callable[[], Job], good: Callable[[Job], bool]) -> Job:
    """Look until it is good, for at most a minute."""
    deadline = time.monotonic() + 60
    while not good(job := look()):
        assert time.monotonic() < deadline, f"still {job}"
        time.sleep(0.1)
    return job


@pytest.fixture
def open_view() -> OpenView:
    """Open a view from the entry file, as a link with the given query parameters does."""

    def open_it(view: str, **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=30)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        return app if view == "overview" else go_to(app, view)

    return open_it


def go_to(app: AppTest, view: str) -> AppTest:
    """Switch to another view, as the navigation does."""
    return app.switch_page(f"views/{view}.py").run()


def texts(app: AppTest) -> str:
    """Everything that a reader could read, in one string."""
    elements = [
        *app.title,
        *app.header,
        *app.subheader,
        *app.markdown,
        *app.caption,
        *app.error,
        *app.warning,
        *app.info,
    ]
    values = [str(element.value) for element in elements]
    values += [html.proto.body for html in app.get("html")]
    values += [f"{metric.label} {metric.value} {metric.delta}" for metric in app.metric]
    values += [code.value for code in app.code]
    return "\n".join(values)


@pytest.fixture
def digits(tmp_path: Path) -> ImageSet:
    """Sixty bundled digits as an image set of that name."""
    return own_images.imported("digits", own_images.write_folder(tmp_path / "digits", range(60)))
