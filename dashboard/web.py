"""What a request of our own page says, and how it is answered: checks first, then work in a thread of its own.

Only our own page is answered (``security.refusal``). Blocking work runs in threads beside the event loop, so what is
slow never holds up Streamlit; readers share two of them (``READERS``).
"""

import functools
import math
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
import numpy as np
import pydantic
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bir_core.errors import DatabaseDown, InputError, RunDamaged
from bir_core.run_folder import Run
from dashboard import batches, picks, runs, security, standings
from dashboard.frames import Positions, ScoreIndex
from dashboard.standings import STATES, Passing, State

MOST_IN_SPRITE = 60
LARGEST_BODY = 64 * 1024
SORTS = ("score", "lowest", "given", "believed")
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
IMMUTABLE = {"cache-control": "private, max-age=31536000, immutable"}
NEVER_KEPT = {"cache-control": "no-store"}

READERS = anyio.CapacityLimiter(2)
"""Python computes one answer at a time: more threads would only take turns, and make all wait twice as long. What
writes may have to wait for the database, so it waits elsewhere."""

Work = Callable[[Request, bytes], Response]
Model = TypeVar("Model", bound=pydantic.BaseModel)


class Refused(Exception):
    """A request that is answered with a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return float(value) if math.isfinite(value) else None


# ---------------------------------------------------------------- what a request says


def run_of(request: Request) -> Run:
    """The run that the path names."""
    name = request.path_params["run"]
    if name not in runs.names():
        raise Refused(404, f"There is no run named {name[:80]!r} here.")
    return runs.open_run(name)


def parse(model: type[Model], body: bytes) -> Model:
    """The body as ``model``, or a refusal that names the first thing wrong with it."""
    try:
        return model.model_validate_json(body)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(400, f"{place}: {first['msg']}.") from None


def number(query: QueryParams, name: str) -> float:
    """A finite number."""
    try:
        value = float(query[name])
    except (KeyError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise Refused(400, f"{name} must be a number, got {query.get(name, 'nothing')[:40]!r}.")
    return value


def whole(query: QueryParams, name: str, default: int | None = None) -> int:
    """A whole number from 0, which must be there unless it has a default."""
    text = query.get(name, "nothing" if default is None else str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refused(400, f"{name} must be a whole number from 0, got {text[:40]!r}.")
    return int(text)


def index_of(text: str, size: int, what: str, *, status: int) -> int:
    """A position below ``size``; ``status`` answers one that is too large."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1
    if value < 0:
        raise Refused(400, f"A {what} is a whole number from 0, got {text[:40]!r}.")
    if value >= size:
        raise Refused(status, f"There is no {what} {value}: they go from 0 to {size - 1}.")
    return value


def classes(query: QueryParams, name: str, num_classes: int) -> list[int]:
    """Labels, separated by commas; an empty list lets all pass."""
    text = query.get(name, "")
    return [index_of(part, num_classes, "class", status=400) for part in text.split(",")] if text else []


def samples(query: QueryParams, num_samples: int) -> list[int]:
    """Positions for one sprite."""
    parts = query.get("samples", "").split(",")
    if len(parts) > MOST_IN_SPRITE:
        raise Refused(400, f"A sprite has at most {MOST_IN_SPRITE} samples, got {len(parts)}.")
    return [index_of(part, num_samples, "sample", status=404) for part in parts]


def states(query: QueryParams) -> tuple[State, ...]:
    """What people may say of a sample that passes, separated by commas; none lets all pass."""
    text = query.get("verdict", "")
    asked = text.split(",") if text else []
    if not set(asked) <= set(STATES):
        raise Refused(400, f"verdict must be of {', '.join(STATES)}, separated by commas, got {text[:60]!r}.")
    return tuple(state for state in STATES if state in asked)


def ranking(query: QueryParams, run: Run, index: ScoreIndex) -> Positions:
    """Positions of the samples that a query means, in its order: a random batch, picked ones, or a filtered ranking."""
    if "batch" in query:
        batch = batches.parse(query["batch"])
        if batch is None:
            raise Refused(400, f"batch must be LOW_HIGH_NUMBER_SEED, got {query['batch'][:60]!r}.")
        return batch.drawn(index.scores)
    if "only" in query:
        only = picks.parse(query["only"], len(index))
        if only is None:
            raise Refused(400, f"only must be up to {picks.MOST} samples of this run, got {query['only'][:60]!r}.")
        return np.array(only, dtype=np.int64)
    num_classes = len(index.class_names)
    said = states(query)
    passing = standings.passing(run, said, whole(query, "asof")) if said else standings.ALL
    return _ranked(
        index,
        passing,
        number(query, "t"),
        below=number(query, "below") if "below" in query else math.inf,
        given=tuple(classes(query, "given", num_classes)),
        believed=tuple(classes(query, "believed", num_classes)),
        sort=sort_of(query),
    )


@functools.lru_cache(maxsize=4)
def _ranked(
    index: ScoreIndex,
    passing: Passing,
    threshold: float,
    *,
    below: float,
    given: tuple[int, ...],
    believed: tuple[int, ...],
    sort: str,
) -> Positions:
    """Kept for the pages of one ranking: a filter of a million samples costs more than a page may."""
    return index.ranked(threshold, below=below, given=given, believed=believed, among=passing.mask, sort=sort)


def sort_of(query: QueryParams) -> str:
    """The order of a ranking."""
    wanted = query.get("sort", SORTS[0])
    if wanted not in SORTS:
        raise Refused(400, f"sort must be one of {', '.join(SORTS)}, got {wanted[:40]!r}.")
    return wanted


# ---------------------------------------------------------------- the answer


async def _read(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            raise Refused(413, f"A request may have {LARGEST_BODY // 1024} kB: send less at once.")
    return body


def _answer(work: Work, request: Request, body: bytes) -> Response:
    try:
        return work(request, body)
    except Refused as refused:
        return error(refused.status, str(refused))
    except DatabaseDown as fault:
        return error(503, str(fault))
    except RunDamaged as fault:
        return error(409, str(fault))
    except InputError as fault:
        return error(400, str(fault))
    except OSError as fault:
        return error(503, f"The server cannot read or write now: {fault.strerror or fault}.")


def error(status: int, sentence: str) -> Response:
    """A refusal as JSON."""
    return JSONResponse({"error": sentence}, status_code=status, headers=NEVER_KEPT)


def route(path: str, **works: Work) -> Route:
    """A route below a run, with what answers each method."""
    return at(f"runs/{{run}}/{path}", **works)


def at(path: str, **works: Work) -> Route:
    """A route of ours, with what answers each method."""

    async def endpoint(request: Request) -> Response:
        refusal = security.refusal(request.headers)
        if refusal:
            return error(403, refusal)
        work = works.get(request.method)
        if work is None:
            return error(405, f"Only {', '.join(works)} is possible here.")
        try:
            body = await _read(request)
        except Refused as refused:
            return error(refused.status, str(refused))
        limiter = READERS if request.method == "GET" else None
        return await anyio.to_thread.run_sync(_answer, work, request, body, limiter=limiter)

    return Route(f"/api/{path}", endpoint, methods=ALL_METHODS)
