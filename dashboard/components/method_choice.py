"""Which methods to run on a run: choose any number of them and start them as one job."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import streamlit as st


class Choice(Protocol):
    """A method that may be asked for."""

    @property
    def title(self) -> str: ...
    @property
    def stage(self) -> str | None: ...
    @property
    def can_run(self) -> bool: ...


def draw(
    groups: Mapping[str, Sequence[Choice]], on_run: Callable[..., None], *, run: str, key: str, is_busy: bool
) -> None:
    """A box per group, and the button that asks for all that is chosen in them.

    Args:
        groups: methods by what the box is called; those that cannot be asked for are left out.
        on_run: called with the run's name and the stages.
        run: the run's name.
        key: tells two of these from each other.
        is_busy: a job is at work, so that no other can be started.
    """
    stages: list[str] = []
    for column, (title, entries) in zip(st.columns(len(groups)), groups.items(), strict=True):
        titles = {one.stage: one.title for one in entries if one.can_run and one.stage}
        with column:
            stages += st.multiselect(
                title,
                list(titles),
                format_func=lambda stage, titles=titles: titles[stage],
                placeholder="Choose what to run" if titles else "None is left to run here",
                disabled=is_busy or not titles,
                key=f"{key}_{title}",
            )
    st.button(
        f"Run {len(stages)} of them" if len(stages) > 1 else "Run it",
        type="primary",
        key=f"{key}_run",
        disabled=is_busy or not stages,
        on_click=on_run,
        args=(run, tuple(stages)),
        icon=":material/play_arrow:",
        help="One job computes them one after the other; finished stages are kept.",
    )
