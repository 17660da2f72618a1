"""The Dockerfile keeps its promises, read from the file itself: no engine is needed."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboard import routes_health

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Line:
    """One instruction, its continuation lines joined."""

    word: str
    rest: str


def parse(text: str) -> list[Line]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [Line(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return parse((ROOT / "Dockerfile").read_text())


def of(lines: list[Line], word: str) -> list[str]:
    return [line.rest for line in lines if line.word == word]


def environment(lines: list[Line]) -> dict[str, str]:
    pairs = [part.partition("=") for rest in of(lines, "ENV") for part in shlex.split(rest)]
    return {name: value for name, _, value in pairs}


def sources(lines: list[Line]) -> list[str]:
    """Everything that is copied in."""
    return [source for rest in of(lines, "COPY") for source in shlex.split(rest)[:-1]]


def test_base_is_slim_and_pinned(lines: list[Line]) -> None:
    """By its full version: the newest patch of today is not the one of next year."""
    arguments = dict(rest.split("=", 1) for rest in of(lines, "ARG"))
    (base,) = of(lines, "FROM")
    named = base.replace("${PYTHON}", arguments["PYTHON"])
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", named)


def test_nobody_is_root(lines: list[Line]) -> None:
    users = of(lines, "USER")
    assert users
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1]), (
        "a number, so that Kubernetes can see that it is no root"
    )
    words = [line.word for line in lines]
    assert words.index("USER") > max(place for place, word in enumerate(words) if word in ("RUN", "COPY"))


def test_health_is_asked_of_the_apps_own_route(lines: list[Line]) -> None:
    (check,) = of(lines, "HEALTHCHECK")
    command = " ".join(json.loads(check.partition("CMD ")[2]))
    (path,) = re.findall(r"http://127\.0\.0\.1:8501(/[\w/]+)", command)
    assert path in {route.path for route in routes_health.ROUTES}
    assert "--timeout" in check
    compile(json.loads(check.partition("CMD ")[2])[2], "health", "exec")


def test_nothing_is_fetched_by_add_or_by_a_shell(lines: list[Line]) -> None:
    assert of(lines, "ADD") == []
    assert not any(tool in run for run in of(lines, "RUN") for tool in ("curl", "wget", "sudo", "chmod 777"))


def test_what_is_copied_exists_and_is_not_ignored(lines: list[Line]) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in sources(lines):
        assert (ROOT / source).exists()
        assert any(source == one or source.startswith(f"{one}/") for one in kept)
    assert {"bir_core", "dashboard", "assets", ".streamlit/config.toml"} <= set(sources(lines))


def test_everything_else_is_ignored(lines: list[Line]) -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] not in "#!"]
    assert ignored[0] == "*"
    assert {"**/secrets.toml", "**/.env"} <= set(ignored)
    assert not any(source in (".", "./", "tests", "benchmarks") for source in sources(lines))


def test_only_the_run_time_is_installed(lines: list[Line]) -> None:
    runs = " ".join(of(lines, "RUN"))
    assert "requirements-dev" not in runs
    arguments = dict(rest.split("=", 1) for rest in of(lines, "ARG"))
    assert arguments["REQUIREMENTS"] == "requirements.txt"
    assert environment(lines)["PIP_NO_CACHE_DIR"] == "1"


def test_cpu_unless_somebody_asks_for_cuda(lines: list[Line]) -> None:
    arguments = dict(rest.split("=", 1) for rest in of(lines, "ARG"))
    assert arguments["TORCH_INDEX"] == "https://download.pytorch.org/whl/cpu"
    assert any("${TORCH_INDEX}" in run and "torch==" in run for run in of(lines, "RUN"))
    pins = (ROOT / "requirements.txt").read_text()
    assert len(re.findall(r"(?m)^(?:torch|torchvision)==", pins)) == 2


def test_runs_and_data_are_volumes(lines: list[Line]) -> None:
    (volumes,) = of(lines, "VOLUME")
    said = environment(lines)
    assert set(json.loads(volumes)) == {said["BIR_RUNS"], said["BIR_DATA_DIR"]}
    assert all(f" {folder}" in " ".join(of(lines, "RUN")) for folder in json.loads(volumes)), "owned by the user"


def test_it_listens_to_the_outside_and_brings_no_password(lines: list[Line]) -> None:
    """``test_doorkeeper`` shows that a server with this address does not start without one."""
    said = environment(lines)
    assert said["STREAMLIT_SERVER_ADDRESS"] not in ("127.0.0.1", "localhost")
    assert not any("PASSWORD" in line.rest for line in lines)
    assert json.loads(of(lines, "CMD")[-1])[:3] == ["streamlit", "run", "dashboard/app.py"]


def test_parser_joins_lines_and_skips_comments() -> None:
    assert parse("# a\nRUN one && \\\n    # why\n    two\n\nUSER x\n") == [Line("RUN", "one && two"), Line("USER", "x")]
