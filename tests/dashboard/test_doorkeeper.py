"""Who comes through the door and who does not, asked of the real server behind a password and of the door alone."""

import contextlib
import http.client
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from bir_core import password
from dashboard import doorkeeper, login_page, security
from dashboard.access import Access
from dashboard.doorkeeper import COOKIE, Doorkeeper
from tests.browser.server import ROOT, Server, command, free_port, serve
from tests.dashboard.test_server import run_python

RIGHT = "correct horse battery staple"
HASH = password.make(RIGHT)
HOST = "http://127.0.0.1:8501"
PAGE = {"accept": "text/html", "sec-fetch-dest": "document"}

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the server must not listen there

ROUTES_OF_OURS = [
    line.split(maxsplit=1)
    for line in run_python(
        "from dashboard import app\n"
        "for route in app.app._user_routes:\n"
        "    for method in sorted(route.methods): print(method, route.path)\n"
    ).splitlines()
]


async def _page(_request: object) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def _echo(websocket: WebSocket) -> None:
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(await websocket.receive_text())


def door(settings: Access, *, peer: str = "127.0.0.1") -> TestClient:
    """A client of the door with one page and one websocket behind it, for which time stands still."""
    behind = Starlette(routes=[WebSocketRoute("/stream", _echo), Route("/{path:path}", _page, methods=["GET", "POST"])])
    own = {"origin": HOST, "sec-fetch-site": "same-origin"}
    return TestClient(
        Doorkeeper(behind, settings, clock=lambda: 1000.0),
        base_url=HOST,
        client=(peer, 5000),
        follow_redirects=False,
        headers=own,
    )


@pytest.fixture
def client() -> TestClient:
    return door(Access(stored=password.parse(HASH)))


def log_in(client: TestClient, attempt: str = RIGHT, **fields: str) -> int:
    return client.post("/login", data={"password": attempt, **fields}).status_code


class TestWithoutALogin:
    def test_this_computer_is_answered(self) -> None:
        for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            assert door(Access(), peer=peer).get("/suspects").text == "inside"

    @pytest.mark.parametrize("peer", ["192.168.1.7", "2001:db8::1", "::ffff:192.168.1.7", "unknown", ""])
    def test_no_other_computer_is(self, peer: str) -> None:
        client = door(Access(), peer=peer)
        answer = client.get("/suspects")
        assert answer.status_code == 403
        assert "only the computer that it runs on" in answer.json()["error"]
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/stream"):
            pass
        assert client.get("/api/health").text == "inside"


