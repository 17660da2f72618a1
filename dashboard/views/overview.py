"""What was trained on what, and what the repair brought."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import charts, enough, frames, gate, runs, session, standings, words
from dashboard.runs import Run


def headline(run: Run, report: Mapping[str, Any]) -> None:
    """Accuracy before and after, with intervals."""
    method, models, titles = report["repair"]["method"], report["models"], words.groups(report)
    columns = st.columns(len(frames.parts_of(report)) + 1)
    for column, part in zip(columns, frames.parts_of(report), strict=False):
        before, after = models["base"], models[method]
        gain = frames.find_difference(report, method, "base", part)
        with column.container(border=True, height="stretch", gap="small"):
            st.metric(
                f"{titles[part]}, n = {before['num'][part]:,}",
                f"{before[part]:.1f} → {after[part]:.1f} %",
                f"{gain['difference']:+z.1f} points" if gain else None,
                help=f"Accuracy of the base model, then of the repaired one. {words.judged(report)}",
            )
            st.caption(
                f"95 % intervals: before {frames.interval(before['intervals'][part])}, "
                f"after {frames.interval(after['intervals'][part])}"
                + (f"; paired difference {gain['low']:+z.1f} to {gain['high']:+z.1f}." if gain else ".")
            )
    found = report["identification"]
    with columns[-1].container(border=True, height="stretch", gap="small"):
        st.metric(
            "Suspects",
            f"{found['num_suspects']:,}",
            f"of {found['num_scored']:,} scored",
            delta_color="off",
            delta_arrow="off",
        )
        st.caption(_how_right(run, report))


def _how_right(run: Run, report: Mapping[str, Any]) -> str:
    found = report["identification"]
    if not words.is_known(report):
        return words.measured(standings.measured_above(run, runs.default_threshold(run)))
    num_corrupted = report["data"]["num_corrupted"]
    if found["recall"] is None:
        return "Nothing was corrupted on purpose, so no suspect is known to be wrong."
    if found["precision"] is None:
        return f"None of the {num_corrupted:,} truly corrupted samples is above this run's threshold."
    return (
        f"{100 * found['precision']:.0f} % of them are truly corrupted, {100 * found['recall']:.0f} % of the "
        f"{num_corrupted:,} corrupted are among them; AUC {found['auc']:.3f}."
    )


def story(report: Mapping[str, Any]) -> str:
    """What was trained on what, in a few sentences."""
    data, base, chosen = report["data"], report["base"], report["selection"]
    network = words.network(base["network"])
    return (
        f"**{network}** ({base['num_parameters']:,} parameters) was trained on **{data['num_train']:,} "
        f"{words.source(report)}**, {words.PRESETS.get(base['preset'], base['preset'])} "
        f"({base['num_epochs']} epochs). {words.harm(report)} {words.noisy(report)} The reserved set has "
        f"{data['num_reserved']:,} clean images{_tested(report)} Layers updated: {chosen['label']}, "
        f"{'chosen by the engine' if chosen['chosen_by'] == 'engine' else 'as the settings ask'}."
    )


def _tested(report: Mapping[str, Any]) -> str:
    if words.is_cross_fitted(report):
        return "; there are no test images."
    return f", the test set {report['data']['num_test']:,}."


def comparisons(report: Mapping[str, Any]) -> None:
    """Every model beside the repaired one."""
    st.header("Beside the honest alternatives")
    st.plotly_chart(
        charts.accuracy_intervals(report, dark=session.is_dark()),
        key="comparison",
        config={"displayModeBar": False},
        alt="Accuracy of every model with its 95 % interval",
    )
    if words.is_cross_fitted(report):
        st.caption(f"{words.judged(report)} {words.UNTRAINED}")
    with st.expander("The same as a table", icon=":material/table:"):
        st.table(frames.comparison(report), border="horizontal", hide_index=True, alt="Accuracy of every model")
        st.caption("In brackets: 95 % intervals. Differences are paired, on the same images.")


def next_steps() -> None:
    """Where to go from here."""
    st.header("Where to go next")
    with st.container(horizontal=True):
        st.page_link("views/scores.py", label="Choose the threshold on the scores", icon=":material/bar_chart:")
        st.page_link("views/suspects.py", label="Look at the suspects", icon=":material/image_search:")
        st.page_link("views/repair.py", label="Repair with other settings", icon=":material/healing:")
        st.page_link("views/present.py", label="Present it on one screen", icon=":material/slideshow:")
        st.page_link("views/new_run.py", label="Make a run of your own", icon=":material/add_circle:")


def show(run: Run) -> None:
    """The whole page of a finished run."""
    report = runs.report(run)
    if not runs.is_current(run, "evaluate"):
        st.warning(
            f"{gate.OLD} Compute the run again to update this report.",
            icon=":material/update:",
        )
        st.button("Compute this run", on_click=gate.compute, args=(run.name,), icon=":material/play_arrow:")
    st.header(report["conclusion"], anchor=False)
    headline(run, report)
    st.markdown(story(report))
    comparisons(report)
    enough.draw(run)
    next_steps()


run = gate.the_run()
job = runs.latest_job(run.name)
if job is not None and job.state in runs.ACTIVE:
    gate.watch(job)
    st.stop()
gate.needs(run, "evaluate")
if job is not None and job.state == "failed":
    st.warning(f"A later job on this run failed; what is shown is from before: {job.error}", icon=":material/error:")
show(run)
