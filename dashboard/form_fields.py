"""The fields of a form, read from a pydantic model: the kind of value each takes and its bounds. No Streamlit."""

import math
import types
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Kind = Literal["choice", "toggle", "whole", "number", "text", "words", "numbers", "word_or_number", "none"]
"""Of a field that only a config file can set: none."""

TITLES = {"top_k": "Top K", "stored_mb": "Stored MB", "memory_mb": "Memory MB", "gaussian_sigma": "Gaussian sigma"}
SIMPLE: dict[Any, Kind] = {bool: "toggle", int: "whole", float: "number", str: "text"}


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field.

    Attributes:
        name: as the config calls it.
        title: as a page does.
        default: None also where a value must be given.
        options: of a choice; of ``word_or_number`` its words.
        low: smallest value, for whole numbers exactly, else perhaps excluded.
        high: largest value, likewise.
        is_optional: may be left empty, which is None.
    """

    name: str
    title: str
    kind: Kind
    default: Any
    help: str
    options: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    is_optional: bool = False


def of(section: type[BaseModel], *, without: Collection[str] = (), usual: BaseModel | None = None) -> list[FormField]:
    """The fields of a section in their order; sections in it are no fields.

    Args:
        section: the model.
        without: names of fields that are left out.
        usual: one whose values are the defaults, instead of the model's own.
    """
    return [
        _field(name, info, usual)
        for name, info in section.model_fields.items()
        if name not in without and not _is_section(info.annotation)
    ]


def sections_of(section: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The sections in a section, by name."""
    return {
        name: info.annotation
        for name, info in section.model_fields.items()
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
    }


def title(name: str) -> str:
    """What a page calls a field or a choice."""
    return TITLES.get(name) or name.replace("_", " ").capitalize()


def step(default: Any) -> float:
    """How far a click moves a number: a tenth of its size, as a power of ten."""
    if not isinstance(default, int | float) or not default:
        return 0.01
    return float(10.0 ** (math.floor(math.log10(abs(default))) - 1))


def as_text(value: Any) -> str:
    """A value as it stands in a text box; ``read`` takes it back."""
    if value is None:
        return ""
    return ", ".join(str(item) for item in value) if isinstance(value, tuple) else str(value)


def read(field: FormField, text: str) -> Any:
    """What a text box says; what cannot be read stays text, so that the engine says what is wrong with it."""
    text = text.strip()
    if not text and field.is_optional:
        return None
    try:
        if field.kind == "numbers":
            return tuple(_number(part) for part in text.split(",") if part.strip())
        if field.kind == "word_or_number" and text not in field.options:
            return float(text)
    except ValueError:
        return text
    return text


def _number(text: str) -> int | float:
    return int(text) if text.strip().lstrip("+-").isdigit() else float(text)


def _field(name: str, info: FieldInfo, usual: BaseModel | None) -> FormField:
    alternatives, metadata = _alternatives(info.annotation, info.metadata)
    kinds = [one for one in alternatives if one is not type(None)]
    kind, options = _kind(kinds)
    low, high = _bounds(metadata, is_whole=kind == "whole")
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return FormField(
        name=name,
        title=title(name),
        kind=kind,
        default=default if usual is None else getattr(usual, name),
        help=info.description or "",
        options=options,
        low=low,
        high=high,
        is_optional=type(None) in alternatives,
    )


def _alternatives(annotation: Any, metadata: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The plain types that a value may have, literals among them, and every bound on the way to them."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        flat = [bound for mark in marks for bound in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
        return _alternatives(inner, [*metadata, *flat])
    if get_origin(annotation) in (Union, types.UnionType):
        found = [_alternatives(one, []) for one in get_args(annotation)]
        return [kind for kinds, _ in found for kind in kinds], [*metadata, *(b for _, bounds in found for b in bounds)]
    return [annotation], list(metadata)


def _kind(kinds: Sequence[Any]) -> tuple[Kind, tuple[Any, ...]]:
    words = tuple(dict.fromkeys(word for one in kinds if get_origin(one) is Literal for word in get_args(one)))
    others = [one for one in kinds if get_origin(one) is not Literal]
    if words and not others:
        return "choice", words
    if words and all(one in (int, float) for one in others):
        return "word_or_number", words
    if len(others) == 1 and not words:
        return SIMPLE.get(others[0]) or _kind_of_tuple(others[0]), ()
    return "none", ()


def _kind_of_tuple(kind: Any) -> Kind:
    if get_origin(kind) is not tuple:
        return "none"
    items = {one for item in get_args(kind) if item is not Ellipsis for one in _alternatives(item, [])[0]}
    return "words" if items == {str} else "numbers" if items <= {int, float} else "none"


def _bounds(metadata: Sequence[Any], *, is_whole: bool) -> tuple[float | None, float | None]:
    """The bounds that ``annotated_types`` marks; those that exclude themselves are moved where numbers are whole."""
    low = high = None
    for mark in metadata:
        for name, shift in (("ge", 0), ("gt", 1)):
            if (bound := getattr(mark, name, None)) is not None:
                low = bound + shift * is_whole
        for name, shift in (("le", 0), ("lt", 1)):
            if (bound := getattr(mark, name, None)) is not None:
                high = bound - shift * is_whole
    return low, high


def _is_section(annotation: Any) -> bool:
    return any(isinstance(one, type) and issubclass(one, BaseModel) for one in _alternatives(annotation, [])[0])
