"""A section of a config as widgets: one for each field, with the field's own description, bounds and default."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import form_fields, words
from dashboard.form_fields import FormField

MARK = "●"
LEGEND = f"{MARK} differs from the default."


def draw(
    fields: Sequence[FormField],
    *,
    key: str,
    columns: int = 3,
    shown: Mapping[str, Mapping[Any, str]] | None = None,
    suggested: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The fields in rows; what they are set to, by name, without those that only a config file can set.

    Args:
        fields: of one section.
        key: tells this form from others; a field's widget has the key ``KEY_NAME``.
        columns: how many stand in a row.
        shown: words for the values of a choice, by the field's name.
        suggested: what a list of words may be chosen from, by the field's name; others can be typed.
    """
    drawn = [field for field in fields if field.kind != "none"]
    values: dict[str, Any] = {}
    for start in range(0, len(drawn), columns):
        for column, field in zip(st.columns(columns), drawn[start : start + columns], strict=False):
            with column:
                values[field.name] = one(
                    field,
                    key=key,
                    shown=(shown or {}).get(field.name, {}),
                    suggested=(suggested or {}).get(field.name, ()),
                )
    left = [field.title for field in fields if field.kind == "none"]
    if left:
        st.caption(f"Only in a config file: {', '.join(left)}.")
    return values


def one(field: FormField, *, key: str, shown: Mapping[Any, str], suggested: Sequence[str] = ()) -> Any:
    """One field; what it is set to, or the text that cannot be read as such a value."""
    key = f"{key}_{field.name}"
    common = {
        "label": f"{field.title} {MARK}" if _is_changed(field, key) else field.title,
        "key": key,
        "help": words.plain(field.help) or None,
        "persist_state": "session",
    }
    if field.kind == "choice":
        return _choice(field, common, shown)
    if field.kind == "words":
        return _words(field, common, shown, suggested)
    return WIDGETS[field.kind](field, common)


def reset(keys: Sequence[str]) -> None:
    """Callback: every widget whose key starts so shows its default again."""
    for key in list(st.session_state):
        if str(key).startswith(tuple(keys)):
            del st.session_state[key]


def _is_changed(field: FormField, key: str) -> bool:
    if key not in st.session_state:
        return False
    value = st.session_state[key]
    if field.kind in ("text", "numbers", "word_or_number"):
        value = form_fields.read(field, value or "")
    elif field.kind == "words":
        value = tuple(value) or None
    return bool(value != field.default)


def _choice(field: FormField, common: dict[str, Any], shown: Mapping[Any, str]) -> Any:
    options = list(field.options)
    return st.selectbox(
        options=options,
        index=options.index(field.default) if field.default in options else None,
        format_func=lambda value: shown.get(value) or form_fields.title(str(value)),
        placeholder="empty" if field.is_optional else "choose",
        **common,
    )


def _toggle(field: FormField, common: dict[str, Any]) -> bool:
    return bool(st.toggle(value=bool(field.default), **common))


def _whole(field: FormField, common: dict[str, Any]) -> int | None:
    value = st.number_input(
        min_value=None if field.low is None else int(field.low),
        max_value=None if field.high is None else int(field.high),
        value=field.default,
        step=1,
        placeholder="empty",
        **common,
    )
    return None if value is None else int(value)


def _number(field: FormField, common: dict[str, Any]) -> float | None:
    value = st.number_input(
        min_value=None if field.low is None else float(field.low),
        max_value=None if field.high is None else float(field.high),
        value=None if field.default is None else float(field.default),
        step=form_fields.step(field.default),
        format="%.6g",
        placeholder="empty",
        **common,
    )
    return None if value is None else float(value)


def _text(field: FormField, common: dict[str, Any]) -> Any:
    return form_fields.read(field, st.text_input(value=form_fields.as_text(field.default), **common) or "")


def _words(
    field: FormField, common: dict[str, Any], shown: Mapping[Any, str], suggested: Sequence[str]
) -> tuple[str, ...] | None:
    chosen = st.multiselect(
        options=list(suggested),
        default=list(field.default or ()),
        format_func=lambda word: shown.get(word, word),
        accept_new_options=not suggested,
        placeholder="unknown" if field.is_optional else "choose",
        **common,
    )
    return tuple(map(str, chosen)) or (None if field.is_optional else ())


WIDGETS: dict[str, Callable[[FormField, dict[str, Any]], Any]] = {
    "toggle": _toggle,
    "whole": _whole,
    "number": _number,
    "text": _text,
    "numbers": _text,
    "word_or_number": _text,
}
