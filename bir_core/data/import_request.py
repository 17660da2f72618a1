"""What somebody wants to import, and how far an import is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from bir_core.errors import InputError
from bir_core.sections import NAME_PATTERN, NAME_RULE, Section

Kind = Literal["auto", "known", "hf", "arrays", "manifest", "folder"]
Phase = Literal["list", "read", "write"]


class ImportRequest(Section):
    """Images to import; originals stay where they are."""

    name: str = Field(pattern=NAME_PATTERN, description="name of the image set")
    path: str = Field(min_length=1, description="folder, manifest, arrays, or a data set in BIR_DATA_DIR by name")
    kind: Kind = Field("auto", description="form of the data; auto: what it looks like")
    reserved: str | None = Field(None, description="folder or manifest of the reserved images, where it is their own")
    test: str | None = Field(None, description="folder or manifest of the test images, where it is their own")
    root: str | None = Field(
        None, description="folder that image paths start from and may not leave; empty: that of the manifest"
    )
    skip_unreadable: bool = Field(False, description="leave out files that are no pictures, and report them")


def parse(values: dict[str, Any]) -> ImportRequest:
    """A request from plain values.

    Raises:
        InputError: naming each wrong field, and what was expected.
    """
    try:
        return ImportRequest.model_validate(values)
    except ValidationError as error:
        raise InputError(f"this cannot be imported: {'; '.join(map(_explain, error.errors()))}") from None


def _explain(problem: ErrorDetails) -> str:
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "string_pattern_mismatch":
        return f"{where}={problem['input']!r} cannot be a name: {NAME_RULE}"
    return f"{where}={problem['input']!r}: {problem['msg']}"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an import is: entries listed (``total`` is 0, nobody knows how many there are), or images read."""

    phase: Phase
    done: int
    total: int = 0


Watch = Callable[[Progress], None]
