"""The verdict on one sample: who says what now, buttons to decide, and everything that was ever said of it."""

import datetime
import html
from collections.abc import Callable, Sequence
from typing import Protocol

import streamlit as st

REVIEWER = "reviewer"
LINES = 30
UNDO = "Takes back your last step in this review, whichever sample it was about."
STYLE = """<style>
.bir-log {border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums}
.bir-log th {font-weight: 400; font-size: .8rem; opacity: .8; text-align: left}
.bir-log td, .bir-log th {padding: .3rem .75rem .3rem 0; border-bottom: 1px solid rgba(125,134,140,.3);
  overflow-wrap: anywhere; vertical-align: top}
.bir-log caption {text-align: left; font-weight: 600; padding-bottom: .25rem}
.bir-log time {white-space: nowrap}
</style>"""


class Said(Protocol):
    """A verdict of somebody."""

    @property
    def reviewer(self) -> str: ...
    @property
    def verdict(self) -> str | None: ...
    @property
    def label(self) -> int | None: ...


class Line(Said, Protocol):
    """An entry of the log."""

    @property
    def action(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def run(self) -> str: ...


Act = Callable[..., None]
"""Called with the verdict, and ``label``, ``reviewer`` and ``settle`` by name."""


def draw_buttons(
    sample: int,
    class_names: Sequence[str],
    believed: int,
    *,
    conflict: bool,
    longest: int,
    on_decide: Act,
    on_undo: Act,
) -> None:
    """Who decides, and the buttons. A button belongs to its sample: a late key press never hits the next one."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        typed = st.text_input(
            "Reviewer", key=REVIEWER, max_chars=longest, placeholder="Your name", persist_state="session", width=200
        )
        label = st.selectbox(
            "Right class, to relabel",
            key=f"class_{sample}",
            options=range(len(class_names)),
            index=believed,
            format_func=lambda one: class_names[one],
            width=200,
        )
    reviewer = (typed or "").strip()
    by = {"reviewer": reviewer, "settle": conflict and st.session_state.get(f"settle_{sample}", False)}
    buttons = (
        ("Keep", ":material/check:", "k", on_decide, ("keep",), by),
        ("Remove", ":material/close:", "d", on_decide, ("remove",), by),
        ("Relabel", ":material/swap_horiz:", "l", on_decide, ("relabel",), {**by, "label": label}),
        ("Undo", ":material/undo:", "u", on_undo, (), {"reviewer": reviewer}),
    )
    with st.container(horizontal=True, gap="small"):
        for word, icon, key, act, args, kwargs in buttons:
            st.button(
                word,
                key=f"{word.lower()}_{sample}",
                icon=icon,
                shortcut=key,
                disabled=not reviewer,
                on_click=act,
                args=args,
                kwargs=kwargs,
                help=UNDO if act is on_undo else None,
            )
    if conflict:
        st.checkbox("My verdict settles it for all", key=f"settle_{sample}")
    if not reviewer:
        st.caption("Give your name to decide; it is kept until you close this page.")


def draw_standing(opinions: Sequence[Said], class_names: Sequence[str], *, conflict: bool) -> None:
    """What holds now."""
    if not opinions:
        st.caption("No verdict yet.")
        return
    rows = "".join(
        f"<tr><td><b>{html.escape(in_words(one, class_names))}</b></td><td>{html.escape(one.reviewer)}</td></tr>"
        for one in opinions
    )
    head = "<caption>The reviewers differ</caption>" if conflict else ""
    st.html(f'{STYLE}<table class="bir-log">{head}{rows}</table>')


def draw_log(lines: Sequence[Line], class_names: Sequence[str]) -> None:
    """Every entry on the sample, the newest first."""
    if not lines:
        st.caption("Nobody has said anything about this sample yet.")
        return
    rows = "".join(
        f"<tr><td><time>{html.escape(_time(line.time))}</time></td><td>{html.escape(line.reviewer)}</td>"
        f"<td>{html.escape(_deed(line, class_names))}</td><td>{html.escape(line.run)}</td></tr>"
        for line in list(lines)[: -LINES - 1 : -1]
    )
    head = "".join(f'<th scope="col">{word}</th>' for word in ("When (UTC)", "Who", "What", "In run"))
    st.html(f'{STYLE}<table class="bir-log"><tr>{head}</tr>{rows}</table>')
    if len(lines) > LINES:
        st.caption(f"The newest {LINES} of {len(lines):,} entries.")


def in_words(said: Said, class_names: Sequence[str]) -> str:
    """A verdict as the page says it."""
    if said.verdict is None:
        return "no verdict"
    if said.verdict != "relabel" or said.label is None:
        return said.verdict
    name = class_names[said.label] if 0 <= said.label < len(class_names) else str(said.label)
    return f"relabel → {name}"


def _deed(line: Line, class_names: Sequence[str]) -> str:
    words = in_words(line, class_names)
    return words if line.action == "decide" else f"{line.action}: {words}"


def _time(text: str) -> str:
    return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M")
