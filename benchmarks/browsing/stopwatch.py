"""Time from what a person does in a browser to what is painted for it, taken inside the page.

A figure counts from the browser's own event to the first frame in which the page shows what it must, plus two more
frames (about 33 ms), after which it is surely on the screen; ``frames=0`` leaves these out.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Page

# `deep` looks into shadow roots too, where our components live. Conditions come in through the debugger's protocol,
# since the page's own policy forbids what is evaluated.
SCRIPT = """
window.bench = {
  deep(selector, root = document) {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const node of root.querySelectorAll('*')) {
      const inner = node.shadowRoot && bench.deep(selector, node.shadowRoot);
      if (inner) return inner;
    }
    return null;
  },
  button(text) {
    const inside = (node) => (node.shadowRoot ? every(node.shadowRoot) : []);
    const every = (root) => [...root.querySelectorAll('*')].flatMap((node) => [node, ...inside(node)]);
    return every(document).some((node) => node.tagName === 'BUTTON' && node.textContent.includes(text));
  },
  get gallery() {
    if (!bench.node?.isConnected) bench.node = bench.deep('.gallery');
    return bench.node?.gallery;
  },
  get histogram() {
    if (!bench.plot?.isConnected) bench.plot = bench.deep('.histogram');
    return bench.plot?.histogram;
  },
  rows() {
    const { gallery } = bench;
    const top = gallery.scroll.scrollTop * gallery.ratio;
    const last = Math.ceil(gallery.total / gallery.columns) - 1;
    const first = Math.floor(top / gallery.rowHeight);
    const end = Math.min(last, Math.ceil((top + gallery.view) / gallery.rowHeight) - 1);
    return Array.from({ length: end - first + 1 }, (_, at) => gallery.rows.get(first + at));
  },
  jump(share) {
    const { scroll } = bench.gallery;
    scroll.scrollTop = share * (scroll.scrollHeight - scroll.clientHeight);
  },
  pairsInView: () => bench.rows().reduce((sum, row) => sum + (row?.tiles.length ?? 0), 0),
  isPainted: () => bench.rows().every((row) => row?.tiles.length && row.tiles.every((tile) => tile.painted)),
  later: (frames, then) => (frames ? requestAnimationFrame(() => bench.later(frames - 1, then)) : then()),
  watch(isDone, limit, frames = 2) {
    return new Promise((resolve) => {
      const from = bench.from;
      /* A message of ours comes right after the frame in which it was sent, with all that was drawn in it. */
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        if (performance.now() - from > limit) resolve(null);
        else if (isDone()) bench.later(frames, () => resolve(performance.now() - from));
        else requestAnimationFrame(() => port2.postMessage(0));
      };
      requestAnimationFrame(() => port2.postMessage(0));
    });
  },
  on(kind, isDone, limit, frames) {
    bench.result = new Promise((resolve) => {
      document.addEventListener(kind, (event) => {
        bench.from = event.timeStamp;
        bench.watch(isDone, limit, frames).then(resolve);
      }, { capture: true, once: true });
    });
  },
};
"""

LIMIT_MS = 10_000


@dataclass(frozen=True, kw_only=True)
class Times:
    """Milliseconds of one kind of action, repeated."""

    all: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return float(np.percentile(self.all, 50))

    @property
    def p95(self) -> float:
        """Nineteen of twenty are at most this."""
        return float(np.percentile(self.all, 95))


def after_event(page: Page, kind: str, done: str, act: Callable[[], object], *, frames: int = 2) -> float:
    """Milliseconds from the next event of a kind, which ``act`` causes, until the JavaScript ``done`` is painted."""
    page.evaluate(f"() => {{ bench.on({kind!r}, () => {done}, {LIMIT_MS}, {frames}); }}")
    act()
    return _taken(page.evaluate("() => bench.result"), done)


def after_script(page: Page, script: str, done: str) -> float:
    """Milliseconds from a statement that runs in the page until ``done`` is painted."""
    body = f"bench.from = performance.now(); {script}; return bench.watch(() => {done}, {LIMIT_MS});"
    return _taken(page.evaluate(f"() => {{ {body} }}"), done)


def _taken(milliseconds: float | None, done: str) -> float:
    if milliseconds is None:
        raise SystemExit(f"not painted within {LIMIT_MS / 1000:.0f} s: {done}")
    return float(milliseconds)


def repeat(measure: Callable[[int], float], num: int, *, warm_up: int = 3) -> Times:
    """``measure(turn)`` for each turn, the first ones not counted."""
    return Times(all=[measure(turn) for turn in range(num + warm_up)][warm_up:])


def until(page: Page, condition: str, *, seconds: float = 30) -> None:
    """Wait for a condition; the page's policy forbids Playwright's own way of doing so."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(f"() => {condition}"):
        if time.monotonic() > deadline:
            raise SystemExit(f"not so within {seconds:.0f} s: {condition}")
        page.wait_for_timeout(20)


def settled(page: Page) -> None:
    """Wait until the script has ended and nothing is on its way."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
