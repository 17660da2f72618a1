"""The entry of the dashboard: ``streamlit run dashboard/app.py``."""

import gc
import importlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from dashboard import access, routes, routes_export, routes_health, routes_jobs, routes_sample, routes_sets
from dashboard.doorkeeper import Doorkeeper
from dashboard.security import SecurityHeaders


def send_small_answers_at_once() -> None:
    """Set TCP_NODELAY on the listening sockets; accepted ones inherit it.

    Streamlit binds its listener with protocol 0, for which asyncio leaves Nagle's algorithm on, and then every small
    answer waits about 40 ms for a delayed acknowledgement. The socket is not handed to us, so we look for it.
    """
    for candidate in gc.get_objects():
        if isinstance(candidate, socket.socket) and _is_tcp(candidate):
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _is_tcp(candidate: socket.socket) -> bool:
    is_open = candidate.fileno() >= 0
    return is_open and candidate.family in (socket.AF_INET, socket.AF_INET6) and candidate.type == socket.SOCK_STREAM


WARM = ("dashboard.runs", "plotly.graph_objects", "plotly.io")
"""What the first page would otherwise import while its reader waits."""


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Prepare the server before its first answer."""
    for name in WARM:
        importlib.import_module(name)
    send_small_answers_at_once()
    gc.collect()
    gc.freeze()
    yield


app = st.App(
    "main.py",
    routes=[
        *routes.ROUTES,
        *routes_export.ROUTES,
        *routes_health.ROUTES,
        *routes_jobs.ROUTES,
        *routes_sample.ROUTES,
        *routes_sets.ROUTES,
    ],
    lifespan=lifespan,
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(Doorkeeper, settings=access.demand()),
        Middleware(GZipMiddleware, minimum_size=1024, compresslevel=3),
    ],
)
