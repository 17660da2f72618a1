"""Headers that limit what a page of ours may load and who may frame it; which requests our routes answer."""

import base64
import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path
from typing import Any

import streamlit
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def inline_script_hashes(page: str) -> list[str]:
    """What a policy calls the inline scripts of a page: their SHA-256, so that no other inline script may run."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]


def _page_of_streamlit() -> str:
    return (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Plotly's WebGL compiles its drawing commands from text; nothing of ours evaluates any.
        " ".join(["script-src 'self' blob: 'unsafe-eval'", *inline_script_hashes(_page_of_streamlit())]),
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "object-src 'none'",
    )
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


TOKEN = secrets.token_urlsafe(24)
"""Handed to our own page, which sends it back with every request; another server process has another one."""
TOKEN_HEADER = "x-bir-token"  # noqa: S105 - the name of a header


TICKET_SECONDS = 12 * 3600


def ticket(*what: str) -> str:
    """A word that lets a browser fetch one thing by its address for half a day, and nothing else."""
    until = str(int(time.time()) + TICKET_SECONDS)
    return f"{until}.{_sign(until, *what)}"


def ticket_refusal(headers: Headers, given: str, *what: str) -> str | None:
    """Why a download is not answered, or None when it is."""
    elsewhere = foreign(headers)
    if elsewhere:
        return elsewhere
    until, _, signature = given.partition(".")
    if not secrets.compare_digest(signature.encode(), _sign(until, *what).encode()):
        return "The address of this download is of an earlier server: load the page again."
    if int(until) < time.time():
        return "The address of this download is too old: load the page again."
    return None


def _sign(*parts: str) -> str:
    return hmac.new(TOKEN.encode(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def refusal(headers: Headers) -> str | None:
    """Why a request to our routes is not from our own page, or None when it is."""
    elsewhere = foreign(headers)
    if elsewhere:
        return elsewhere
    if not secrets.compare_digest(headers.get(TOKEN_HEADER, "").encode(), TOKEN.encode()):
        return "The token is missing or of an earlier server: load the page again."
    return None


def foreign(headers: Headers) -> str | None:
    """Why a request does not come from a page of this server, or None when it may."""
    host = headers.get("host", "")
    allowed = streamlit.get_option("server.allowedHosts") or ["localhost", "127.0.0.1"]
    if re.sub(r":\d+$", "", host) not in allowed:
        return (
            f"This address is not one of the server's own: open the dashboard under {' or '.join(allowed)}, or start "
            "it with --server.allowedHosts and the name that you use."
        )
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (origin is not None and origin.partition("://")[2] != host):
        return "Only a page of this dashboard may ask this."
    return None


class SecurityHeaders:
    """Middleware that adds ``HEADERS`` to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; websockets carry no headers of ours."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*_others(message), *_ours()]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _others(message: Message) -> list[Any]:
    return [(name, value) for name, value in message.get("headers", []) if name.decode().lower() not in HEADERS]


def _ours() -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in HEADERS.items()]
