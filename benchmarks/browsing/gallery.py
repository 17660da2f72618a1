"""The gallery at a million samples: moving, jumping, deciding, and a burst of verdicts of which none may be lost."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.browsing import stopwatch
from benchmarks.browsing.stopwatch import Times
from bir_core import verdicts
from bir_core.run_folder import Run

EVERYTHING = -1000
"""A threshold below every score: all samples are suspects."""

NOTHING_WAITS = "bench.gallery.node.dataset.waiting === '0'"
BURST = 100
EVERY_SECONDS = 0.05
PAGES = {60: (1900, 1700), 200: (5400, 2000)}
"""Windows in which at least so many pairs are in view."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What became of verdicts given one right after the other."""

    sent: int
    stored: int
    in_order: bool
    seconds: float


def open_it(page: Page, url: str, run: Run, **query: Any) -> None:
    """The gallery with all samples, its first tiles painted, and a reviewer's name given."""
    parameters = "&".join(f"{name}={value}" for name, value in {"run": run.name, "t": EVERYTHING, **query}.items())
    page.goto(f"{url}/suspects?{parameters}")
    page.locator(".tile.focus .rank").wait_for()
    stopwatch.until(page, "bench.isPainted()")
    stopwatch.settled(page)
    page.get_by_label("Reviewer").fill("bench")
    page.get_by_label("Reviewer").press("Enter")


def arrows(page: Page, num: int) -> Times:
    """An arrow key until the next tile has the focus, its pictures painted."""

    def move(_turn: int) -> float:
        place = page.evaluate("bench.gallery.focus")
        done = f"bench.gallery.focus === {place + 1} && bench.deep('.tile.focus')?.dataset.position === '{place + 1}'"
        milliseconds = stopwatch.after_event(
            page, "keydown", f"{done} && bench.isPainted()", lambda: page.keyboard.press("ArrowRight")
        )
        page.wait_for_timeout(60)
        return milliseconds

    return stopwatch.repeat(move, num)


def decisions(page: Page, num: int) -> tuple[Times, Times]:
    """A verdict key until the tile shows the verdict, and until it shows that the server has it."""
    shown, stored = [], []
    for turn in range(num + 3):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(120)
        page.evaluate("bench.tile = bench.deep('.tile.focus')")
        one, other = (("k", "keep"), ("d", "remove"))[:: 1 if turn % 2 else -1]
        first = _decide(page, *one, until="true")
        stopwatch.until(page, NOTHING_WAITS)
        second = _decide(page, *other, until=f"bench.tile.dataset.state === 'saved' && {NOTHING_WAITS}")
        if turn >= 3:
            shown.append(first)
            stored.append(second)
    return Times(all=shown), Times(all=stored)


def _decide(page: Page, key: str, verdict: str, *, until: str) -> float:
    done = f"bench.tile.dataset.verdict === '{verdict}' && {until}"
    return stopwatch.after_event(page, "keydown", done, lambda: page.keyboard.press(key))


def burst(page: Page, run: Run) -> Burst:
    """A verdict on each of 100 samples, 20 a second."""
    before = verdicts.entries(run)
    last = before[-1].seq if before else 0
    samples, start = [], time.monotonic()
    for turn in range(BURST):
        page.keyboard.press("ArrowRight")
        samples.append(int(page.evaluate("bench.gallery.ranking.card(bench.gallery.focus).sample")))
        page.keyboard.press("k" if turn % 2 else "d")
        time.sleep(max(0.0, start + (turn + 1) * EVERY_SECONDS - time.monotonic()))
    stopwatch.until(page, NOTHING_WAITS)
    stored = [entry.sample for entry in verdicts.entries(run, after=last)]
    return Burst(sent=BURST, stored=len(stored), in_order=stored == samples, seconds=round(time.monotonic() - start, 2))


def jumps(page: Page, num: int) -> Times:
    """The scroll bar set anywhere in the ranking until every tile in view is painted."""
    draw = np.random.default_rng(0)

    def jump(_turn: int) -> float:
        milliseconds = stopwatch.after_script(page, f"bench.jump({draw.random()})", "bench.isPainted()")
        page.wait_for_load_state("networkidle")
        return milliseconds

    return stopwatch.repeat(jump, num)


def pages(browser: Browser, url: str, run: Run, num: int) -> dict[int, tuple[int, Times]]:
    """A page somewhere in the ranking of at least 60 and 200 pairs, and how many they are."""
    found = {}
    for wanted, (width, height) in PAGES.items():
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.add_init_script(stopwatch.SCRIPT)
        page.add_init_script("localStorage.setItem('bir-detail', 'no')")
        open_it(page, url, run)
        in_view = int(page.evaluate("bench.pairsInView()"))
        if in_view < wanted:
            raise SystemExit(f"a window of {width} × {height} shows {in_view} pairs, not {wanted}")
        found[wanted] = (in_view, jumps(page, num))
        context.close()
    return found
