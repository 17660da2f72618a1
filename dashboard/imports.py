"""Bringing images in: the door of the Data page to what may be named in the browser, to uploads and to import jobs."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bir_core import durable, jobs, roots, uploads
from bir_core.data import image_set, import_request
from bir_core.data.import_request import ImportRequest
from bir_core.errors import InputError
from bir_core.job_rows import SET
from bir_core.roots import Listing
from bir_core.sections import NAME_PATTERN, NAME_RULE
from dashboard import runs
from dashboard.runs import Job

__all__ = ["ImportRequest", "InputError", "Listing"]

LARGEST_UPLOAD_MB = 500
"""As the server's settings say, too."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the form says, as it stands there; ``reserved`` and ``test`` are empty where the listing says it all."""

    name: str
    path: str
    reserved: str = ""
    test: str = ""
    skip_unreadable: bool = False


def where() -> str:
    """The folders that may be named in the browser, in words."""
    return " or ".join(map(str, roots.allowed()))


def starts() -> list[str]:
    """Those of these folders that are there."""
    return [str(root) for root in roots.allowed() if root.is_dir()]


def look(path: str) -> Listing:
    """What is in a folder, or around a file.

    Raises:
        InputError: it may not be named here, or is not there.
    """
    found = roots.resolve(path)
    return roots.browse(str(found if found.is_dir() else found.parent))


def proposed_name(path: str) -> str:
    """What a set of these images may be called; empty where nothing can be made of the path."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(path).stem).strip("-._")[:60]
    return name if re.fullmatch(NAME_PATTERN, name) else ""


def request(wish: Wish) -> ImportRequest:
    """What the form asks for.

    Raises:
        InputError: the name is impossible, or a path may not be named here or is not there.
    """
    if not re.fullmatch(NAME_PATTERN, wish.name):
        given = f"{wish.name!r} cannot be the name of an image set" if wish.name else "the image set needs a name"
        raise InputError(f"{given}: {NAME_RULE}")
    return ImportRequest(
        name=wish.name,
        path=str(roots.resolve(wish.path)),
        reserved=str(roots.resolve(wish.reserved)) if wish.reserved else None,
        test=str(roots.resolve(wish.test)) if wish.test else None,
        skip_unreadable=wish.skip_unreadable,
    )


def command(asked: ImportRequest) -> str:
    """The same on the command line."""
    words = ["python", "-m", "bir_core", "images", asked.name, "--from", asked.path]
    for option, value in (("--reserved", asked.reserved), ("--test", asked.test), ("--root", asked.root)):
        words += [option, value] if value else []
    words += ["--skip-unreadable"] if asked.skip_unreadable else []
    return shlex.join(words)


def receive(name: str, archive: BinaryIO) -> Path:
    """Unpack an uploaded archive; returns its folder, from which images are imported like from any other.

    An earlier upload of that name stays: there may be runs that show its images.

    Raises:
        InputError: it is no zip of pictures, brings too much, or the name is impossible.
    """
    return uploads.receive_archive(durable.free_name(uploads.root(), name), archive).path


def start(asked: ImportRequest) -> Job:
    """Start the import as a job.

    Raises:
        InputError: it cannot be started.
    """
    return jobs.submit_import(runs.root(), asked)


def latest() -> Job | None:
    """The newest import."""
    return next((job for job in jobs.list_jobs(runs.root()) if job.run.startswith(SET)), None)


def name_of(job: Job) -> str:
    """The image set that an import makes."""
    return job.run.removeprefix(SET)


def again(name: str) -> ImportRequest:
    """What an image set was imported by.

    Raises:
        InputError: there is no such set.
    """
    return import_request.parse(image_set.open_set(name).origin)
