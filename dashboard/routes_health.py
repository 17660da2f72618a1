"""What a machine asks to know whether the server works: a container's health check, a load balancer."""

import os

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard import runs


async def health(_request: Request) -> Response:
    """Whether runs can be read and written; nothing else is told, because anybody may ask."""
    if await run_in_threadpool(_can_work):
        return JSONResponse({"state": "ok"}, headers={"cache-control": "no-store"})
    sentence = "The folder of runs cannot be read and written."
    return JSONResponse({"error": sentence}, status_code=503, headers={"cache-control": "no-store"})


def _can_work() -> bool:
    root = runs.root()
    nearest = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    return nearest.is_dir() and os.access(nearest, os.R_OK | os.W_OK | os.X_OK)


ROUTES = [Route("/api/health", health, methods=["GET"])]
