"""The page on which people log in: plain HTML without a script, since nothing else is given out before."""

import html
from collections.abc import Sequence
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

_TEMPLATE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))

_FIELD = (
    '<label for="password">Password</label>\n'
    '<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>\n'
    "<button>Log in</button>\n"
)

ONCE_MORE = '<!DOCTYPE html><html lang="en"><title>BIR Dashboard</title><meta http-equiv="refresh" content="0"></html>'
"""Asks for the same address again, from a page of ours."""


def draw(providers: Sequence[str], *, then: str, fault: str = "") -> str:
    """The page, with a field for the password when there are no providers.

    Args:
        providers: names of the providers of identities.
        then: path and query of the page to show afterwards.
        fault: why somebody is not logged in yet, as one sentence.
    """
    buttons = "".join(_button(name) for name in providers)
    return _TEMPLATE.substitute(
        why="Choose where to log in." if providers else "This dashboard is for people who have its password.",
        fault=f'<p class="fault" role="alert">{html.escape(fault)}</p>\n' if fault else "",
        next=html.escape(then, quote=True),
        ways=buttons or _FIELD,
    )


def _button(provider: str) -> str:
    shown = "Log in" if provider == "default" else f"Log in with {provider}"
    return f'<button name="provider" value="{html.escape(provider, quote=True)}">{html.escape(shown)}</button>\n'


def sent(body: bytes) -> dict[str, str]:
    """The fields of the form; empty when it is no form."""
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def own_path(wanted: str) -> str:
    """``wanted`` when it is a page of this server, else the first page: a link must not lead elsewhere after log-in."""
    is_path = wanted.startswith("/") and not wanted.startswith("//") and wanted.isascii() and wanted.isprintable()
    if not is_path or "\\" in wanted or len(wanted) > 4096 or urlsplit(wanted).path in ("/login", "/logout"):
        return "/"
    return wanted
