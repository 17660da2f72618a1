"""What the gallery asks the server while nobody waits for Streamlit: cards, pictures and verdicts, over plain HTTP.

Only our own page is answered (``security.refusal``). Blocking work runs in Starlette's threads, so a slow disk holds up
nobody else.
"""

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import pydantic
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bir_core import verdicts
from bir_core.errors import DatabaseDown, InputError, RunDamaged
from bir_core.review import Decision, Entry, Verdict
from bir_core.run_folder import Run
from dashboard import pictures, runs, security
from dashboard.runs import Scored, Shelf

MOST_CARDS = 200
MOST_IN_SPRITE = 60
LARGEST_BODY = 64 * 1024
SORTS = ("score", "lowest", "given", "believed")
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
IMMUTABLE = {"cache-control": "private, max-age=31536000, immutable"}
NEVER_KEPT = {"cache-control": "no-store"}

Work = Callable[[Request, bytes], Response]
Model = TypeVar("Model", bound=pydantic.BaseModel)


class Refused(Exception):
    """A request that is answered with a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


# ---------------------------------------------------------------- cards


def cards(request: Request, _body: bytes) -> Response:
    """A stretch of the filtered ranking."""
    query, run = request.query_params, _run(request)
    start, count = _whole(query, "start", 0), _whole(query, "count", MOST_CARDS)
    if not 1 <= count <= MOST_CARDS:
        raise Refused(400, f"count must be 1 to {MOST_CARDS}, got {count}.")
    scored = runs.scored(run)
    num_classes = len(scored.index.class_names)
    chosen = scored.index.ranked(
        _number(query, "t"),
        given=_classes(query, "given", num_classes),
        believed=_classes(query, "believed", num_classes),
        sort=_sort(query),
    )
    shelf, truth = runs.shelf(run), runs.samples(run).truth
    labels = None if truth is None else truth.original_labels
    found = [
        {
            **_card(scored, sample),
            "true": None if labels is None else int(labels[sample]),
            "aligned": shelf.aligned_image(sample) is not None,
        }
        for sample in chosen[start : start + count].tolist()
    ]
    return JSONResponse({"total": len(chosen), "version": shelf.version, "cards": found}, headers=NEVER_KEPT)


def _card(scored: Scored, sample: int) -> dict[str, Any]:
    index, scores = scored.index, scored.scores
    return {
        "sample": sample,
        "rank": int(index.ranks[sample]),
        "given": int(index.labels[sample]),
        "believed": int(index.predictions[sample]),
        "score": _finite(index.scores[sample]),
        "loss_before": _finite(scores.loss_before[sample]),
        "loss_after": _finite(scores.loss_after[sample]),
        "soft": [round(float(share), 4) for share in np.nan_to_num(scores.soft_labels[sample])],
    }


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return float(value) if math.isfinite(value) else None


# ---------------------------------------------------------------- pictures


def _shelf_of(request: Request) -> Shelf:
    shelf = runs.shelf(_run(request))
    if request.path_params["hash"] != shelf.version:
        raise Refused(404, "These pictures were made anew since: load the page again.")
    return shelf


def sprite(request: Request, _body: bytes) -> Response:
    """Pairs original | aligned in one PNG, a pair per row."""
    shelf = _shelf_of(request)
    samples = tuple(_samples(request.query_params, len(shelf.originals)))
    return Response(_encoded(shelf, samples), media_type="image/png", headers=IMMUTABLE)


@functools.lru_cache(maxsize=64)
def _encoded(shelf: Shelf, samples: tuple[int, ...]) -> bytes:
    pairs = [(shelf.originals[sample], shelf.aligned_image(sample)) for sample in samples]
    return pictures.png(pictures.sprite(pairs))


def difference(request: Request, _body: bytes) -> Response:
    """Aligned minus original of one sample, amplified by what the header ``x-bir-amplification`` says."""
    shelf = _shelf_of(request)
    sample = _index(request.path_params["sample"], len(shelf.originals), "sample", status=404)
    moved = shelf.aligned_image(sample)
    if moved is None:
        raise Refused(404, f"Sample {sample} has no aligned image.")
    factor = pictures.amplification(moved - shelf.originals[sample])
    drawn = pictures.png(pictures.difference(shelf.originals[sample], moved, factor))
    return Response(drawn, media_type="image/png", headers={**IMMUTABLE, "x-bir-amplification": str(factor)})


# ---------------------------------------------------------------- verdicts


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class _DecisionSent(_Strict):
    sample: int
    verdict: Verdict | None
    label: int | None = None


class _Move(_Strict):
    key: str
    reviewer: str


class _Step(_Move):
    decisions: list[_DecisionSent]
    settle: bool = False


def list_verdicts(request: Request, _body: bytes) -> Response:
    """The log after an entry, and what now holds for the samples in it."""
    run = _run(request)
    after = _whole(request.query_params, "after", 0)
    found = verdicts.entries(run, after=after)
    return JSONResponse(
        {"seq": found[-1].seq if found else after, **_said(run, found)},
        headers=NEVER_KEPT,
    )


def post_verdicts(request: Request, body: bytes) -> Response:
    """Write one step; with a key that was written before, its entries come back."""
    run, sent = _run(request), _parse(_Step, body)
    decisions = [Decision(sample=one.sample, verdict=one.verdict, label=one.label) for one in sent.decisions]
    written = verdicts.record(run, decisions, reviewer=sent.reviewer, key=sent.key, settle=sent.settle)
    return JSONResponse(_said(run, written))


def post_undo(request: Request, body: bytes) -> Response:
    """Undo the reviewer's last step."""
    run, sent = _run(request), _parse(_Move, body)
    return JSONResponse(_said(run, verdicts.undo(run, reviewer=sent.reviewer, key=sent.key)))


