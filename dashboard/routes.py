"""What the gallery asks the server while nobody waits for Streamlit: cards and pictures, over plain HTTP."""

import functools
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard import pictures, routes_verdicts, runs, web
from dashboard.runs import Scored, Shelf

MOST_CARDS = 200


# ---------------------------------------------------------------- cards


def cards(request: Request, _body: bytes) -> Response:
    """A stretch of the filtered ranking."""
    query, run = request.query_params, web.run_of(request)
    start, count = web.whole(query, "start", 0), web.whole(query, "count", MOST_CARDS)
    if not 1 <= count <= MOST_CARDS:
        raise web.Refused(400, f"count must be 1 to {MOST_CARDS}, got {count}.")
    scored = runs.scored(run)
    chosen = web.ranking(query, run, scored.index)
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
    versions = {"version": shelf.version, "ranking": runs.ranking_version(run)}
    return JSONResponse({"total": len(chosen), **versions, "cards": found}, headers=web.NEVER_KEPT)


def _card(scored: Scored, sample: int) -> dict[str, Any]:
    index, scores = scored.index, scored.scores
    return {
        "sample": sample,
        "rank": int(index.ranks[sample]),
        "given": int(index.labels[sample]),
        "believed": int(index.predictions[sample]),
        "score": web.finite(index.scores[sample]),
        "loss_before": web.finite(scores.loss_before[sample]),
        "loss_after": web.finite(scores.loss_after[sample]),
        "soft": [round(float(share), 4) for share in np.nan_to_num(scores.soft_labels[sample])],
    }


# ---------------------------------------------------------------- pictures


def _shelf_of(request: Request) -> Shelf:
    shelf = runs.shelf(web.run_of(request))
    if request.path_params["hash"] != shelf.version:
        raise web.Refused(404, "These pictures were made anew since: load the page again.")
    return shelf


def sprite(request: Request, _body: bytes) -> Response:
    """Pairs original | aligned in one PNG, a pair per row."""
    shelf = _shelf_of(request)
    samples = tuple(web.samples(request.query_params, len(shelf.originals)))
    return Response(_encoded(shelf, samples), media_type="image/png", headers=web.IMMUTABLE)


@functools.lru_cache(maxsize=64)
def _encoded(shelf: Shelf, samples: tuple[int, ...]) -> bytes:
    pairs = [(shelf.originals[sample], shelf.aligned_image(sample)) for sample in samples]
    return pictures.png(pictures.sprite(pairs))


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
    web.route("sprite/{hash}.png", GET=sprite),
    web.route("difference/{hash}/{sample}.png", GET=difference),
    *routes_verdicts.ROUTES,
]
