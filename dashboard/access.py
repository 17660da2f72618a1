"""Who may use the server: everybody on this computer, or whoever logs in by a password or at a provider of identities.

Everything else of the dashboard asks ``current``, which reads the settings once.
"""

import functools
import ipaddress
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit
from streamlit import auth_util
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from bir_core import password
from bir_core.errors import InputError

USERS = "BIR_USERS"
SHORTEST_SECRET = 32
SUBJECT = "sub:"
NEEDED = ("redirect_uri", "cookie_secret")
HOW_TO = (
    f"Set {password.VARIABLE} ({password.HOW_TO_MAKE}), or configure a login at your provider in "
    ".streamlit/secrets.toml (README, Safety), or keep to this computer with --server.address 127.0.0.1."
)


@dataclass(frozen=True, kw_only=True)
class Access:
    """How people log in.

    Attributes:
        stored: hash of the password, None without one.
        providers: names of the OpenID Connect providers in secrets.toml; ``default`` is one without a name.
        users: who may log in at a provider: e-mail addresses, ``@domain``, ``sub:ID``, or ``*`` for all that it knows.
    """

    stored: password.Stored | None = None
    providers: tuple[str, ...] = ()
    users: frozenset[str] = frozenset()

    @property
    def is_guarded(self) -> bool:
        """Whether people must log in."""
        return self.stored is not None or bool(self.providers)

    def admits(self, identity: Mapping[str, Any]) -> bool:
        """Whether somebody is among the users; an e-mail address counts only when the provider has verified it."""
        if not identity:
            return False
        known = {"*", f"{SUBJECT}{identity.get('sub')}"}
        email = str(identity.get("email", "")).casefold()
        if identity.get("email_verified") is True and email.count("@") == 1:
            known |= {email, email[email.index("@") :]}
        return bool(known & self.users)


def is_local(address: str | None) -> bool:
    """Whether an address is this computer's own; without any address Streamlit listens on all of them."""
    if address == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


@functools.cache
def current() -> Access:
    """The settings of this process, read once.

    The password's hash is taken out of the environment, so that no child process inherits it.

    Raises:
        InputError: a setting is wrong, or both ways to log in are configured.
    """
    text = os.environ.get(password.VARIABLE, "").strip()
    section: Mapping[str, Any] = auth_util.get_secrets_auth_section()
    if text and section:
        raise InputError(
            f"{password.VARIABLE} is set and .streamlit/secrets.toml has a section [auth]: there is one way to log in, "
            "so take one of them away"
        )
    if section:
        return _at_providers(section, os.environ.get(USERS, ""))
    stored = password.parse(text) if text else None
    os.environ.pop(password.VARIABLE, None)
    return Access(stored=stored)


def demand() -> Access:
    """``current``, or the end of the process with one sentence when the server must not start like this."""
    try:
        check(address(), current())
    except InputError as fault:
        sys.exit(f"Error: {fault}")
    return current()


def check(address: str | None, access: Access) -> None:
    """Look whether the server may listen on an address.

    Raises:
        InputError: it is not this computer's own, and nobody would have to log in.
    """
    if is_local(address) or access.is_guarded:
        return
    where = f"on {address}" if address else "on every address of this computer"
    raise InputError(f"The dashboard would listen {where} and let everybody in. {HOW_TO}")


def address() -> str | None:
    """Where Streamlit was told to listen."""
    found: str | None = streamlit.get_option("server.address")
    return found


def _at_providers(section: Mapping[str, Any], listed: str) -> Access:
    """Raises InputError unless somebody can log in at a provider, and not everybody in the world."""
    missing = [name for name in NEEDED if not section.get(name)]
    providers = tuple(name for name, one in section.items() if isinstance(one, Mapping) and one.get("client_id"))
    if section.get("client_id"):
        providers = ("default", *providers)
    if missing or not providers:
        what = ", ".join(missing) or "client_id, client_secret and server_metadata_url of a provider"
        raise InputError(f"section [auth] of .streamlit/secrets.toml lacks {what}: README, Safety, has an example")
    if len(section["cookie_secret"]) < SHORTEST_SECRET:
        raise InputError(
            f"cookie_secret in .streamlit/secrets.toml must have {SHORTEST_SECRET} random characters or more, because "
            "whoever guesses it is logged in: python -c 'import secrets; print(secrets.token_hex())' makes one"
        )
    if not auth_util.is_authlib_installed():
        raise InputError("a login at a provider needs Authlib: pip install -r requirements-login.txt")
    named = [user.strip() for user in listed.split(",") if user.strip()]
    users = frozenset(user if user.startswith(SUBJECT) else user.casefold() for user in named)
    if not users:
        raise InputError(
            f"{USERS} must say who may log in, because a provider knows more people than you do: e-mail addresses or "
            f"@domains or {SUBJECT}ID, separated by commas, or * for everybody whom the provider lets in"
        )
    return Access(providers=providers, users=users)


def identity(cookies: Mapping[str, str]) -> dict[str, Any]:
    """What a provider said of somebody, as Streamlit has signed it; empty when there is nothing or it is forged."""
    content = starlette_websocket._get_signed_cookie_with_chunks(dict(cookies), USER_COOKIE_NAME)
    said = json.loads(content) if content else {}
    is_ours = said.get("origin") == auth_util.get_origin_from_redirect_uri()
    return said if is_ours and said.get("is_logged_in") is True else {}
