"""Verdicts over plain HTTP: the log, one step at a time or a whole filter at once, undo and redo."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pydantic
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bir_core import verdicts
from bir_core.review import Decision, Entry, Verdict
from bir_core.run_folder import Run
from dashboard import runs, standings, web
from dashboard.frames import Positions

MOST_TOLD = 200
"""Of a longer step the answer tells nothing but its size; the page then asks for the log."""

MOST_LISTED = 1000
MOST_AT_ONCE = 50_000


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class _DecisionSent(_Strict):
    sample: int
    verdict: Verdict | None
    label: int | None = None


class _Sent(_Strict):
    key: str
    reviewer: str


class _Move(_Sent):
    step: str | None = None


class _Step(_Sent):
    decisions: list[_DecisionSent]
    settle: bool = False


class _Bulk(_Sent):
    """One verdict for every sample of a ranking, or for stretches of it; ``label`` None relabels each as believed.

    ``ranking`` and ``count`` are what the person saw and confirmed.
    """

    verdict: Verdict
    label: int | None = None
    query: dict[str, str]
    stretches: list[tuple[int, int]] | None = None
    ranking: str
    count: int

    model_config = pydantic.ConfigDict(extra="forbid", strict=False)


def list_verdicts(request: Request, _body: bytes) -> Response:
    """The log after an entry, or the beginning of it when it is long, and what now holds for the samples in it."""
    run = web.run_of(request)
    after = web.whole(request.query_params, "after", 0)
    found = verdicts.entries(run, after=after, at_most=MOST_LISTED)
    return JSONResponse(
        {"seq": found[-1].seq if found else after, "more": len(found) == MOST_LISTED, **_said(run, found)},
        headers=web.NEVER_KEPT,
    )


def post_verdicts(request: Request, body: bytes) -> Response:
    """Write one step; with a key that was written before, its entries come back."""
    run, sent = web.run_of(request), web.parse(_Step, body)
    decisions = [Decision(sample=one.sample, verdict=one.verdict, label=one.label) for one in sent.decisions]
    written = verdicts.record(run, decisions, reviewer=sent.reviewer, key=sent.key, settle=sent.settle)
    return JSONResponse(_said(run, written))


def post_bulk(request: Request, body: bytes) -> Response:
    """Write one verdict about a whole ranking, or stretches of it, as one step that one undo takes back."""
    run, sent = web.run_of(request), web.parse(_Bulk, body)
    index = runs.scored(run).index
    written = verdicts.entries_of(run, key=sent.key)
    if not written:
        chosen = _stretches(web.ranking(QueryParams(sent.query), run, index), sent.stretches)
        if sent.ranking != runs.ranking_version(run) or len(chosen) != sent.count:
            raise web.Refused(
                409,
                f"The ranking has changed: these are {len(chosen):,} samples now, not {sent.count:,}. Nothing was "
                "decided; load the page again and look once more.",
            )
        if not 0 < len(chosen) <= MOST_AT_ONCE:
            raise web.Refused(400, f"At once 1 to {MOST_AT_ONCE:,} samples are possible, got {len(chosen):,}.")
        labels = index.predictions[chosen].tolist() if sent.label is None else [sent.label] * len(chosen)
        decisions = [
            Decision(sample=sample, verdict=sent.verdict, label=label if sent.verdict == "relabel" else None)
            for sample, label in zip(chosen.tolist(), labels, strict=True)
        ]
        written = verdicts.record(run, decisions, reviewer=sent.reviewer, key=sent.key)
    return JSONResponse({"count": len(written), **_said(run, written if len(written) <= MOST_TOLD else ())})


def _stretches(chosen: Positions, stretches: list[tuple[int, int]] | None) -> Positions:
    """What lies at the places ``first`` to ``last`` of the ranking, each once."""
    if stretches is None:
        return chosen
    if any(first < 0 or last < first for first, last in stretches):
        raise web.Refused(400, "A stretch is a first and a last place from 0, the first not above the last.")
    places = np.unique(np.concatenate([np.arange(first, min(last + 1, len(chosen))) for first, last in stretches]))
    return chosen[places.astype(np.int64)]


def post_undo(request: Request, body: bytes) -> Response:
    """Undo the reviewer's last step."""
    run, sent = web.run_of(request), web.parse(_Move, body)
    return _moved(run, verdicts.undo(run, reviewer=sent.reviewer, key=sent.key, step=sent.step))


def post_redo(request: Request, body: bytes) -> Response:
    """Bring the step back that the reviewer undid last."""
    run, sent = web.run_of(request), web.parse(_Move, body)
    return _moved(run, verdicts.redo(run, reviewer=sent.reviewer, key=sent.key))


def _moved(run: Run, written: Sequence[Entry]) -> Response:
    """The answer to an undo or a redo, with the verdicts of the step that it was about."""
    step = verdicts.entries_of(run, key=written[0].step) if written else ()
    return JSONResponse({"verdicts": sorted({entry.verdict or "none" for entry in step}), **_said(run, written)})


def _said(run: Run, entries: Iterable[Entry]) -> dict[str, Any]:
    """Entries, and what holds for their samples, with what the page needs to count them under its filters."""
    entries = list(entries)
    touched = {entry.sample for entry in entries}
    if not touched:
        return {"entries": [], "standing": []}
    index = runs.scored(run).index
    # A long list of samples would not fit into a query.
    held = verdicts.standing(run, samples=touched) if len(touched) <= MOST_TOLD else standings.now(run)
    standing = [
        {
            "sample": sample,
            "conflict": here.conflict,
            "opinions": [asdict(opinion) for opinion in here.opinions],
            "score": web.finite(index.scores[sample]),
            "given": int(index.labels[sample]),
            "believed": int(index.predictions[sample]),
        }
        for sample, here in ((sample, held[sample]) for sample in sorted(touched))
    ]
    return {"entries": [asdict(entry) for entry in entries], "standing": standing}


ROUTES = [
    web.route("verdicts", GET=list_verdicts, POST=post_verdicts),
    web.route("verdicts/bulk", POST=post_bulk),
    web.route("verdicts/undo", POST=post_undo),
    web.route("verdicts/redo", POST=post_redo),
]
