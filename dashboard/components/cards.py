"""Suspects as cards: three pictures, the labels, what the enhanced model believes. One block of HTML per page."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import palette


@dataclass(frozen=True, kw_only=True)
class Card:
    """One suspect as it is shown; pictures are data URLs, ``aligned`` and ``difference`` None when not computed."""

    rank: int
    sample: int
    given: str
    true: str | None
    score: float
    loss_before: float
    loss_after: float
    original: str
    aligned: str | None
    difference: str | None
    soft_label: Sequence[float]


STYLE = f"""<style>
.bir-cards {{display: grid; grid-template-columns: repeat(auto-fill, minmax(16.4rem, 1fr)); gap: 1rem;
  font-variant-numeric: tabular-nums}}
.bir-card {{border: 1px solid rgba(125,134,140,.38); border-radius: .5rem; padding: .8rem .9rem .7rem}}
.bir-card .top {{display: flex; justify-content: space-between; align-items: baseline; font-size: .875rem}}
.bir-card .top strong {{font-size: 1rem}}
.bir-card .pictures {{display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; margin: .55rem 0 .5rem}}
.bir-card figure {{margin: 0}}
.bir-card img, .bir-card .none {{display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated;
  border-radius: .25rem; border: 1px solid rgba(125,134,140,.38); box-sizing: border-box}}
.bir-card .none {{display: flex; align-items: center; justify-content: center; font-size: .75rem; text-align: center}}
.bir-card figcaption {{font-size: .75rem; opacity: .8; margin-top: .15rem}}
.bir-card .labels {{font-size: .9rem; margin: 0 0 .45rem}}
.bir-card .wrong {{font-weight: 600; border-bottom: 3px solid {palette.CORRUPTED}}}
.bir-card .bars {{display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 3px; align-items: end}}
.bir-card .bar {{display: flex; flex-direction: column; justify-content: flex-end; height: 3.1rem;
  border-bottom: 1px solid rgba(125,134,140,.6)}}
.bir-card .bar div {{background: {palette.BEFORE}; border-radius: 2px 2px 0 0}}
.bir-card .bar.believed div {{background: {palette.AFTER}}}
.bir-card .class {{text-align: center; font-size: .75rem; line-height: 1.35; overflow: hidden; text-overflow: ellipsis}}
.bir-card .class.given {{font-weight: 700; text-decoration: underline; text-underline-offset: 2px}}
.bir-card .loss {{font-size: .8rem; opacity: .85; margin: .5rem 0 0}}
</style>"""


def draw(cards: Sequence[Card], class_names: Sequence[str], *, amplification: int) -> None:
    """Draw the cards in their order."""
    body = "".join(_card(card, class_names, amplification) for card in cards)
    st.html(f'{STYLE}<div class="bir-cards">{body}</div>')


def _card(card: Card, class_names: Sequence[str], amplification: int) -> str:
    what = f"suspect {card.rank}, given label {html.escape(card.given)}"
    pictures = (
        _picture(card.original, "original", f"{what}: original image")
        + _picture(card.aligned, "aligned", f"{what}: aligned image")
        + _picture(card.difference, f"difference &times;{amplification}", f"{what}: aligned minus original")
    )
    return (
        '<article class="bir-card">'
        f'<div class="top"><strong>#{card.rank:,}</strong><span>score <b>{card.score:.3f}</b></span>'
        f"<span>sample {card.sample}</span></div>"
        f'<div class="pictures">{pictures}</div>'
        f'<p class="labels">{_labels(card, class_names)}</p>'
        f"{_bars(card, class_names)}"
        f'<p class="loss">loss {_loss(card.loss_before)} &rarr; {_loss(card.loss_after)} nats</p></article>'
    )


def _picture(url: str | None, caption: str, alt: str) -> str:
    picture = f'<img src="{url}" alt="{alt}">' if url else '<div class="none">not computed</div>'
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def _labels(card: Card, class_names: Sequence[str]) -> str:
    believed = html.escape(class_names[_top(card.soft_label)])
    text = f"given <b>{html.escape(card.given)}</b>, believed <b>{believed}</b>"
    if card.true is None:
        return text
    if card.true == card.given:
        return f"{text}, truly <b>{html.escape(card.true)}</b>"
    return f'{text}, <span class="wrong">truly {html.escape(card.true)}</span>'


def _bars(card: Card, class_names: Sequence[str]) -> str:
    """What the enhanced model believes, a bar per class; the given class is underlined."""
    best = _top(card.soft_label)
    spoken = ", ".join(
        f"{html.escape(name)} {100 * share:.0f} %"
        for share, name in sorted(zip(card.soft_label, class_names, strict=True), reverse=True)[:3]
    )
    bars = "".join(
        f'<div title="{html.escape(name)}: {100 * share:.1f} %"><div class="bar{" believed" if label == best else ""}">'
        f'<div style="height:{100 * share:.1f}%"></div></div>'
        f'<div class="class{" given" if name == card.given else ""}">{html.escape(name)}</div></div>'
        for label, (share, name) in enumerate(zip(card.soft_label, class_names, strict=True))
    )
    return f'<div class="bars" role="img" aria-label="the enhanced model believes {spoken}">{bars}</div>'


def _top(soft_label: Sequence[float]) -> int:
    return max(range(len(soft_label)), key=lambda label: soft_label[label])


def _loss(value: float) -> str:
    return f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.1e}" if value else "0"