def post_redo(request: Request, body: bytes) -> Response:
    """Bring the step back that the reviewer undid last."""
    run, sent = _run(request), _parse(_Move, body)
    return JSONResponse(_said(run, verdicts.redo(run, reviewer=sent.reviewer, key=sent.key)))


def _said(run: Run, entries: Iterable[Entry]) -> dict[str, Any]:
    """Entries, and what holds for their samples, with what the page needs to count them under its filters."""
    entries = list(entries)
    touched = {entry.sample for entry in entries}
    if not touched:
        return {"entries": [], "standing": []}
    index = runs.scored(run).index
    # A long list of samples would not fit into a query: then the whole log is read.
    held = verdicts.standing(run, samples=touched if len(touched) <= MOST_CARDS else None)
    standing = [
        {
            "sample": sample,
            "conflict": here.conflict,
            "opinions": [asdict(opinion) for opinion in here.opinions],
            "score": _finite(index.scores[sample]),
            "given": int(index.labels[sample]),
            "believed": int(index.predictions[sample]),
        }
        for sample, here in held.items()
        if sample in touched
    ]
    return {"entries": [asdict(entry) for entry in entries], "standing": standing}


# ---------------------------------------------------------------- what a request says


def _run(request: Request) -> Run:
    name = request.path_params["run"]
    if name not in runs.names():
        raise Refused(404, f"There is no run named {name[:80]!r} here.")
    return runs.open_run(name)


def _parse(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(400, f"{place}: {first['msg']}.") from None


def _number(query: QueryParams, name: str) -> float:
    try:
        value = float(query[name])
    except (KeyError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise Refused(400, f"{name} must be a number, got {query.get(name, 'nothing')[:40]!r}.")
    return value


def _whole(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refused(400, f"{name} must be a whole number from 0, got {text[:40]!r}.")
    return int(text)


def _index(text: str, size: int, what: str, *, status: int) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1
    if value < 0:
        raise Refused(400, f"A {what} is a whole number from 0, got {text[:40]!r}.")
    if value >= size:
        raise Refused(status, f"There is no {what} {value}: they go from 0 to {size - 1}.")
    return value


def _classes(query: QueryParams, name: str, num_classes: int) -> list[int]:
    text = query.get(name, "")
    return [_index(part, num_classes, "class", status=400) for part in text.split(",")] if text else []


def _samples(query: QueryParams, num_samples: int) -> list[int]:
    parts = query.get("samples", "").split(",")
    if len(parts) > MOST_IN_SPRITE:
        raise Refused(400, f"A sprite has at most {MOST_IN_SPRITE} samples, got {len(parts)}.")
    return [_index(part, num_samples, "sample", status=404) for part in parts]


def _sort(query: QueryParams) -> str:
    wanted = query.get("sort", SORTS[0])
    if wanted not in SORTS:
        raise Refused(400, f"sort must be one of {', '.join(SORTS)}, got {wanted[:40]!r}.")
    return wanted


# ---------------------------------------------------------------- the routes


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
        return _error(refused.status, str(refused))
    except DatabaseDown as fault:
        return _error(503, str(fault))
    except RunDamaged as fault:
        return _error(409, str(fault))
    except InputError as fault:
        return _error(400, str(fault))
    except OSError as fault:
        return _error(503, f"The server cannot read or write now: {fault.strerror or fault}.")


def _error(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status, headers=NEVER_KEPT)


def _route(path: str, **works: Work) -> Route:
    async def endpoint(request: Request) -> Response:
        refusal = security.refusal(request.headers)
        if refusal:
            return _error(403, refusal)
        work = works.get(request.method)
        if work is None:
            return _error(405, f"Only {', '.join(works)} is possible here.")
        try:
            body = await _read(request)
        except Refused as refused:
            return _error(refused.status, str(refused))
        return await run_in_threadpool(_answer, work, request, body)

    return Route(f"/api/runs/{{run}}/{path}", endpoint, methods=ALL_METHODS)


ROUTES = [
    _route("cards", GET=cards),
    _route("sprite/{hash}.png", GET=sprite),
    _route("difference/{hash}/{sample}.png", GET=difference),
    _route("verdicts", GET=list_verdicts, POST=post_verdicts),
    _route("verdicts/undo", POST=post_undo),
    _route("verdicts/redo", POST=post_redo),
]
