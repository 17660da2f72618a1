"""What is known of one sample, in figures and pictures: escaped HTML and images, no choice to make."""

import base64
import html
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import palette, pictures

SMALL, LARGE = 72, 224
"""Widths (pixels) at which a neighbour and the sample itself are shown."""

STYLE = f"""<style>
.bir-facts {{display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr));
  gap: .75rem 1.5rem; margin: 0 !important; padding: 0 !important;
  font-variant-numeric: tabular-nums}}
.bir-facts div {{border-top: 2px solid rgba(125,134,140,.3); padding-top: .3rem; min-width: 0}}
.bir-facts div.wrong {{border-color: {palette.CORRUPTED}}}
.bir-facts dt {{font-size: .8rem; opacity: .8}}
.bir-facts dd {{margin: 0; font-weight: 600; overflow-wrap: anywhere}}
.bir-facts small {{font-size: .8rem; font-weight: 400; opacity: .8}}
.bir-alike {{display: grid; grid-template-columns: repeat(auto-fill, {SMALL}px); gap: .6rem}}
.bir-alike figure {{margin: 0; min-width: 0}}
.bir-alike img {{display: block; width: {SMALL}px; border-radius: .2rem; image-rendering: pixelated}}
.bir-alike.smooth img {{image-rendering: auto}}
.bir-alike figcaption {{font-size: .8rem; line-height: 1.35; margin-top: .2rem; font-variant-numeric: tabular-nums;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap}}
</style>"""

Fact = tuple[str, str, str, bool]
"""Term, value, a note below it, and whether it says that something is wrong."""


def draw(facts: Sequence[Fact]) -> None:
    """A grid of terms and values."""
    cells = "".join(
        f'<div class="{"wrong" if is_wrong else ""}"><dt>{html.escape(term)}</dt><dd>{html.escape(value)}'
        f"{f'<br><small>{html.escape(note)}</small>' if note else ''}</dd></div>"
        for term, value, note, is_wrong in facts
    )
    st.html(f'{STYLE}<dl class="bir-facts">{cells}</dl>')


def draw_pictures(original: NDArray[np.float32], aligned: NDArray[np.float32] | None) -> None:
    """Original, aligned and their amplified difference side by side."""
    shown = [(pictures.shown(original), "original")]
    if aligned is not None:
        factor = pictures.amplification(aligned - original)
        shown += [
            (pictures.shown(aligned), "aligned"),
            (pictures.difference(original, aligned, factor), f"difference × {factor}"),
        ]
    for column, (pixels, caption) in zip(st.columns(3), shown, strict=False):
        with column:
            st.image(
                pictures.enlarged(pixels, LARGE), caption=caption, alt=f"{caption} of this sample", width="stretch"
            )
    if aligned is None:
        st.caption("This sample was not aligned, so there is neither an aligned image nor a difference.")
    else:
        st.caption("Difference: aligned minus original; orange = brighter, blue = darker.")


def draw_neighbours(images: Sequence[NDArray[np.float32]], captions: Sequence[tuple[str, str]]) -> None:
    """A row of small pictures, each with its class and its cosine below."""
    cells = "".join(
        f'<figure><img src="data:image/png;base64,{base64.b64encode(pictures.png(pictures.shown(image))).decode()}" '
        f'alt="reserved image of class {html.escape(name)}"><figcaption title="{html.escape(name)}">'
        f"{html.escape(name)}</figcaption><figcaption>{html.escape(cosine)}</figcaption></figure>"
        for image, (name, cosine) in zip(images, captions, strict=True)
    )
    smooth = " smooth" if len(images) and images[0].shape[2] > pictures.PIXELATED_UP_TO else ""
    st.html(f'{STYLE}<div class="bir-alike{smooth}">{cells}</div>')
