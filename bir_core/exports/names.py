"""Class names and other people's text, as one line of a page can show them."""

import html
import unicodedata

JOINERS = "\u200c\u200d"
"""They have no width of their own, but emoji and Persian words fall apart without them."""


def shown(text: str, longest: int) -> str:
    """``text`` on one line that is at most ``longest`` letters wide; what cannot be seen is left out.

    What is left out could otherwise turn the text around it, as U+202E does. Wide characters count twice.
    """
    plain = " ".join("".join(map(_visible, text)).split())
    width = 0
    for place, character in enumerate(plain):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > longest:
            return f"{plain[: max(place - 1, 0)].rstrip()}…"
    return plain


def in_html(text: str, longest: int = 60) -> str:
    """The same, escaped, and apart from the direction of the text around it."""
    return f"<bdi>{html.escape(shown(text, longest))}</bdi>"


def _visible(character: str) -> str:
    if character in JOINERS:
        return character
    return " " if character.isspace() else "" if unicodedata.category(character).startswith("C") else character
