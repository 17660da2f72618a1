"""The server as a process: the two fixes that its speed rests on, its headers, and what it must never load."""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bir_core.run_folder import Run
from dashboard import security
from tests.browser.server import ROOT, Server, command, serve
from tests.dashboard.conftest import MAIN, VIEWS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    scratch = tmp_path_factory.mktemp("server")
    with serve(scratch / "runs", scratch / "log") as started:
        yield started


def run_python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints, started where a person starts the dashboard."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_collection_after_every_rerun() -> None:
    """``runner.postScriptGC`` is a hidden option: were it renamed, ``get_option`` would raise."""
    code = (
        "from streamlit import config\n"
        "from streamlit.web import bootstrap\n"
        "bootstrap.load_config_options({})\n"
        "print(config.get_option('runner.postScriptGC'), config.get_where_defined('runner.postScriptGC'))"
    )
    value, where = run_python(code).split(maxsplit=1)
    assert value == "False"
    assert ".streamlit/config.toml" in where


def test_streamlit_still_asks_that_option() -> None:
    from streamlit.runtime.scriptrunner import script_runner

    assert "runner.postScriptGC" in Path(str(script_runner.__file__)).read_text()


def test_accepted_sockets_of_streamlits_listener_do_not_wait() -> None:
    code = """
import asyncio, socket
from streamlit.web.server.starlette.starlette_server import _bind_socket
from dashboard import app

listener = _bind_socket("127.0.0.1", 0, 5)
listener.listen()
listener.setblocking(True)

def nodelay():
    with socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            return accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

async def main():
    before = nodelay()
    async with app.lifespan(app.app):
        print(bool(before), bool(nodelay()))

asyncio.run(main())
"""
    assert run_python(code).split() == ["False", "True"]


def test_small_answers_come_at_once(server: Server) -> None:
    """With Nagle's algorithm each answer on a warm connection waits 40 ms; a busy machine has its fast quarter too."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    seconds = []
    for _ in range(80):
        started = time.perf_counter()
        connection.request("GET", "/_stcore/health")
        assert connection.getresponse().read() == b"ok"
        seconds.append(time.perf_counter() - started)
    connection.close()
    fast_quarter = statistics.quantiles(seconds[30:], n=4)[0]
    assert fast_quarter < 0.025, f"{1000 * fast_quarter:.1f} ms"


def test_torch_is_never_loaded(complete: Run) -> None:
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
import dashboard.app
app = AppTest.from_file({str(MAIN)!r}, default_timeout=60).run()
for view in {VIEWS!r}:
    app.switch_page(f"views/{{view}}.py").run()
    assert not app.exception, app.exception
    assert not app.error, app.error
    print(view, len(app.get("plotly_chart")), len(app.get("html")), "torch" in sys.modules)
"""
    lines = [line.split() for line in run_python(code, BIR_RUNS=str(complete.path.parent)).splitlines()]
    assert [line[0] for line in lines] == list(VIEWS)
    assert [line[3] for line in lines] == ["False"] * len(VIEWS)
    assert int(lines[0][1]) == 1, "a chart was drawn"


def test_every_answer_has_the_headers(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    assert answer.status == 200
    for name, value in security.HEADERS.items():
        assert answer.getheader(name) == value
    assert answer.getheader("content-encoding") == "gzip"
    connection.close()


def test_policy_allows_the_inline_script_of_streamlit_and_no_other() -> None:
    (known,) = security.inline_script_hashes("<script>one</script>")
    assert known not in security.CONTENT_SECURITY_POLICY
    assert security.CONTENT_SECURITY_POLICY.count("'sha256-") >= 1
    assert "'unsafe-inline'" not in security.CONTENT_SECURITY_POLICY.split("style-src")[0]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
        ("127.0.0.1:{port}", "http://evil.example", 403),
        ("evil.example:{port}", "http://evil.example:{port}", 403),
    ],
)
def test_websocket_from_elsewhere_is_refused(server: Server, host: str, origin: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {
        "Host": host.format(port=server.port),
        "Origin": origin.format(port=server.port),
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    connection.request("GET", "/_stcore/stream", headers=headers)
    assert connection.getresponse().status == status
    connection.close()


def test_only_this_computer_is_answered(server: Server) -> None:
    assert f"http://127.0.0.1:{server.port}" in server.log.read_text()
    with socket.socket() as other:
        other.settimeout(2)
        with pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", server.port))


def test_port_in_use_is_one_sentence(server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        command(server.port),
        cwd=ROOT,
        env={**os.environ, "BIR_RUNS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"Port {server.port} is not available" in said or f"Port {server.port} is already in use" in said
    assert "Traceback" not in said
