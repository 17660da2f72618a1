"""Repair with other settings, and what the repair of this run brought, class by class."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import charts, frames, gate, method_frames, method_results, runs, session, standings, words
from dashboard.components import method_choice, repair_form, threshold
from dashboard.method_results import Entry
from dashboard.runs import Run

PLAIN = {"displayModeBar": False}


@st.fragment
def settings(run: Run) -> None:
    """The form; launching makes a new run beside this one."""
    with gate.guarded():
        config, index = run.config, runs.scored(run).index
        rules = {"threshold": "Threshold", "top_k": "Top K"}
        rule = st.radio(
            "Suspects by",
            list(rules),
            format_func=lambda name: rules[name],
            index=0 if config.identify.top_k is None else 1,
            horizontal=True,
            key="repair_rule",
            persist_state="session",
        )
        cut = threshold.number(runs.default_threshold(run), measured=standings.help_of(run))
        if rule == "top_k":
            threshold.top_k(index, cut)
        num_suspects = index.count_above(cut)
        verdicts, num_conflicts = standings.reviewed(run)
        if not repair_form.heed({name: len(found) for name, found in verdicts}, num_conflicts):
            verdicts = runs.ReviewConfig()
        treated = standings.treated(index, cut, verdicts)
        repair_form.explain(num_suspects, num_aligned=len(treated.soft), num_relabelled=len(treated.relabelled))
        chosen = repair_form.method(
            method_results.offered(),
            config.evaluate.method,
            lambda name: method_results.why_not(name, num_treated=len(treated), num_removed=len(verdicts.remove)),
        )
        step = repair_form.eta(config.align.eta)
        selection = runs.selection(run)
        labels = [row["label"] for row in selection["candidates"]]
        engine = selection["label"] if selection["chosen_by"] == "engine" else None
        subset = repair_form.layers(labels, engine, config.enhance.layers)
        if subset != config.enhance.layers:
            st.caption("Other layers give another enhanced model, so the samples are scored anew.")
        keep_range = repair_form.clamp(config.align.clamp)
        changes = repair_form.changes(
            chosen=chosen or config.evaluate.method,
            threshold=cut,
            top_k=num_suspects if rule == "top_k" else None,
            step=step,
            subset=subset,
            keep_range=keep_range,
            verdicts=verdicts.model_dump(),
        )
        if st.button(
            "Start the repair",
            type="primary",
            on_click=gate.repair,
            args=(run, changes),
            icon=":material/healing:",
            disabled=chosen is None,
            help="Choose a treatment first." if chosen is None else None,
        ):
            st.rerun()
        st.caption("Makes a new run that shares the finished stages; this one stays as it is.")


def layer_table(run: Run) -> None:
    """Why these layers."""
    selection = runs.selection(run)
    with st.expander("Why these layers", icon=":material/layers:"):
        st.markdown(
            "Each subset was trained for one epoch on the reserved set; the smallest loss wins. "
            + (
                "Chosen by the engine."
                if selection["chosen_by"] == "engine"
                else "This run's settings name the subset."
            )
        )
        table = frames.candidates(selection)
        st.dataframe(
            table,
            hide_index=True,
            height="content",
            column_config={"Reserved loss (nats)": st.column_config.NumberColumn(format="%.4f")},
            alt="Candidate layer subsets with their loss on the reserved set",
        )


def result(report: Mapping[str, Any], treatments: Sequence[Entry]) -> None:
    """Headline of this run's repair and the models beside it, also those that were asked for since."""
    method = report["repair"]["method"]
    title = frames.MODEL_TITLES.get(method, method)
    st.header(f"This run: {title}")
    if report["repair"]["no_op"]:
        st.info(
            "No sample was suspect at this run's threshold, so its repair was a no-op: the model is unchanged.",
            icon=":material/info:",
        )
    st.markdown(report["conclusion"])
    heeded = ", ".join(f"{count:,} {name}" for name, count in report["review"].items() if count)
    if heeded:
        st.markdown(f"**Verdicts** heeded by this repair: {heeded}.")
    every = method_results.with_treatments(report, treatments)
    st.plotly_chart(
        charts.accuracy_intervals(every, dark=session.is_dark()),
        key="models",
        config=PLAIN,
        alt="Accuracy of every model with its interval",
    )
    st.table(frames.comparison(every), border="horizontal", hide_index=True, alt="Accuracy of every model")
    st.caption(f"In brackets: 95 % intervals. Differences are paired, on the same {words.images(report)}.")
    if words.is_cross_fitted(report):
        st.caption(f"{words.judged(report)} {words.UNTRAINED}")
    st.markdown(_alignment(report))


def try_others(run: Run, treatments: Sequence[Entry]) -> None:
    """Further treatments of this run's own suspects, beside the models that are there."""
    with st.expander("Try other treatments on these suspects", icon=":material/science:", expanded=True):
        is_busy = gate.asked_for(run, {one.stage for one in treatments if one.stage})
        method_choice.draw({"Treatments": treatments}, gate.compute, run=run.name, key="others", is_busy=is_busy)
        st.caption("Computed in this run, for comparison: its report and what it puts first stay as they are.")
        if reasons := method_frames.impossible(treatments):
            st.caption(reasons)


def _alignment(report: Mapping[str, Any]) -> str:
    facts = report["alignment"]
    if not facts["num"]:
        return "No sample was aligned."
    return (
        f"**Alignment** of {facts['num']:,} suspects with eta = {facts['eta']:.4g}: images moved by "
        f"{100 * facts['mean_relative_step']:.2g} % of their size on average, energy {facts['energy_before']:.2f} → "
        f"{facts['energy_after']:.2f} (lower = more typical), {100 * facts['label_change_rate']:.2g} % changed their "
        f"most likely class, {100 * facts['out_of_range']:.2g} % of pixels left [0, 1]."
    )


run = gate.the_run()
gate.needs(run, "data")
gate.needs(run, "select")
gate.needs(run, "score")
left, right = st.columns([1, 2.2], gap="large")
with left:
    st.header("New repair")
    settings(run)
with right:
    gate.needs(run, "evaluate")
    report = runs.report(run)
    treatments = method_results.of_run(run, report).treatments
    result(report, treatments)
    try_others(run, treatments)
    layer_table(run)
    st.page_link("views/sensitivity.py", label="See how much it hangs on the threshold", icon=":material/tune:")
    st.page_link("views/methods.py", label="See every method on this run", icon=":material/compare:")
    st.page_link("views/compare.py", label="Compare the models class by class", icon=":material/compare_arrows:")
