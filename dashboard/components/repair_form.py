"""The settings of a new repair, as the config's own fields."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

METHODS = {"bir": "BIR", "fine_tune": "Fine-tune on the rest", "retrain": "Retrain without suspects"}
METHOD_HELP = {
    "bir": "Fine-tunes the base model on the aligned suspects and their soft labels.",
    "fine_tune": "Fine-tunes the base model on as many samples that are not suspect.",
    "retrain": "Trains a new model from the start on all samples that are not suspect.",
}
ETAS = {
    "auto": "The step is bounded: on average an image moves by at most 5 % of its own size.",
    "0": "Images stay as they are; only their labels become soft.",
    "1": "The paper's literal step, which may move images far.",
    "other": "A step of your own.",
}
AUTO_LAYERS = "auto"


def method(default: str) -> str:
    """Which model the report puts first."""
    names = list(METHODS)
    chosen: str = st.radio(
        "Method",
        names,
        index=names.index(default),
        format_func=lambda name: METHODS[name],
        captions=[METHOD_HELP[name] for name in names],
        key="repair_method",
        persist_state="session",
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
        st.number_input("Eta", min_value=0.0, value=start, step=0.1, key="repair_eta_value", persist_state="session")
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


def explain_noop(num_suspects: int, chosen: str) -> None:
    """Say beforehand when there is nothing to repair."""
    if num_suspects:
        st.markdown(f"**{num_suspects:,} suspects** at this threshold.")
        return
    end = "Retraining then uses every sample." if chosen == "retrain" else "The repaired model will be the base model."
    st.warning(
        f"No sample is suspect at this threshold, so the repair is a no-op: it changes nothing. {end} Lower the "
        "threshold to repair something.",
        icon=":material/info:",
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
