"""What is known of the result of one stage: the file ``stage.json`` beside it."""

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
"""Raised when a run or a result of an earlier version must not be read any more."""


@dataclass(frozen=True, kw_only=True)
class MadeOf:
    """What a result is made of.

    Attributes:
        fingerprint: digest of config, seed, device and the results of other stages.
        outside: what is read outside of the run, each with a digest; see ``outside``.
    """

    fingerprint: str
    outside: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """What ``stage.json`` says of a whole result; ``outside`` is empty in those of before it was noted."""

    stage: str
    fingerprint: str
    digest: str
    files: dict[str, dict[str, Any]]
    seconds: float
    peak_memory_mb: float
    device: str
    finished: str
    outside: dict[str, str] = field(default_factory=dict)


class OtherVersion(Exception):
    """A description that another version of this program has written."""


@functools.lru_cache(maxsize=256)
def parse(path: Path, version: int, *_unchanged: int) -> StageResult:
    """Read a ``stage.json``, once as long as it is unchanged: a server asks this many times per request.

    ``version`` is the form that its stage has now; ``_unchanged`` tells one file at the path from the next.

    Raises:
        OtherVersion: it was written by another version of this program.
        OSError, ValueError, TypeError, KeyError, AttributeError: it cannot be read, or is no such description.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    if (values.pop("format"), values.pop("version", 1)) != (FORMAT, version):
        raise OtherVersion
    files = {name: {"size": int(fact["size"]), "sha256": str(fact["sha256"])} for name, fact in values["files"].items()}
    return StageResult(**{**values, "files": files})
