"""A job as its reader sees it: live in the browser while it works, where ``routes_jobs`` answers, and how it ended."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import streamlit as st

from dashboard import palette, progress


class Ended(progress.JobLike, Protocol):
    """What is said of a job that has ended."""

    @property
    def error(self) -> str | None: ...


FOLDER = Path(__file__).parent
COLORS = f".job {{ --done: {palette.AFTER}; --broken: {palette.CORRUPTED}; }}\n"

_mount = st.components.v2.component(
    "bir_job_progress",
    html='<div class="job"></div>\n',
    css=COLORS + (FOLDER / "job_progress.css").read_text(encoding="utf-8"),
    js=(FOLDER / "job_progress.js").read_text(encoding="utf-8"),
)


def draw(
    job: progress.JobLike,
    titles: Mapping[str, str],
    *,
    token: str,
    until: str | None = None,
    among: Sequence[progress.JobLike] | None = None,
) -> None:
    """What is done now, how far, for how long; with a button that stops it.

    Args:
        job: the job that is drawn.
        titles: of the stages.
        token: for the requests of the browser.
        until: the page is drawn anew when this stage is there.
        among: the page is drawn anew when these are not the active jobs any more, by default when ``job`` has changed;
            when empty, another one of the page looks after that.
    """
    drawn = [(one.id, one.state) for one in ([job] if among is None else among)]
    _show(job, titles, token=token, until=until, drawn=drawn, all=among is not None)


def draw_ended(
    job: Ended, titles: Mapping[str, str], *, log: str, on_resume: Callable[[int], None], steps: bool = True
) -> None:
    """A job that failed, was cancelled or finished, with the end of its log and the way on."""
    if job.state == "failed":
        st.error(
            sentence(job.error or "the job ended without saying why"), icon=":material/error:", title="The job failed"
        )
    elif job.state == "cancelled":
        st.info("Finished stages are kept; Resume goes on after them.", title="The job was cancelled")
    if steps:
        _show(job, titles, drawn=[])
    if job.state in ("failed", "cancelled"):
        st.button(
            "Resume", key=f"resume_{job.id}", type="primary", on_click=on_resume, args=(job.id,),
            icon=":material/play_arrow:",
        )  # fmt: skip
    with st.expander("End of the log", icon=":material/article:", expanded=job.state == "failed"):
        st.code(log or "The log is empty.", language=None, wrap_lines=True)


def _show(job: progress.JobLike, titles: Mapping[str, str], **how: Any) -> None:
    data = {"job": progress.described(job, titles), **how}
    # By this trigger the browser asks for the page anew: the job has changed, or the server was started anew.
    _mount(data=data, key=f"job_{job.id}", on_changed_change=lambda: None)


def sentence(text: str) -> str:
    """A message of the engine as a sentence of a page."""
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
