"""What an import found: sizes, files that could not be read, pictures that are there twice."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

UNITS = ("bytes", "kB", "MB", "GB", "TB")


def draw(report: Mapping[str, Any], sizes: str) -> None:
    """The report of an image set.

    Args:
        report: of the import.
        sizes: which sizes the images have, in a sentence.
    """
    st.markdown(f"{report['num_images']:,} images, {amount(report['bytes'])}. {sizes}")
    unreadable, double = report["unreadable"], report["duplicates"]
    if unreadable["num"]:
        st.subheader("Left out", anchor=False)
        files = "1 file" if unreadable["num"] == 1 else f"{unreadable['num']:,} files"
        st.markdown(f"{files} could not be read:")
        _table(pd.DataFrame(unreadable["examples"], columns=["File", "Why"]), "Files that could not be read")
        _more(unreadable["num"], len(unreadable["examples"]))
    total = double["num"] + double["num_across"]
    if total:
        st.subheader("The same picture more than once", anchor=False)
        st.markdown(
            f"{total:,} images are the same as an earlier one, {double['num_across']:,} of them in both the training "
            f"and the validation part, {double['num_other_label']:,} with another label. None of these pictures is "
            "proposed for the reserved set."
        )
        groups = [", ".join(keys) for keys in double["examples"]]
        _table(pd.DataFrame({"Images": groups}), "Pictures that are there more than once")
    if not unreadable["num"] and not total:
        st.markdown("Every file could be read, and no picture is there twice.")


def _table(frame: pd.DataFrame, alt: str) -> None:
    st.dataframe(frame, hide_index=True, alt=alt)


def _more(num: int, shown: int) -> None:
    if num > shown:
        st.caption(f"The first {shown} of them.")


def amount(num_bytes: float) -> str:
    """How much that is, in words."""
    unit = next((unit for unit in UNITS if num_bytes < 1000 ** (UNITS.index(unit) + 1)), UNITS[-1])
    shown = num_bytes / 1000 ** UNITS.index(unit)
    return f"{shown:,.0f} {unit}" if unit == UNITS[0] else f"{shown:,.1f} {unit}"
