"""A job in the words of its reader: what is done now, how far every stage is, and for how long. No Streamlit."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Step(Protocol):
    """Progress of one stage."""

    @property
    def stage(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def seconds(self) -> float: ...


class JobLike(Protocol):
    """What is said of a job."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def started(self) -> str | None: ...
    @property
    def finished(self) -> str | None: ...
    @property
    def progress(self) -> Sequence[Step]: ...


COMPLETE = ("finished", "skipped")
SIGNS = {"waiting": "○", "running": "◐", "skipped": "✓", "finished": "✓", "failed": "✕", "cancelled": "✕"}
WORDS = {"skipped": "kept from before", "waiting": "waiting", "failed": "failed", "cancelled": "cancelled"}


def described(job: JobLike, titles: Mapping[str, str]) -> dict[str, Any]:
    """What the browser draws of a job, as a page is handed it first and the route tells it later."""
    title, text = _now(job, titles)
    steps = [_described(step, titles.get(step.stage, step.stage)) for step in job.progress]
    return {"id": job.id, "state": job.state, "title": title, "text": text, "steps": steps}


def _now(job: JobLike, titles: Mapping[str, str]) -> tuple[str, str]:
    if job.state == "queued":
        return "Waiting for its turn", "It starts by itself as soon as no other job is being computed."
    if job.state != "running":
        return "", ""
    working = next((step for step in job.progress if step.state == "running"), None)
    complete = sum(step.state in COMPLETE for step in job.progress)
    return (
        f"{titles[working.stage]} ..." if working else "Starting ...",
        f"Stage {min(complete + 1, len(job.progress))} of {len(job.progress)}, {duration(job)} so far.",
    )


def _described(step: Step, title: str) -> dict[str, Any]:
    share = 100 if step.state in COMPLETE else 100 * step.done / step.total if step.total else 0
    return {
        "stage": step.stage,
        "state": step.state,
        "title": title,
        "sign": SIGNS[step.state],
        "share": round(share, 1),
        "amount": _amount(step),
    }


def _amount(step: Step) -> str:
    if step.state in WORDS:
        return WORDS[step.state]
    how_far = f"{step.done} of {step.total} · " if step.state == "running" and step.total else ""
    return f"{how_far}{seconds_in_words(step.seconds)}"


def duration(job: JobLike) -> str:
    """How long a job has been working, or worked."""
    if not job.started:
        return "-"
    end = datetime.datetime.fromisoformat(job.finished) if job.finished else datetime.datetime.now(datetime.UTC)
    return seconds_in_words((end - datetime.datetime.fromisoformat(job.started)).total_seconds())


def seconds_in_words(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
