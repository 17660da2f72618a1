"""The settings of a new repair, as the config's own fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import streamlit as st

ETAS = {
    "auto": "The step is bounded: on average an image moves by at most 5 % of its own size.",
    "0": "Images stay as they are; only their labels become soft.",
    "1": "The paper's literal step, which may move images far.",
    "other": "A step of your own.",
}
AUTO_LAYERS = "auto"
FEW = 20
"""Fewer treated samples than this are said to be few."""


class Offer(Protocol):
    """A treatment."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def line(self) -> str: ...
    @property
    def needs(self) -> str: ...


def method(offered: Sequence[Offer], default: str, why_not: Callable[[str], str]) -> str | None:
    """Which treatment makes the model that the report puts first; None until one is chosen where the usual one cannot.

    Args:
        offered: every treatment, each of which says what it does and needs.
        default: the name of the one that is chosen at first.
        why_not: why a treatment cannot run here, empty where it can; such a one is shown in grey, with the reason.
    """
    reasons = {one.name: why_not(one.name) for one in offered}
    can = [one for one in offered if not reasons[one.name]]
    by_name = {one.name: one for one in can}
    names = list(by_name)
    chosen: str | None = st.selectbox(
        "Treatment",
        names,
        index=names.index(default) if default in names else None,
        format_func=lambda name: by_name[name].title,
        placeholder="Choose a treatment",
        key="repair_method",
        persist_state="session",
    )
    if chosen is not None:
        st.caption(f"{by_name[chosen].line} Needs: {by_name[chosen].needs}.")
    with st.expander("What each treatment does", icon=":material/list:"):
        st.markdown("\n".join(f"- **{one.title}**: {one.line} Needs: {one.needs}." for one in can))
    cannot = [one for one in offered if reasons[one.name]]
    if cannot:
        with st.expander(f"Not possible here: {len(cannot)} of {len(offered)}", icon=":material/block:"):
            st.radio(
                "Not possible here",
                [one.title for one in cannot],
                index=None,
                captions=[f"{one.line} {reasons[one.name]}" for one in cannot],
                disabled=True,
                key="repair_impossible",
                label_visibility="collapsed",
            )
    return chosen


def eta(default: float | str) -> float | str:
    """The step size, as the config takes it."""
    known = str(default) if str(default) in ETAS else {0.0: "0", 1.0: "1"}.get(float(default), "other")
    options = list(ETAS)
    chosen: str = st.radio(
        "Step size eta",
        options,
        index=options.index(known),
        horizontal=True,
        key="repair_eta",
        persist_state="session",
    )
    st.caption(ETAS[chosen])
    if chosen != "other":
        return chosen if chosen == "auto" else float(chosen)
    start = float(default) if known == "other" else 0.5
    return float(
        st.number_input(
            "Eta",
            min_value=0.0,
            value=start,
            step=0.1,
            format="%.10g",  # what was typed, without the noise that the steps of a float add
            key="repair_eta_value",
            persist_state="session",
        )
    )


def layers(labels: Sequence[str], chosen_by_engine: str | None, default: str) -> str:
    """Which layers are updated."""
    options = [AUTO_LAYERS, *labels]
    engine = f"Chosen by the engine ({chosen_by_engine})" if chosen_by_engine else "Chosen by the engine"
    chosen: str = st.selectbox(
        "Layers to update",
        options,
        index=options.index(default) if default in options else 0,
        format_func=lambda label: (
            engine if label == AUTO_LAYERS else f"Layers {label}" if "-" in label else f"Layer {label}"
        ),
        key="repair_layers",
        persist_state="session",
    )
    return chosen


def clamp(default: bool) -> bool:
    """Whether aligned pixels stay in [0, 1]."""
    return st.checkbox(
        "Keep aligned pixels in [0, 1]", value=default, key="repair_clamp", persist_state="session",
        help="The paper does not; without it some pixels leave the range of real images.",
    )  # fmt: skip


def heed(counts: Mapping[str, int], num_conflicts: int) -> bool:
    """Whether the repair heeds the verdicts that people gave; says how many there are of each."""
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    if not said:
        return False
    chosen = st.checkbox(
        f"Heed the verdicts: {said}", value=True, key="repair_heed", persist_state="session",
        help="Kept samples are no suspects, removed ones are left out, relabelled ones get the label that you gave.",
    )  # fmt: skip
    if num_conflicts:
        st.caption(f"{num_conflicts:,} more have two different verdicts and stay with the score until that is settled.")
    return chosen


def explain(num_suspects: int, *, num_aligned: int, num_relabelled: int) -> None:
    """Say beforehand how many samples are treated, and when they are none or few.

    Args:
        num_suspects: samples above the threshold.
        num_aligned: those of them that no heeded verdict is about.
        num_relabelled: samples that get the label which people gave them.
    """
    found = f"**{num_suspects:,} {'suspect' if num_suspects == 1 else 'suspects'}** at this threshold"
    if num_relabelled or num_aligned < num_suspects:
        found += f"; with the verdicts, {num_aligned:,} of them and {num_relabelled:,} relabelled samples are treated"
    st.markdown(f"{found}.")
    num_treated = num_aligned + num_relabelled
    if not num_treated:
        st.warning(
            f"No sample is {'left to treat' if num_suspects else 'suspect'} at this threshold, so most repairs would "
            "be a no-op: they would change nothing. Lower the threshold to repair something.",
            icon=":material/info:",
        )
    elif num_treated < FEW:
        st.warning(
            f"Most repairs would train on {num_treated:,} treated and as many other samples alone. Training on so few "
            "can make the model much worse: lower the threshold, or judge by the test accuracy before you use it.",
            icon=":material/warning:",
        )


def changes(
    *,
    chosen: str,
    threshold: float,
    top_k: int | None,
    step: float | str,
    subset: str,
    keep_range: bool,
    verdicts: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """The settings by config section."""
    return {
        "identify": {"threshold": threshold, "top_k": top_k},
        "align": {"eta": step, "clamp": keep_range},
        "enhance": {"layers": subset},
        "review": dict(verdicts),
        "evaluate": {"method": chosen},
    }
