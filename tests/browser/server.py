"""The dashboard as a process of its own on a free port, as a person starts it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running dashboard."""

    url: str
    port: int
    process: subprocess.Popen[str]
    log: Path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(port: int) -> list[str]:
    """What starts the dashboard."""
    return [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port)]


@contextmanager
def serve(runs: Path, log: Path, *, port: int | None = None, **environment: str) -> Iterator[Server]:
    """Start the dashboard on the runs folder, wait until it answers, stop it in the end."""
    port = port or free_port()
    with started(command(port), port, log, BIR_RUNS=str(runs), **environment) as server:
        yield server


@contextmanager
def started(line: list[str], port: int, log: Path, **environment: str) -> Iterator[Server]:
    """A Streamlit server by its command line, from the moment on that it answers."""
    with log.open("w") as file:
        process = subprocess.Popen(
            line,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield Server(url=url, port=port, process=process, log=log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):  # noqa: S310 - our own http address
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"the dashboard did not answer at {url}:\n{log.read_text()}")
