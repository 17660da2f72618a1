"""What the Data and the Pick page ask of an image set: thumbnails, proposals, and what people say of them."""

import functools

import numpy as np
import pydantic
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard import image_sets, thumbnails, web
from dashboard.image_sets import ImageSet

MOST_PROPOSED = 200


def _set_of(request: Request) -> ImageSet:
    """The image set that the path names."""
    name = request.path_params["set"]
    if name not in image_sets.names():
        raise web.Refused(404, f"There is no image set named {name[:80]!r} here.")
    return image_sets.open_set(name)


def sheet(request: Request, _body: bytes) -> Response:
    """Thumbnails of some rows, one below the other."""
    images = _set_of(request)
    if request.path_params["version"] != image_sets.version(images):
        raise web.Refused(404, "These images were imported anew since: load the page again.")
    rows = tuple(web.samples(request.query_params, len(images)))
    return Response(_encoded(images, rows), media_type="image/jpeg", headers=web.IMMUTABLE)


@functools.lru_cache(maxsize=32)
def _encoded(images: ImageSet, rows: tuple[int, ...]) -> bytes:
    return thumbnails.sheet([images.thumbnail(row) for row in rows])


def proposals(request: Request, _body: bytes) -> Response:
    """A stretch of what is proposed for the reserved set, of some classes or of all."""
    images, query = _set_of(request), request.query_params
    start, count = web.whole(query, "start", 0), web.whole(query, "count", MOST_PROPOSED)
    if not 1 <= count <= MOST_PROPOSED:
        raise web.Refused(400, f"count must be 1 to {MOST_PROPOSED}, got {count}.")
    rows = image_sets.proposals(images)
    wanted = web.classes(query, "class", len(images.class_names))
    if wanted:
        rows = rows[np.isin(images.labels[rows], wanted)]
    chosen = rows[start : start + count].tolist()
    found = [image_sets.card(images, row) for row in chosen]
    return JSONResponse(
        {"total": len(rows), "version": image_sets.version(images), "rows": found}, headers=web.NEVER_KEPT
    )


def list_picks(request: Request, _body: bytes) -> Response:
    """What people say, unless the page knows it already."""
    images = _set_of(request)
    known = web.whole(request.query_params, "known", 0)
    version = image_sets.picks_version(images)
    said = None if version == known and known else image_sets.picks(images)
    return JSONResponse(
        {"known": version, "version": image_sets.version(images), "picks": said}, headers=web.NEVER_KEPT
    )


class _Pick(pydantic.BaseModel):
    """What somebody says of one row; ``key`` names the step, sent twice it is written twice, which says the same."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    key: str
    reviewer: str
    version: str
    row: int
    label: int
    clean: bool | None


def post_pick(request: Request, body: bytes) -> Response:
    """Write what somebody says of one row, as the page has shown it."""
    images, sent = _set_of(request), web.parse(_Pick, body)
    if sent.version != image_sets.version(images):
        raise web.Refused(409, "These images were imported anew since, or some were reserved: load the page again.")
    if 0 <= sent.row < len(images) and sent.label != images.labels[sent.row]:
        raise web.Refused(409, f"Image {sent.row} has another label than the page shows: load the page again.")
    image_sets.say(images, sent.row, sent.clean, reviewer=sent.reviewer)
    pick = {"row": sent.row, "label": int(images.labels[sent.row]), "clean": sent.clean, "reviewer": sent.reviewer}
    return JSONResponse({"pick": pick}, headers=web.NEVER_KEPT)


ROUTES = [
    web.at("sets/{set}/thumbnails/{version}", GET=sheet),
    web.at("sets/{set}/proposals", GET=proposals),
    web.at("sets/{set}/picks", GET=list_picks, POST=post_pick),
]
