"""Class names as a page can show them, whatever the data call their classes. No Streamlit."""

import unicodedata
from collections.abc import Sequence

LONGEST = 60
JOINERS = "\u200c\u200d"
"""They have no width of their own, but emoji and Persian words fall apart without them."""


def shown(names: Sequence[str]) -> tuple[str, ...]:
    """Each name on one line of at most ``LONGEST`` characters, and no two alike.

    What cannot be seen is left out; it could turn the text around it ("\\u202e"). A name that ends up empty or like an
    earlier one gets its label behind it.
    """
    found: list[str] = []
    for label, name in enumerate(names):
        plain = _short(" ".join("".join(map(_visible, name)).split()), LONGEST)
        short, behind = plain, ""
        while not short or short in found:
            behind += f" ({label})"
            short = (_short(plain, LONGEST - len(behind)) + behind).strip()
        found.append(short)
    return tuple(found)


def _visible(character: str) -> str:
    if character in JOINERS:
        return character
    category = unicodedata.category(character)
    return " " if character.isspace() else "" if category.startswith("C") else character


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…"