class TestWithAPassword:
    def test_a_page_leads_to_the_login_page_and_back(self, client: TestClient) -> None:
        answer = client.get("/suspects?run=a%20b&t=1", headers=PAGE)
        assert answer.status_code == 303
        shown = client.get(answer.headers["location"], headers=PAGE)
        assert 'value="/suspects?run=a%20b&amp;t=1"' in shown.text
        inside = client.post("/login", data={"password": RIGHT, "next": "/suspects?run=a%20b&t=1"})
        assert (inside.status_code, inside.headers["location"]) == (303, "/suspects?run=a%20b&t=1")
        assert client.get("/suspects", headers=PAGE).text == "inside"

    def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(self, client: TestClient) -> None:
        said = client.post("/login", data={"password": RIGHT}).headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in said.split(";")}
        assert "secure" not in said
        https = client.post("https://127.0.0.1:8501/login", data={"password": RIGHT}, headers={"origin": HOST})
        assert "secure" in https.headers["set-cookie"].lower()

    def test_everything_else_is_401_in_one_sentence(self, client: TestClient) -> None:
        assert client.get("/api/jobs", headers=PAGE).status_code == 401
        for path in ("/api/jobs", "/static/js/index.js", "/media/x.png", "/_stcore/metrics", "/auth/login"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert answer.json() == {"error": doorkeeper.LOG_IN}

    @pytest.mark.parametrize("cookie", ["", "x", "é" * 40, "A" * 43])
    def test_a_guessed_cookie_opens_nothing(self, client: TestClient, cookie: str) -> None:
        answer = client.get("/api/jobs", headers={b"cookie": f"{COOKIE}={cookie}".encode()})
        assert answer.status_code == 401

    def test_health_is_told_to_anybody(self, client: TestClient) -> None:
        assert [client.get(path).text for path in doorkeeper.HEALTH] == ["inside", "inside"]

    def test_logging_out_ends_the_session_everywhere(self, client: TestClient) -> None:
        log_in(client)
        word = client.cookies[COOKIE]
        with client.websocket_connect("/stream", headers={"cookie": f"{COOKIE}={word}"}) as stream:
            stream.send_text("one")
            assert stream.receive_text() == "one"
            assert client.post("/logout").headers["location"] == "/login"
            stream.send_text("two")
            with pytest.raises(WebSocketDisconnect):
                stream.receive_text()
        assert COOKIE not in client.cookies
        assert client.get("/api/jobs", headers={"cookie": f"{COOKIE}={word}"}).status_code == 401

    def test_no_websocket_before_the_login(self, client: TestClient) -> None:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/stream"):
            pass

    def test_guesses_are_slowed_down(self, client: TestClient) -> None:
        wrong = [client.post("/login", data={"password": f"wrong {number}"}) for number in range(6)]
        assert [answer.status_code for answer in wrong] == [401, 401, 401, 429, 429, 429]
        assert "That is not the password." in wrong[0].text
        assert "Too many wrong passwords: wait" in wrong[3].text
        assert int(wrong[3].headers["retry-after"]) >= 1
        assert log_in(client) == 429, "not even the right one is looked at"

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "http://evil.example", "sec-fetch-site": "cross-site"},
            {"origin": "null"},
            {"host": "evil.example"},
            {"sec-fetch-site": "same-site"},
        ],
    )
    def test_forms_of_other_sites_are_refused(self, client: TestClient, headers: dict[str, str]) -> None:
        for path in ("/login", "/logout"):
            assert client.post(path, data={"password": RIGHT}, headers=headers).status_code == 403
        assert COOKIE not in client.cookies

    def test_methods_and_lengths(self, client: TestClient) -> None:
        assert client.get("/logout").status_code == 405
        assert client.delete("/login").status_code == 405
        assert client.post("/login", content=b"password=" + b"x" * doorkeeper.LARGEST_FORM).status_code == 413
        pieces = (b"x" * 1024 for _ in range(17))
        assert client.post("/login", content=pieces).status_code == 413
        for body in (b"\xff\xfe", b"&&&&&&&&&&" * 4, b"passwort=x"):
            assert client.post("/login", content=body).status_code in (401, 429)

    def test_a_link_on_another_site_does_not_log_out(self, client: TestClient) -> None:
        """The browser keeps a strict cookie back then; asked again from our own page, it sends it."""
        answer = client.get("/suspects", headers={**PAGE, "sec-fetch-site": "cross-site"})
        assert (answer.status_code, answer.text) == (200, login_page.ONCE_MORE)


