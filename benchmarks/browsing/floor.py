"""What Streamlit itself needs for an interaction on an empty page: what every figure of ours is compared with."""

from pathlib import Path

from playwright.sync_api import Page

from benchmarks.browsing import stopwatch
from benchmarks.browsing.stopwatch import Times

BARE_PAGE = """
import streamlit as st

st.title("Bare page")
value = st.slider("Value", 0, 1000, 500)
st.metric("Twice the value", 2 * value)
"""


def write(folder: Path) -> Path:
    """The script of the bare page."""
    script = folder / "bare.py"
    script.write_text(BARE_PAGE)
    return script


def interaction(page: Page, url: str, num: int) -> Times:
    """A key on the slider until the number that follows from it is painted."""
    page.goto(url)
    page.get_by_role("slider").wait_for()
    stopwatch.settled(page)

    def move(turn: int) -> float:
        page.get_by_role("slider").focus()
        page.evaluate("bench.shown = document.querySelector('[data-testid=stMetricValue]').textContent")
        changed = "document.querySelector('[data-testid=stMetricValue]').textContent !== bench.shown"
        key = "ArrowRight" if turn % 2 else "ArrowLeft"
        return stopwatch.after_event(page, "keydown", changed, lambda: page.keyboard.press(key))

    return stopwatch.repeat(move, num)
