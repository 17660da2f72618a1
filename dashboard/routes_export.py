"""The files of exports, streamed; a browser's download cannot send our header, so its address carries a ticket."""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from bir_core.errors import InputError, RunDamaged
from dashboard import downloads, runs, security

AS_IT_IS = {"cache-control": "no-store", "content-encoding": "identity", "x-content-type-options": "nosniff"}
"""Compressing on the way would keep the server busy and hide the size from the browser's progress bar."""


async def download(request: Request) -> Response:
    """An export's file as an attachment."""
    name, wanted = request.path_params["run"], request.path_params["file"]
    refusal = security.ticket_refusal(request.headers, request.query_params.get("ticket", ""), name, wanted)
    if refusal:
        return _error(403, refusal)
    if request.method not in ("GET", "HEAD"):
        return _error(405, "Only GET is possible here.")
    try:
        file = await run_in_threadpool(_file, name, wanted)
    except RunDamaged as fault:
        return _error(409, str(fault))
    except InputError as fault:
        return _error(404, str(fault))
    if file is None:
        return _error(404, "This export has not been made yet: make it on the Export page.")
    return FileResponse(file, filename=f"{name}-{file.name}", headers=AS_IT_IS)


def _file(run: str, wanted: str) -> Path | None:
    return downloads.path(runs.open_run(run), wanted)


def _error(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status, headers={"cache-control": "no-store"})


ROUTES = [
    Route(
        "/api/runs/{run}/exports/{file}",
        download,
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    )
]
