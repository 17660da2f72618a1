"""Test images about which two models differ, as small pictures: true class, first belief, second belief."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import pictures


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One test image; a belief is a class with its probability."""

    image: NDArray[np.float32]
    true: str
    before: tuple[str, float]
    after: tuple[str, float]


STYLE = """<style>
.bir-changed {display: grid; grid-template-columns: repeat(auto-fill, minmax(8.4rem, 1fr)); gap: .75rem; margin: 0;
  padding: 0}
.bir-changed > div {margin: 0; padding: .6rem; border: 1px solid rgba(125,134,140,.35);
  border-radius: .5rem; min-width: 0}
.bir-changed img {display: block; width: 100%; max-height: 9rem; object-fit: contain; border-radius: .25rem;
  image-rendering: pixelated; background: rgba(125,134,140,.12)}
.bir-changed.smooth img {image-rendering: auto}
.bir-changed div div {font-size: .82rem; line-height: 1.45; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; font-variant-numeric: tabular-nums}
.bir-changed div .true {font-size: .9rem; font-weight: 600; margin-top: .35rem}
</style>"""


def draw(changes: Sequence[Change]) -> None:
    """Draw the pictures in their order."""
    large = bool(changes) and changes[0].image.shape[-1] > pictures.PIXELATED_UP_TO
    tiles = "".join(map(_tile, changes))
    st.html(f'{STYLE}<div role="list" class="bir-changed{" smooth" if large else ""}">{tiles}</div>')


def _tile(change: Change) -> str:
    drawn = base64.b64encode(pictures.png(pictures.shown(change.image))).decode()
    true = html.escape(change.true)
    return (
        f'<div role="listitem"><img src="data:image/png;base64,{drawn}" alt="test image of class {true}">'
        f'<div class="true">true {true}</div>'
        f"{_belief('before', *change.before)}{_belief('after', *change.after)}</div>"
    )


def _belief(when: str, name: str, share: float) -> str:
    said = f"{when} <b>{html.escape(name)}</b> {100 * share:.0f} %"
    return f'<div title="{html.escape(name)}">{said}</div>'
