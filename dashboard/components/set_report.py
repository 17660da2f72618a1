"""What an import found: sizes, files that could not be read, pictures that are there twice."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st


def draw(report: Mapping[str, Any], sizes: str) -> None:
    """The report of an image set.

    Args:
        report: of the import.
        sizes: which sizes the images have, in a sentence.
    """
    st.markdown(f"{report['num_images']:,} images, {_bytes(report['bytes'])}. {sizes}")
    unreadable, double = report["unreadable"], report["duplicates"]
    if unreadable["num"]:
        st.subheader("Left out", anchor=False)
        st.markdown(f"{unreadable['num']:,} files could not be read:")
        _table(pd.DataFrame(unreadable["examples"], columns=["File", "Why"]), "Files that could not be read")
        _more(unreadable["num"], len(unreadable["examples"]))
    total = double["num"] + double["num_across"]
    if total:
        st.subheader("The same picture more than once", anchor=False)
        st.markdown(
            f"{total:,} images are the same as an earlier one, {double['num_across']:,} of them in both the training and "
            f"the validation part, {double['num_other_label']:,} with another label. None of them is proposed for the "
            "reserved set."
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


def _bytes(size: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    raise AssertionError
