"""What is computed now, and what was computed before."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard import gate, progress, runs, security
from dashboard.components import job_progress
from dashboard.runs import Job

Color = Literal["blue", "gray", "green", "red", "orange"]
SIGNS: dict[str, tuple[Color, str]] = {
    "running": ("blue", ":material/progress_activity:"),
    "queued": ("gray", ":material/schedule:"),
    "finished": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "cancelled": ("orange", ":material/cancel:"),
}
SHOWN = 30


def active_part(active: Sequence[Job]) -> None:
    """The jobs that work or wait; the browser asks for them all in the place of one that works."""
    asking = next((job for job in active if job.state == "running"), active[0])
    for job in active:
        with st.container(border=True):
            head(job)
            job_progress.draw(job, runs.STAGE_TITLES, token=security.TOKEN, among=active if job is asking else ())


def head(job: Job) -> None:
    """Run, state and stages in one line, and how long it worked once it has ended."""
    color, icon = SIGNS[job.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(job.state, color=color, icon=icon)
        st.markdown(f"**{job.run}**", width="content")
        what = "all stages" if set(job.stages) >= set(runs.WHOLE_RUN) else ", ".join(job.stages)
        worked = f" · {progress.duration(job)}" if job.finished else ""
        st.caption(f"job {job.id} · {what}{worked} · {when(job)}", width="content")


def when(job: Job) -> str:
    """When the job was started or created, in UTC."""
    moment = job.started or job.created
    return "" if not moment else moment.replace("T", " ")[:16] + " UTC"


gate.show_refusal()
known = runs.all_jobs()
active = [job for job in known if job.state in runs.ACTIVE]
ended = [job for job in known if job.state not in runs.ACTIVE]
if not known:
    st.info(
        "No job has run here yet. Run the demo from the Overview, or start a repair; it will be listed here.",
        icon=":material/inbox:",
    )
if active:
    st.header("Now")
    active_part(active)
if ended:
    st.header("Earlier")
    for job in ended[:SHOWN]:
        with st.container(border=True):
            head(job)
            on = job.state == "failed" and job is ended[0]
            stopped = next((step for step in job.progress if step.state in ("failed", "cancelled")), None)
            if stopped is not None:
                st.markdown(f"Stopped in: {runs.STAGE_TITLES.get(stopped.stage, stopped.stage)}.")
            job_progress.draw_ended(job, runs.STAGE_TITLES, log=runs.log_tail(job.id), on_resume=gate.resume, steps=on)
    if len(ended) > SHOWN:
        st.caption(f"The {len(ended) - SHOWN} older jobs are in the database of the runs folder.")
