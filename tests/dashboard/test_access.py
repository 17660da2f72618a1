"""A login at a provider of identities: who is let in, what a wrong configuration is told, and the way in and out."""

import base64
import http.client
import importlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from streamlit import auth_util
from streamlit.web.server.starlette import starlette_app_utils

from bir_core.errors import InputError
from dashboard import access
from dashboard.access import Access
from tests.browser.server import ROOT, Server, command, free_port, started

SECRET = "0123456789abcdef" * 2
ANN = {"sub": "42", "email": "Ann@Example.org", "email_verified": True}


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - told apart, not listened on
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("192.168.1.7", False),
        ("bir.example.org", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        (None, False),
    ],
)
def test_local_addresses(address: str | None, is_local: bool) -> None:
    assert access.is_local(address) is is_local


@pytest.mark.parametrize(
    ("users", "identity", "is_let_in"),
    [
        ({"ann@example.org"}, ANN, True),
        ({"@example.org"}, ANN, True),
        ({"sub:42"}, ANN, True),
        ({"*"}, {"sub": "7"}, True),
        ({"ben@example.org", "sub:4", "42"}, ANN, False),
        ({"@example.com", "@ample.org", "example.org"}, ANN, False),
        ({"ann@example.org"}, {**ANN, "email_verified": False}, False),
        ({"ann@example.org"}, {**ANN, "email_verified": "true"}, False),
        ({"ann@example.org"}, {"sub": "ann@example.org"}, False),
        ({"@example.org"}, {**ANN, "email": "ann@evil.example@example.org"}, False),
        ({"sub:None"}, {}, False),
        ({"*"}, {}, False),
    ],
)
def test_who_is_let_in(users: set[str], identity: dict[str, object], is_let_in: bool) -> None:
    assert Access(providers=("default",), users=frozenset(users)).admits(identity) is is_let_in


GOOD = {
    "redirect_uri": "http://127.0.0.1:8501/oauth2callback",
    "cookie_secret": SECRET,
    "client_id": "x",
    "client_secret": "y",
    "server_metadata_url": "https://id.example/.well-known/openid-configuration",
}


@pytest.mark.parametrize(
    ("changes", "users", "reason"),
    [
        ({"redirect_uri": ""}, "*", "lacks redirect_uri"),
        ({"cookie_secret": ""}, "*", "lacks cookie_secret"),
        ({"client_id": ""}, "*", "of a provider"),
        ({"cookie_secret": "short"}, "*", "32 random characters"),
        ({}, "", "BIR_USERS must say who may log in"),
        ({}, " , ", "BIR_USERS must say who may log in"),
    ],
)
def test_what_a_wrong_configuration_is_told(
    changes: dict[str, str], users: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_util, "is_authlib_installed", lambda: True)
    with pytest.raises(InputError, match=reason) as caught:
        access._at_providers({**GOOD, **changes}, users)
    assert SECRET not in str(caught.value)


def test_without_authlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_util, "is_authlib_installed", lambda: False)
    with pytest.raises(InputError, match=r"pip install -r requirements-login\.txt"):
        access._at_providers(GOOD, "*")
    assert (ROOT / "requirements-login.txt").is_file()


# ---------------------------------------------------------------- a real login at a provider of our own


