"""What the gallery's side panel asks of one sample beyond its card: energies, beliefs, and what resembles it."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard import dossier, pictures, runs, web
from dashboard.dossier import Dossier


def sample(request: Request, _body: bytes) -> Response:
    """Everything known of one sample, and the version under which ``reserved`` shows what resembles it."""
    run = web.run_of(request)
    number = web.index_of(request.path_params["sample"], len(runs.scored(run).index), "sample", status=404)
    said = {**_said(dossier.of(run, number)), "reserved_version": runs.reserved_version(run)}
    return JSONResponse(said, headers=web.NEVER_KEPT)


def reserved(request: Request, _body: bytes) -> Response:
    """Reserved images in one picture, one below the other, by their positions in the reserved part."""
    run = web.run_of(request)
    if request.path_params["hash"] != runs.reserved_version(run):
        raise web.Refused(404, "These pictures were made anew since: load the page again.")
    images = runs.reserved(run).images
    chosen = web.samples(request.query_params, len(images))
    content, media_type = pictures.sheet(pictures.column(images[chosen]))
    return Response(content, media_type=media_type, headers=web.IMMUTABLE)


def _said(found: Dossier) -> dict[str, Any]:
    nearest = found.nearest or {}
    return {
        "sample": found.sample,
        "base_prediction": found.base_prediction,
        "step": None if found.step is None else {k: web.finite(v) for k, v in asdict(found.step).items()},
        "beliefs": {name: _shares(shares) for name, shares in found.beliefs.items()},
        "repaired_by": found.repaired_by,
        "nearest": None if found.nearest is None else {name: list(map(asdict, some)) for name, some in nearest.items()},
    }


def _shares(shares: NDArray[np.float32]) -> list[float]:
    return [round(float(share), 4) for share in np.nan_to_num(shares)]


ROUTES = [
    web.route("samples/{sample}", GET=sample),
    web.route("reserved/{hash}", GET=reserved),
]
