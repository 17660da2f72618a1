"""Middleware in front of everything: pages, files, websocket and routes are for people who may use the server only.

Where people must log in, all that others get is the login page and the health check. Where nobody must, only this
computer is answered, whatever the server was told to listen on.
"""

import time
from collections.abc import Callable
from urllib.parse import quote, urlencode

import anyio
import anyio.to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import auth_util

from dashboard import access, login_page, security
from dashboard.access import Access
from dashboard.attempts import Attempts
from dashboard.logins import Logins

COOKIE = "bir_session"
HEALTH = ("/api/health", "/_stcore/health")
AT_PROVIDERS = ("/auth/login", "/auth/logout", "/oauth2callback")
"""Streamlit's own routes between the login page and the provider."""

LARGEST_FORM = 16 * 1024
NEVER_KEPT = {"cache-control": "no-store"}

LOG_IN = "You are not logged in, or no longer: open the dashboard's first page and log in."
ONLY_HERE = (
    "This dashboard has no login, so it answers only the computer that it runs on. Whoever runs it can set a password: "
    "README, Safety."
)

_GUESSES = anyio.CapacityLimiter(1)
"""Each takes 32 MB and a whole core."""


class Doorkeeper:
    """Lets through whoever may use the server.

    Args:
        app: what lies behind.
        settings: how people log in.
        clock: seconds since some moment.
    """

    def __init__(self, app: ASGIApp, settings: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._settings = settings
        self._logins = Logins(clock)
        self._attempts = Attempts(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer at the door."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        caller = HTTPConnection(scope)
        if scope["type"] == "websocket":
            await self._websocket(caller, receive, send)
            return
        answer = await self._at_the_door(Request(scope, receive))
        await (answer or self._app)(scope, receive, send)

    def _is_known(self, caller: HTTPConnection) -> bool:
        """Whether the one who asks may use the server now."""
        if not self._settings.is_guarded:
            return access.is_local(_address(caller))
        if self._settings.providers:
            return self._settings.admits(access.identity(caller.cookies))
        return self._logins.holds(caller.cookies.get(COOKIE, ""))

    async def _websocket(self, caller: HTTPConnection, receive: Receive, send: Send) -> None:
        if not self._is_known(caller):
            await send({"type": "websocket.close", "code": 4401, "reason": "not logged in"})
            return
        await self._app(caller.scope, _while_known(lambda: self._is_known(caller), receive, send), send)

    async def _at_the_door(self, request: Request) -> Response | None:
        """The answer to who may not go on, and to what the door itself does; None lets the request pass."""
        path = request.url.path
        if path in HEALTH:
            return None
        if not self._settings.is_guarded:
            return None if self._is_known(request) else _refusal(403, ONLY_HERE)
        if path == "/login":
            return await self._login(request)
        if path == "/logout":
            return self._logout(request)
        if self._is_known(request) or (self._settings.providers and path in AT_PROVIDERS):
            return None
        return self._send_to_login(request)

    def _send_to_login(self, request: Request) -> Response:
        """A page leads to the login page, anything else is refused in one sentence."""
        if not _is_page(request):
            return _refusal(401, LOG_IN)
        if request.headers.get("sec-fetch-site") == "cross-site":
            # A link on another site comes without the strict cookie, though its reader may be logged in.
            return HTMLResponse(login_page.ONCE_MORE, headers=NEVER_KEPT)
        if self._settings.providers and access.identity(request.cookies):
            return self._page("You are logged in, but not among this dashboard's users: ask who runs it.", status=403)
        query = f"?{request.url.query}" if request.url.query else ""
        then = login_page.own_path(quote(request.url.path) + query)
        return RedirectResponse(f"/login?{urlencode({'next': then})}", status_code=303, headers=NEVER_KEPT)

    # ------------------------------------------------------------ log in

    async def _login(self, request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            then = login_page.own_path(request.query_params.get("next", "/"))
            return RedirectResponse(then, status_code=303) if self._is_known(request) else self._page(then=then)
        if request.method != "POST":
            return _refusal(405, "Only GET, HEAD, POST is possible here.")
        foreign = security.foreign(request.headers)
        if foreign:
            return _refusal(403, foreign)
        body = await _read(request)
        if body is None:
            return _refusal(413, f"A login form may have {LARGEST_FORM // 1024} kB.")
        form = login_page.sent(body)
        then = login_page.own_path(form.get("next", "/"))
        if self._settings.providers:
            return self._go_to_provider(form.get("provider", ""))
        return await self._guess(request, form.get("password", ""), then)

    async def _guess(self, request: Request, attempt: str, then: str) -> Response:
        address, stored = _address(request), self._settings.stored
        wait = self._attempts.begin(address)
        if wait > 0 or stored is None:
            fault = f"Too many wrong passwords: wait {_seconds(wait)}, then try again."
            answer = self._page(fault, then=then, status=429)
            answer.headers["retry-after"] = str(int(wait) + 1)
            return answer
        if not await anyio.to_thread.run_sync(stored.fits, attempt, limiter=_GUESSES):
            return self._page("That is not the password.", then=then, status=401)
        self._attempts.succeeded(address)
        self._logins.close(request.cookies.get(COOKIE, ""))
        inside = RedirectResponse(then, status_code=303, headers=NEVER_KEPT)
        inside.set_cookie(
            COOKIE, self._logins.open(), httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return inside

    def _go_to_provider(self, provider: str) -> Response:
        if provider not in self._settings.providers:
            return self._page("There is no such provider here: choose one of these.", status=400)
        token = auth_util.encode_provider_token(provider)
        return RedirectResponse(f"/auth/login?{urlencode({'provider': token})}", status_code=303, headers=NEVER_KEPT)

    def _page(self, fault: str = "", *, then: str = "/", status: int = 200) -> Response:
        drawn = login_page.draw(self._settings.providers, then=then, fault=fault)
        return HTMLResponse(drawn, status_code=status, headers=NEVER_KEPT)

    # ------------------------------------------------------------ log out

    def _logout(self, request: Request) -> Response:
        if request.method != "POST":
            return _refusal(405, "Only POST is possible here: use the button Log out.")
        foreign = security.foreign(request.headers)
        if foreign:
            return _refusal(403, foreign)
        self._logins.close(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/auth/logout" if self._settings.providers else "/login", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


def _while_known(is_known: Callable[[], bool], receive: Receive, send: Send) -> Receive:
    """Messages of a websocket for as long as its owner is logged in; afterwards it is closed."""

    async def receive_if_known() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and not is_known():
            await send({"type": "websocket.close", "code": 4401, "reason": "logged out"})
            return {"type": "websocket.disconnect", "code": 4401}
        return message

    return receive_if_known


def _address(caller: HTTPConnection) -> str:
    return caller.client.host if caller.client else ""


def _is_page(request: Request) -> bool:
    """Whether a person opens a page in the address bar or by a link; our routes answer programs."""
    is_document = request.headers.get("sec-fetch-dest", "document") == "document" and request.method == "GET"
    return is_document and "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


async def _read(request: Request) -> bytes | None:
    """The body, None when it is too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FORM:
            return None
    return body


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status, headers=NEVER_KEPT)


def _seconds(wait: float) -> str:
    whole = int(wait) + 1
    return f"{whole} seconds" if whole > 1 else "a second"
