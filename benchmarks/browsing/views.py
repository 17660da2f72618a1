"""The other views at a million samples: the threshold dragged and released, filters, sorting, change of page."""

from collections.abc import Callable

from playwright.sync_api import Page

from benchmarks.browsing import stopwatch
from benchmarks.browsing.stopwatch import Times
from bir_core.run_folder import Run

COUNT = "document.querySelector('[data-testid=stMetricValue]')?.textContent"
HEADING = "document.querySelector('[data-testid=stMain] h1')?.textContent"
HAS_ENDED = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"


def open_scores(page: Page, url: str, run: Run) -> None:
    """The histogram with its line."""
    page.goto(f"{url}/scores?run={run.name}")
    page.locator(".histogram .knob").wait_for()
    stopwatch.settled(page)


def drags(page: Page, num: int) -> Times:
    """The line moved by the mouse until it is drawn there, with its counts; without the two frames after that."""
    x, y = _grab(page)

    def move(turn: int) -> float:
        page.evaluate("bench.shown = bench.deep('.histogram .label').textContent")
        changed = "bench.deep('.histogram .label').textContent !== bench.shown"
        to = x + 12 + 12 * (turn % 20)
        return stopwatch.after_event(page, "pointermove", changed, lambda: page.mouse.move(to, y), frames=0)

    times = stopwatch.repeat(move, num)
    page.mouse.up()
    stopwatch.settled(page)
    return times


def releases(page: Page, num: int) -> Times:
    """The line let go until the server's counts are painted."""

    def release(turn: int) -> float:
        x, y = _grab(page)
        page.mouse.move(x + (40 if turn % 2 else -40), y)
        page.evaluate(f"bench.shown = {COUNT}")
        milliseconds = stopwatch.after_event(page, "pointerup", f"{COUNT} !== bench.shown", page.mouse.up)
        stopwatch.settled(page)
        return milliseconds

    return stopwatch.repeat(release, num)


def _grab(page: Page) -> tuple[float, float]:
    box = page.locator(".histogram .knob").bounding_box()
    if box is None:
        raise SystemExit("the threshold's line is not to be seen")
    x, y = box["x"] + box["width"] / 2, box["y"] - 60
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y


def filters(page: Page, num: int) -> Times:
    """A class chosen, or taken away again, until the gallery says how many samples pass."""
    field = page.get_by_label("Given class")
    total = "bench.gallery?.counts.querySelector('b').textContent"

    def choose(turn: int) -> float:
        page.evaluate(f"bench.shown = {total}")
        if turn % 2:
            field.focus()
            kind, act = "keydown", _presses(page, "Backspace")
        else:
            field.click()
            # The first option selects all.
            option = page.get_by_role("option").nth(1)
            option.wait_for()
            kind, act = "click", option.click
        milliseconds = stopwatch.after_event(page, kind, f"{total} !== bench.shown", act)
        page.keyboard.press("Escape")
        stopwatch.settled(page)
        return milliseconds

    return stopwatch.repeat(choose, num, warm_up=2)


def sorts(page: Page, num: int) -> Times:
    """Another order chosen until the first sample under it is painted."""
    field = page.get_by_role("combobox", name="Order")
    first = "bench.gallery?.ranking.card(0)?.sample"

    def choose(turn: int) -> float:
        page.evaluate(f"bench.shown = {first}")
        field.click()
        option = page.get_by_role("option").nth((turn + 1) % 2)
        option.hover()
        done = f"{first} !== undefined && {first} !== bench.shown && bench.isPainted()"
        milliseconds = stopwatch.after_event(page, "click", done, option.click)
        stopwatch.settled(page)
        return milliseconds

    return stopwatch.repeat(choose, num, warm_up=2)


def switches(page: Page, num: int) -> Times:
    """A click on another page's name until that page stands there and its script has ended."""
    order = ("Scores", "Suspects", "Jobs")

    def switch(turn: int) -> float:
        title = order[turn % len(order)]
        link = page.get_by_test_id("stTopNavLink").filter(has_text=title)
        milliseconds = stopwatch.after_event(page, "click", f"{HEADING} === '{title}' && {HAS_ENDED}", link.click)
        stopwatch.settled(page)
        return milliseconds

    return stopwatch.repeat(switch, num)


def _presses(page: Page, key: str) -> Callable[[], None]:
    return lambda: page.keyboard.press(key)
