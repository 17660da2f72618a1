"""The story of a run on one screen that reads from the back of a room: before, the culprits, after."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import pictures


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One third of the screen: a word, a large figure, what it is a figure of, and lines below."""

    title: str
    figure: str
    meaning: str
    lines: tuple[str, ...]
    color: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Culprit:
    """A suspect with the label it was given and the one that the enhanced model believes."""

    image: NDArray[np.float32]
    given: str
    believed: str


STYLE = """<style>
[data-testid="stHeader"], .st-key-head {display: none !important}
[data-testid="stMainBlockContainer"] {padding: 0 !important; max-width: none !important}
.bir-story {position: fixed; inset: 0; z-index: 1; display: grid; grid-template-rows: auto 1fr auto; overflow: auto;
  gap: clamp(.8rem, 2.2vh, 2rem); padding: clamp(1rem, 3.2vh, 2.6rem) clamp(1.2rem, 3.4vw, 4rem);
  font-size: clamp(1rem, min(1.75vw, 2.4vh), 2rem); line-height: 1.35; font-variant-numeric: tabular-nums}
.bir-story header {display: flex; justify-content: space-between; align-items: baseline; gap: 2rem;
  font-size: .8em; opacity: .8}
.bir-story header span {overflow: hidden; text-overflow: ellipsis; white-space: nowrap}
.bir-story header a {color: inherit; white-space: nowrap}
.bir-story .scenes {display: grid; grid-template-columns: 1fr 1.35fr 1fr; gap: clamp(1.2rem, 3vw, 4rem); min-height: 0}
.bir-story section {display: flex; flex-direction: column; min-width: 0; border-top: .3rem solid var(--kind);
  padding-top: clamp(.6rem, 1.8vh, 1.4rem)}
.bir-story h2 {font-size: 1.25em !important; padding: 0; margin: 0}
.bir-story .figure {font-size: clamp(2.4rem, min(5.4vw, 10vh), 7rem); font-weight: 700; line-height: 1.1;
  margin-top: .12em; white-space: nowrap}
.bir-story .meaning {font-size: 1.05em; margin: .1em 0 .7em}
.bir-story p {margin: 0 0 .5em; font-size: 1em !important; overflow-wrap: anywhere}
.bir-story .culprits {display: grid; grid-template-columns: repeat(4, 1fr); gap: clamp(.4rem, 1vw, 1rem);
  margin: .1em 0 .7em}
.bir-story figure {margin: 0; min-width: 0}
.bir-story img {display: block; width: 100%; max-height: 17vh; object-fit: contain; object-position: left;
  border-radius: .3rem; image-rendering: pixelated}
.bir-story .smooth img {image-rendering: auto}
.bir-story figcaption {font-size: .8em; line-height: 1.25; margin-top: .25em; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap}
.bir-story footer {font-size: 1.15em; font-weight: 600; border-top: 1px solid rgba(125,134,140,.4);
  padding-top: clamp(.6rem, 1.8vh, 1.4rem)}
@media (max-width: 760px) {.bir-story .scenes {grid-template-columns: 1fr}}
</style>"""

KEYS = """
const pressed = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !document.fullscreenElement) document.querySelector(".bir-story .exit")?.click();
  else if (event.key === "f" && document.fullscreenElement) document.exitFullscreen();
  else if (event.key === "f") document.documentElement.requestFullscreen();
};
export default () => {
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
};
"""

_keys = st.components.v2.component("bir_presentation_keys", html="<span hidden></span>\n", js=KEYS)


def draw(
    scenes: tuple[Scene, Scene, Scene], culprits: Sequence[Culprit], *, name: str, conclusion: str, way_out: str
) -> None:
    """Fill the whole screen; the culprits stand in the middle scene.

    Args:
        scenes: before, the culprits, after.
        culprits: a handful of suspects.
        name: of the run.
        conclusion: one sentence for the foot of the page.
        way_out: address of the page to leave to.
    """
    gallery = _gallery(culprits)
    body = "".join(_scene(scene, gallery if scene is scenes[1] else "") for scene in scenes)
    st.html(
        f'{STYLE}<article class="bir-story"><header><span>BIR Dashboard · {html.escape(name)}</span>'
        f'<a class="exit" href="{html.escape(way_out)}" target="_self">Esc leaves · f: full screen</a></header>'
        f'<div class="scenes">{body}</div><footer>{html.escape(conclusion)}</footer></article>'
    )
    _keys(key="presentation_keys")


def _scene(scene: Scene, inside: str) -> str:
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in scene.lines)
    return (
        f'<section style="--kind:{scene.color}"><h2>{html.escape(scene.title)}</h2>'
        f'<div class="figure">{html.escape(scene.figure)}</div>'
        f'<div class="meaning">{html.escape(scene.meaning)}</div>{inside}{lines}</section>'
    )


def _gallery(culprits: Sequence[Culprit]) -> str:
    if not culprits:
        return ""
    kind = "culprits smooth" if culprits[0].image.shape[-1] > pictures.PIXELATED_UP_TO else "culprits"
    return f'<div class="{kind}">{"".join(map(_tile, culprits))}</div>'


def _tile(culprit: Culprit) -> str:
    drawn = base64.b64encode(pictures.png(pictures.shown(culprit.image))).decode()
    given, believed = html.escape(culprit.given), html.escape(culprit.believed)
    return (
        f'<figure><img src="data:image/png;base64,{drawn}" alt="a suspect"><figcaption title="{given} → {believed}">'
        f"{given} → <b>{believed}</b></figcaption></figure>"
    )
