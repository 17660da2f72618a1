"""What stands between a view and its run: no run yet, an unknown one, a damaged one, a result still to come."""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from dashboard import access, decisions, runs, security, session
from dashboard.components import job_progress, welcome
from dashboard.runs import Job, Run

OLD = "The settings of this run were changed, or its images or weights, after this was computed."
"""Of a result that is not current any more."""

_REFUSED = "refused"
_STARTED = "started"


@contextmanager
def guarded() -> Iterator[None]:
    """Show a foreseen fault as its sentence, and nothing after it."""
    try:
        yield
    except runs.FAULTS as fault:
        st.error(job_progress.sentence(str(fault)), icon=":material/error:")


def is_kept() -> bool:
    """Whether the login, where one is needed, is really asked for: only ``app.py`` puts it in front of the pages."""
    is_needed = access.current().is_guarded or not access.is_local(access.address())
    return not is_needed or "dashboard.doorkeeper" in sys.modules


def is_guarded() -> bool:
    """Whether people had to log in to come here."""
    return access.current().is_guarded


def run_names() -> list[str]:
    """Names of all runs, newest first."""
    return runs.names()


def enter(view: str) -> str | None:
    """Begin a view: choose the run to show; returns the name that was asked for when there is no such run."""
    session.enter(view)
    session.choose_run(runs.names())
    return session.unknown_run()


def the_run() -> Run:
    """The run that the reader looks at; ends the page with what to do when there is none."""
    show_refusal()
    if not runs.names() and session.unknown_run() is None:
        welcome.draw(start_demo, where=str(runs.root()))
        st.stop()
    name = st.session_state.get(session.RUN)
    if not name:
        st.stop()
    try:
        return runs.open_run(name)
    except runs.RunDamaged as fault:
        st.error(job_progress.sentence(str(fault)), icon=":material/error:", title="This run cannot be read")
        st.caption("Other runs are not touched: choose one above.")
        st.stop()


def needs(run: Run, stage: str) -> None:
    """End the page, with progress or with what to do, unless the result of ``stage`` is there and whole."""
    try:
        if runs.has(run, stage):
            return
    except runs.RunDamaged as fault:
        _offer_again(run, stage, str(fault))
        st.stop()
    job = runs.latest_job(run.name)
    if job is None or job.state == "finished":
        _offer_start(run)
    elif job.state in runs.ACTIVE:
        watch(job, until=stage)
    else:
        ended(job)
    st.stop()


def whole(run: Run, *stages: str) -> None:
    """End the page, with what to do, when a result that the page could do without is there and damaged."""
    for stage in stages:
        try:
            runs.has(run, stage)
        except runs.RunDamaged as fault:
            _offer_again(run, stage, str(fault))
            st.stop()


def offer(run: Run, stage: str, sentence: str) -> None:
    """In the place of a result that is not there: why, and a button that computes it alone, or its progress."""
    job = runs.latest_job(run.name)
    if job is not None and job.state in runs.ACTIVE:
        watch(job, until=stage)
        return
    if job is not None and job.state == "failed" and stage in job.stages:
        ended(job)
        return
    st.caption(sentence)
    st.button(
        "Compute it",
        key=f"offer_{stage}",
        on_click=compute,
        args=(run.name, (stage,)),
        icon=":material/play_arrow:",
        help=f"{runs.STAGE_TITLES[stage]}; finished stages are kept.",
    )


def asked_for(run: Run, stages: Collection[str]) -> bool:
    """Progress of a job on this run, or why the newest failed at one of ``stages``; whether a job is at work.

    The page is drawn again after each stage, so that results come one by one.
    """
    job = runs.latest_job(run.name)
    if job is None:
        return False
    if job.state in runs.ACTIVE:
        watch(job, until=next((step.stage for step in job.progress if step.state in ("running", "waiting")), None))
        return True
    if job.state == "failed" and any(step.stage in stages and step.state == "failed" for step in job.progress):
        ended(job)
    return False


def watch(job: Job, *, until: str | None = None) -> None:
    """Live progress of a job; the whole page is drawn again when it ends or when the stage ``until`` is there."""
    job_progress.draw(job, runs.STAGE_TITLES, token=security.TOKEN, until=until)


def ended(job: Job) -> None:
    """A job that did not finish: the sentence, the end of its log, and how to go on."""
    job_progress.draw_ended(job, runs.STAGE_TITLES, log=runs.log_tail(job.id), on_resume=resume)


def show_refusal() -> None:
    """What a callback could not do, said once."""
    refused = st.session_state.pop(_REFUSED, None)
    if refused:
        st.error(job_progress.sentence(refused), icon=":material/block:")


def start_demo() -> None:
    """Callback: create and compute the demonstration."""
    with refusable():
        session.show_run(runs.start_demo())


def resume(job_id: int) -> None:
    """Callback: go on with a job."""
    with refusable():
        runs.resume(job_id)


def compute(name: str, stages: tuple[str, ...] | None = None, *, force: bool = False) -> None:
    """Callback: compute a run, or only some stages of it."""
    with refusable():
        runs.compute(name, force=force) if stages is None else runs.compute(name, stages, force=force)


def decide(run: Run, sample: int, verdict: decisions.Verdict, label: int | None = None, **by: Any) -> None:
    """Callback: write a verdict on a sample; ``by`` says who, and whether it settles a conflict."""
    with refusable():
        decisions.decide(run, sample, verdict, label=label, **by)


def undo(run: Run, *, reviewer: str) -> None:
    """Callback: take back the reviewer's last step, and say what it was about, since that may be another sample."""
    with refusable():
        samples = decisions.undo(run, reviewer=reviewer)
        about = f"sample {samples[0]}" if len(samples) == 1 else f"{len(samples):,} samples"
        st.toast(f"Taken back: your last step, on {about}." if samples else "You have no step to take back here.")


def repair(parent: Run, changes: dict[str, dict[str, object]]) -> None:
    """Callback: fork, compute, and show the new run."""
    with refusable():
        session.show_run(runs.start_repair(parent, changes))


def start_run(config: runs.RunConfig) -> None:
    """Callback: create a run, compute it, and show it."""
    with refusable():
        session.show_run(runs.start_run(config))
        st.session_state[_STARTED] = True


def has_started() -> bool:
    """Whether the click that led here has started a run; true once."""
    return bool(st.session_state.pop(_STARTED, False))


@contextmanager
def refusable() -> Iterator[None]:
    """What a callback does; what it cannot do is kept for ``show_refusal``."""
    try:
        yield
    except runs.FAULTS as fault:
        st.session_state[_REFUSED] = str(fault)


def _offer_start(run: Run) -> None:
    st.info(
        f"Run {run.name!r} has no result for this page yet, and no job computes it.",
        icon=":material/hourglass_empty:",
        title="Not computed yet",
    )
    st.button("Compute this run", type="primary", on_click=compute, args=(run.name,), icon=":material/play_arrow:")


def _offer_again(run: Run, stage: str, sentence: str) -> None:
    job = runs.latest_job(run.name)
    if job is not None and job.state in runs.ACTIVE:
        watch(job)
        return
    st.error(job_progress.sentence(sentence), icon=":material/error:", title="A result of this run is damaged")
    st.button(
        "Compute it again",
        type="primary",
        on_click=compute,
        args=(run.name, (stage,)),
        kwargs={"force": True},
        icon=":material/refresh:",
        help=f"{runs.STAGE_TITLES[stage]}; the other results are kept.",
    )
