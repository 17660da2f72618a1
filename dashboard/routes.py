"""What the gallery asks the server while nobody waits for Streamlit: cards and pictures, over plain HTTP."""

import functools
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard import pictures, routes_verdicts, runs, web
from dashboard.frames import Positions
from dashboard.runs import Scored
from dashboard.shelf import Shelf

MOST_CARDS = 200


# ---------------------------------------------------------------- cards


def cards(request: Request, _body: bytes) -> Response:
    """A stretch of the filtered ranking."""
    query, run = request.query_params, web.run_of(request)
    start, count = web.whole(query, "start", 0), web.whole(query, "count", MOST_CARDS)
    if not 1 <= count <= MOST_CARDS:
        raise web.Refused(400, f"count must be 1 to {MOST_CARDS}, got {count}.")
    scored = runs.scored(run)
    ranking = web.ranking(query, run, scored.index)
    chosen = ranking[start : start + count]
    shelf, truth = runs.shelf(run), runs.samples(run).truth
    labels = [None] * len(chosen) if truth is None else truth.original_labels[chosen].tolist()
    found = _cards(scored, chosen, true=labels, aligned=shelf.has_aligned(chosen).tolist())
    versions = {"version": shelf.version, "ranking": runs.ranking_version(run)}
    return JSONResponse({"total": len(ranking), **versions, "cards": found}, headers=web.NEVER_KEPT)


def _cards(scored: Scored, chosen: Positions, **more: list[Any]) -> list[dict[str, Any]]:
    """A dictionary per sample; ``more`` are further columns."""
    index, samples = scored.index, chosen.tolist()
    before, after, soft = (scored.columns[name].take(samples) for name in ("loss_before", "loss_after", "soft_labels"))
    columns = {
        "sample": samples,
        "rank": index.ranks[chosen].tolist(),
        "given": index.labels[chosen].tolist(),
        "believed": index.predictions[chosen].tolist(),
        "score": [web.finite(score) for score in index.score_of(chosen).tolist()],
        "loss_before": [web.finite(loss) for loss in before.tolist()],
        "loss_after": [web.finite(loss) for loss in after.tolist()],
        "soft": np.round(np.nan_to_num(soft).astype(np.float64), 4).tolist(),
        **more,
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# ---------------------------------------------------------------- pictures


def _shelf_of(request: Request) -> Shelf:
    shelf = runs.shelf(web.run_of(request))
    if request.path_params["hash"] != shelf.version:
        raise web.Refused(404, "These pictures were made anew since: load the page again.")
    return shelf


def sprite(request: Request, _body: bytes) -> Response:
    """Pairs original | aligned in one picture, a pair per row."""
    shelf = _shelf_of(request)
    samples = tuple(web.samples(request.query_params, len(shelf.originals)))
    content, media_type = _encoded(shelf, samples)
    return Response(content, media_type=media_type, headers=web.IMMUTABLE)


@functools.lru_cache(maxsize=32)
def _encoded(shelf: Shelf, samples: tuple[int, ...]) -> tuple[bytes, str]:
    return pictures.sheet(pictures.sprite(*shelf.pairs(np.array(samples))))


def difference(request: Request, _body: bytes) -> Response:
    """Aligned minus original of one sample, amplified by what the header ``x-bir-amplification`` says."""
    shelf = _shelf_of(request)
    sample = web.index_of(request.path_params["sample"], len(shelf.originals), "sample", status=404)
    moved = shelf.aligned_image(sample)
    if moved is None:
        raise web.Refused(404, f"Sample {sample} has no aligned image.")
    factor = pictures.amplification(moved - shelf.originals[sample])
    drawn = pictures.png(pictures.difference(shelf.originals[sample], moved, factor))
    return Response(drawn, media_type="image/png", headers={**web.IMMUTABLE, "x-bir-amplification": str(factor)})


ROUTES = [
    web.route("cards", GET=cards),
    web.route("sprite/{hash}", GET=sprite),
    web.route("difference/{hash}/{sample}.png", GET=difference),
    *routes_verdicts.ROUTES,
]