class Provider(BaseHTTPRequestHandler):
    """The least that OpenID Connect asks of a provider; everybody who comes is Ann."""

    nonce = ""
    key: object = None

    def do_GET(self) -> None:
        base = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        url = urlsplit(self.path)
        if url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            Provider.nonce = asked["nonce"]
            self.send_response(302)
            self.send_header("location", f"{asked['redirect_uri']}?{urlencode({'code': 'c', 'state': asked['state']})}")
            self.end_headers()
        elif url.path == "/keys":
            self._say({"keys": [Provider.key.as_dict(private=False)]})  # type: ignore[attr-defined]
        else:
            self._say(
                {
                    "issuer": base,
                    "authorization_endpoint": f"{base}/authorize",
                    "token_endpoint": f"{base}/token",
                    "jwks_uri": f"{base}/keys",
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        now = int(time.time())
        claims = {
            "iss": f"http://127.0.0.1:{self.server.server_port}",  # type: ignore[attr-defined]
            "aud": "bir",
            "iat": now,
            "exp": now + 60,
            "nonce": Provider.nonce,
            **ANN,
        }
        key = Provider.key
        token = importlib.import_module("joserfc.jwt").encode({"alg": "RS256", "kid": key.kid}, claims, key)  # type: ignore[attr-defined]
        self._say({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _say(self, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what matters."""


@pytest.fixture
def provider() -> Iterator[str]:
    """Its address."""
    Provider.key = importlib.import_module("joserfc.jwk").RSAKey.generate_key(2048, {"kid": "one"})
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def serve_with(provider: str, folder: Path, users: str) -> Iterator[Server]:
    port = free_port()
    (folder / "secrets.toml").write_text(
        "[auth]\n"
        f'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        f'cookie_secret = "{SECRET}"\nclient_id = "bir"\nclient_secret = "s"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    line = [*command(port), "--secrets.files", str(folder / "secrets.toml")]
    with started(line, port, folder / "log", BIR_RUNS=str(folder / "runs"), BIR_USERS=users) as server:
        yield server


class Browser:
    """Keeps cookies and goes where it is sent, as a browser does; no more."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    def ask(self, url: str, method: str = "GET", body: bytes | None = None) -> http.client.HTTPResponse:
        address = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", address.port or self.server.port, timeout=20)
        headers = {
            "accept": "text/html",
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if method == "POST":
            headers["origin"] = self.server.url
        connection.request(method, f"{address.path or '/'}?{address.query}", body=body, headers=headers)
        answer = connection.getresponse()
        answer.body = answer.read().decode()  # type: ignore[attr-defined]
        for said in answer.headers.get_all("set-cookie") or []:
            name, _, value = said.partition(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return answer

    def follow(self, answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
        while answer.status in (302, 303):
            answer = self.ask(answer.headers["location"])
        return answer


@pytest.mark.parametrize("users", ["@example.org", "ben@example.org"])
def test_a_login_at_a_provider(provider: str, tmp_path: Path, users: str) -> None:
    for server in serve_with(provider, tmp_path, users):
        browser = Browser(server)
        shown = browser.follow(browser.ask("/suspects"))
        assert 'name="provider" value="default"' in shown.body  # type: ignore[attr-defined]
        assert browser.ask("/api/jobs").status == 401
        inside = browser.follow(browser.ask("/login", "POST", urlencode({"provider": "default"}).encode()))
        if users == "ben@example.org":
            assert inside.status == 403
            assert "not among this dashboard" in inside.body  # type: ignore[attr-defined]
            assert browser.ask("/api/jobs").status == 401
            continue
        assert inside.status == 200
        assert "streamlit" in inside.body.lower()  # type: ignore[attr-defined]
        assert browser.ask("/api/jobs").status == 403, "known at the door; the page's own token is asked for next"
        forged = base64.urlsafe_b64encode(json.dumps({**ANN, "is_logged_in": True}).encode()).decode()
        for cookie in ("", forged, f"{forged}.x.y", _signed("another secret" * 3, server)):
            other = Browser(server)
            other.cookies["_streamlit_user"] = cookie
            assert other.ask("/api/jobs").status == 401
        browser.follow(browser.ask("/logout", "POST"))
        assert browser.ask("/api/jobs").status == 401


def test_a_cookie_of_another_server_with_the_same_secret_is_not_taken(provider: str, tmp_path: Path) -> None:
    for server in serve_with(provider, tmp_path, "*"):
        browser = Browser(server)
        browser.cookies["_streamlit_user"] = _signed(SECRET, server, origin="https://other.example")
        assert browser.ask("/api/jobs").status == 401
        browser.cookies["_streamlit_user"] = _signed(SECRET, server)
        assert browser.ask("/api/jobs").status == 403, "which shows that the cookie would be right otherwise"


def _signed(secret: str, server: Server, origin: str = "") -> str:
    said = {**ANN, "origin": origin or server.url, "is_logged_in": True, "provider": "default"}
    return starlette_app_utils.create_signed_value(secret, "_streamlit_user", json.dumps(said)).decode()
