"""What the gallery's side panel asks of one sample beyond its card: energies, beliefs, and what resembles it."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard import dossier, pictures, routes, runs
from dashboard.dossier import Dossier


def sample(request: Request, _body: bytes) -> Response:
    """Everything known of one sample, and the version under which ``reserved`` shows what resembles it."""
    run = routes._run(request)
    number = routes._index(request.path_params["sample"], len(runs.scored(run).index), "sample", status=404)
    said = {**_said(dossier.of(run, number)), "reserved_version": runs.reserved_version(run)}
    return JSONResponse(said, headers=routes.NEVER_KEPT)


def reserved(request: Request, _body: bytes) -> Response:
    """Reserved images in one PNG, one below the other, by their positions in the reserved part."""
    run = routes._run(request)
    if request.path_params["hash"] != runs.reserved_version(run):
        raise routes.Refused(404, "These pictures were made anew since: load the page again.")
    images = runs.reserved(run).images
    chosen = routes._samples(request.query_params, len(images))
    drawn = np.concatenate([pictures.shown(images[position]) for position in chosen])
    return Response(pictures.png(drawn), media_type="image/png", headers=routes.IMMUTABLE)


def _said(found: Dossier) -> dict[str, Any]:
    nearest = found.nearest or {}
    return {
        "sample": found.sample,
        "base_prediction": found.base_prediction,
        "step": None if found.step is None else {k: routes._finite(v) for k, v in asdict(found.step).items()},
        "beliefs": {name: _shares(shares) for name, shares in found.beliefs.items()},
        "repaired_by": found.repaired_by,
        "nearest": None if found.nearest is None else {name: list(map(asdict, some)) for name, some in nearest.items()},
    }


def _shares(shares: NDArray[np.float32]) -> list[float]:
    return [round(float(share), 4) for share in np.nan_to_num(shares)]


ROUTES = [
    routes._route("samples/{sample}", GET=sample),
    routes._route("reserved/{hash}.png", GET=reserved),
]