@pytest.mark.parametrize(
    ("wanted", "then"),
    [
        ("/suspects?run=a&t=1", "/suspects?run=a&t=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
        ("/\u2028", "/"),
        ("/logout", "/"),
        ("/login?next=/", "/"),
        ("", "/"),
        ("/" + "x" * 5000, "/"),
    ],
)
def test_after_the_login_no_link_leads_elsewhere(wanted: str, then: str) -> None:
    assert login_page.own_path(wanted) == then


def test_what_the_login_page_repeats_is_text() -> None:
    hostile = '"><script>alert(1)</script>'
    drawn = login_page.draw([hostile], then=f"/{hostile}", fault=hostile)
    assert "<script" not in drawn
    assert drawn.count("&lt;script&gt;") == 4


# ---------------------------------------------------------------- the server itself


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    scratch = tmp_path_factory.mktemp("guarded")
    with serve(scratch / "runs", scratch / "log", BIR_PASSWORD_HASH=HASH) as started:
        yield started


def ask(
    server: Server, method: str, path: str, body: bytes | None = None, *, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_our_routes_are_looked_at() -> None:
    paths = {path for _, path in ROUTES_OF_OURS}
    assert {"/api/health", "/api/jobs", "/api/runs/{run}/cards", "/api/runs/{run}/exports/{file}"} <= paths


@pytest.mark.parametrize(("method", "path"), ROUTES_OF_OURS)
def test_a_route_without_a_session_is_401(server: Server, method: str, path: str) -> None:
    token = {security.TOKEN_HEADER: security.TOKEN}
    status = 401 if path != "/api/health" else 200
    assert ask(server, method, path.replace("{", "").replace("}", ""), headers=token).status == status


@pytest.mark.parametrize("path", ["/_stcore/upload_file/a/b", "/_stcore/metrics", "/_stcore/host-config", "/media/a"])
def test_streamlits_own_routes_are_behind_the_door_too(server: Server, path: str) -> None:
    for method in ("GET", "PUT", "POST", "DELETE"):
        assert ask(server, method, path).status == 401


def test_the_websocket_is_behind_the_door(server: Server) -> None:
    upgrade = {
        "Origin": server.url,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert ask(server, "GET", "/_stcore/stream", headers=upgrade).status == 403
    answer = ask(server, "POST", "/login", urlencode({"password": RIGHT}).encode(), headers={"Origin": server.url})
    cookie = answer.getheader("set-cookie", "").partition(";")[0]
    assert ask(server, "GET", "/_stcore/stream", headers={**upgrade, "Cookie": cookie}).status == 101


def test_the_login_page_has_the_headers_of_every_answer(server: Server) -> None:
    answer = ask(server, "GET", "/login")
    assert answer.status == 200
    assert {name: answer.getheader(name) for name in security.HEADERS} == security.HEADERS


def start(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected not to start."""
    return subprocess.run(
        # Told its own name, Streamlit does not ask the internet for the address of this computer.
        [*command(free_port()), "--browser.serverAddress", "localhost", *options],
        cwd=ROOT,
        env={**os.environ, "BIR_RUNS": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "environment", "sentence"),
    [
        (("--server.address", EVERYWHERE), {}, "would listen on 0.0.0.0 and let everybody in. Set BIR_PASSWORD_HASH"),
        (("--server.address", "::"), {}, "would listen on :: and"),
        ((), {"STREAMLIT_SERVER_ADDRESS": EVERYWHERE}, "would listen on 0.0.0.0"),
        ((), {"BIR_PASSWORD_HASH": "my secret password"}, "is not a hash of this program"),
        (("--server.address", EVERYWHERE), {"BIR_PASSWORD_HASH": " "}, "let everybody in"),
    ],
)
def test_an_open_server_does_not_start(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    done = start(tmp_path, *options, **environment)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert sentence in said
    assert "Traceback" not in said
    assert "my secret" not in said


def test_the_pages_alone_do_not_open_without_the_door(tmp_path: Path) -> None:
    """``streamlit run dashboard/main.py`` has no middleware, so a password would not be asked for."""
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('dashboard/main.py', default_timeout=60).run()\n"
        "print([error.value for error in app.error], len(app.get('html')))"
    )
    said = run_python(code, BIR_RUNS=str(tmp_path), BIR_PASSWORD_HASH=HASH)
    assert "Nobody stands at the door" in said


def test_child_processes_do_not_inherit_the_hash() -> None:
    code = (
        "import os, subprocess, sys\n"
        "from dashboard import app, access\n"
        "child = subprocess.run([sys.executable, '-c', 'import os; print(dict(os.environ))'], capture_output=True)\n"
        "print(access.current().is_guarded, b'BIR_PASSWORD_HASH' in child.stdout, b'PATH' in child.stdout)"
    )
    assert run_python(code, BIR_PASSWORD_HASH=HASH).split() == ["True", "False", "True"]
