"""A job as its reader sees it: stage by stage while it works, and how it ended."""

import datetime
import html
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import streamlit as st

from dashboard import palette


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
    """What is shown of a job."""

    @property
    def id(self) -> int: ...
    @property
    def run(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def created(self) -> str | None: ...
    @property
    def started(self) -> str | None: ...
    @property
    def finished(self) -> str | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def progress(self) -> Sequence[Step]: ...


SIGNS = {"waiting": "○", "running": "◐", "skipped": "✓", "finished": "✓", "failed": "✕", "cancelled": "✕"}
WORDS = {"skipped": "kept from before", "waiting": "waiting", "failed": "failed", "cancelled": "cancelled"}
STYLE = f"""<style>
.bir-steps {{display: grid; grid-template-columns: 1.4rem minmax(13rem, 24rem) minmax(6rem, 1fr) 9.5rem;
  gap: .5rem .75rem; align-items: center; max-width: 62rem; font-variant-numeric: tabular-nums}}
.bir-steps .later {{opacity: .62}}
.bir-steps .now {{font-weight: 600}}
.bir-steps .sign {{text-align: center; color: {palette.AFTER}}}
.bir-steps .sign.broken {{color: {palette.CORRUPTED}; font-weight: 700}}
.bir-steps .fill.broken {{background: {palette.CORRUPTED}}}
.bir-steps .track {{height: .5rem; border-radius: .25rem; background: rgba(125,134,140,.22); overflow: hidden}}
.bir-steps .fill {{height: 100%; background: {palette.AFTER}; transition: width .4s linear}}
.bir-steps .time {{text-align: right}}
</style>"""


def draw(job: JobLike, titles: Mapping[str, str], *, on_cancel: Callable[[int], None]) -> None:
    """What is done now, how far, for how long; with a button that stops it."""
    if job.state == "queued":
        st.header("Waiting for its turn")
        st.markdown("Another job is being computed; this one starts by itself when that one ends.")
    else:
        working = next((step for step in job.progress if step.state == "running"), None)
        st.header(f"{titles[working.stage]} ..." if working else "Starting ...")
        finished = sum(step.state in ("finished", "skipped") for step in job.progress)
        st.markdown(f"Stage {min(finished + 1, len(job.progress))} of {len(job.progress)}, {duration(job)} so far.")
    draw_steps(job.progress, titles)
    st.button(
        "Cancel", key=f"cancel_{job.id}", on_click=on_cancel, args=(job.id,), icon=":material/stop:",
        help="Finished stages are kept; you can resume later.",
    )  # fmt: skip


def draw_ended(
    job: JobLike, titles: Mapping[str, str], *, log: str, on_resume: Callable[[int], None], steps: bool = True
) -> None:
    """A job that failed, was cancelled or finished, with the end of its log and the way on."""
    if job.state == "failed":
        st.error(
            sentence(job.error or "the job ended without saying why"), icon=":material/error:", title="The job failed"
        )
    elif job.state == "cancelled":
        st.info("Finished stages are kept; Resume goes on after them.", title="The job was cancelled")
    if steps:
        draw_steps(job.progress, titles)
    if job.state in ("failed", "cancelled"):
        st.button(
            "Resume", key=f"resume_{job.id}", type="primary", on_click=on_resume, args=(job.id,),
            icon=":material/play_arrow:",
        )  # fmt: skip
    with st.expander("End of the log", icon=":material/article:", expanded=job.state == "failed"):
        st.code(log or "The log is empty.", language=None, wrap_lines=True)


def draw_steps(steps: Sequence[Step], titles: Mapping[str, str]) -> None:
    """The list of stages with a bar each."""
    rows = "".join(_row(step, titles.get(step.stage, step.stage)) for step in steps)
    st.html(f'{STYLE}<div class="bir-steps">{rows}</div>')


def _row(step: Step, title: str) -> str:
    share = 100 if step.state in ("finished", "skipped") else 100 * step.done / step.total if step.total else 0
    kind = {"running": "now", "waiting": "later", "failed": "broken", "cancelled": "broken"}.get(step.state, "")
    return (
        f'<div class="sign {kind}" aria-hidden="true">{SIGNS.get(step.state, "")}</div>'
        f'<div class="{kind}">{html.escape(title)}</div>'
        f'<div class="track" role="img" aria-label="{step.state}, {share:.0f} %">'
        f'<div class="fill {kind}" style="width:{share:.1f}%"></div></div>'
        f'<div class="time {kind}">{_amount(step)}</div>'
    )


def _amount(step: Step) -> str:
    if step.state in WORDS:
        return WORDS[step.state]
    how_far = f"{step.done} of {step.total} · " if step.state == "running" and step.total else ""
    return f"{how_far}{seconds_in_words(step.seconds)}"


def sentence(text: str) -> str:
    """A message of the engine as a sentence of a page."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


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
