"""What the progress of jobs asks while nobody waits for Streamlit: how far they are, and that one be stopped."""

import functools
import json
import time
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard import progress, runs, web
from dashboard.runs import Job

SHARED_SECONDS = 0.4
"""All pages that ask within so long get the same answer, read once.

Shorter than what a page waits before it asks first (``FIRST_MS``), so no answer is older than the page that gets it.
"""


def active(_request: Request, _body: bytes) -> Response:
    """The jobs that wait or run, newest first; a job that is not among them any more has ended."""
    said = _said(runs.root(), int(time.monotonic() / SHARED_SECONDS))
    return Response(said, media_type="application/json", headers=web.NEVER_KEPT)


@functools.lru_cache(maxsize=1)
def _said(_root: Path, _moment: int) -> bytes:
    return json.dumps(_described(runs.active_jobs())).encode()


def cancel(request: Request, _body: bytes) -> Response:
    """Stop a job; one that has ended is left as it is."""
    name = request.path_params["job"]
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= 9 else 0
    try:
        return JSONResponse(_described([runs.cancel(number)]), headers=web.NEVER_KEPT)
    except runs.JobNotFound:
        raise web.Refused(404, f"There is no job {name[:40]} here.") from None


def _described(jobs: list[Job]) -> dict[str, Any]:
    return {"jobs": [progress.described(job, runs.STAGE_TITLES) for job in jobs]}


ROUTES = [
    web.at("jobs", GET=active),
    web.at("jobs/{job}/cancel", POST=cancel),
]
