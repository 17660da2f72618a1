"""Image sets as a table."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import pandas as pd
import streamlit as st

MOST_IN_VIEW = 8


class SetLike(Protocol):
    """What is said of an image set."""

    @property
    def name(self) -> str: ...
    @property
    def splits(self) -> Mapping[str, int]: ...
    @property
    def num_classes(self) -> int: ...
    @property
    def num_images(self) -> int: ...
    @property
    def when(self) -> str: ...


def draw(sets: Iterable[SetLike]) -> None:
    """One line per set; many scroll."""
    rows = [_row(one) for one in sets]
    st.table(
        pd.DataFrame(rows),
        border="horizontal",
        hide_index=True,
        height="content" if len(rows) <= MOST_IN_VIEW else 400,
        alt="Image sets",
    )


def _row(one: SetLike) -> dict[str, Any]:
    others = [f"{split} {num:,}" for split, num in one.splits.items() if split != "reserved"]
    return {
        "Name": one.name,
        "Images": f"{one.num_images:,}" if one.splits else "cannot be read",
        "Classes": f"{one.num_classes:,}",
        "Parts": ", ".join(others),
        "Reserved": f"{one.splits.get('reserved', 0):,}" if one.splits.get("reserved") else "none yet",
        "Written": f"{one.when.replace('T', ' ')[:16]} UTC",
    }
