"""Measure the dashboard in a real browser: first paint, threshold move to painted, memory of the server.

    python -m benchmarks.dashboard [--runs FOLDER] [--run NAME] [--repeats 5] [--moves 40]

Without ``--runs`` it computes the demo first. Every figure stands beside the same measurement of a bare Streamlit page
in the same session, because times alone say as much about the machine as about us. Writes ``results/dashboard.json``
and ``.md``. "Painted" is the last change of the page outside the slider plus two animation frames (about 33 ms).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page

from tests.browser import chromium, server

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
VIEWS = ("", "scores", "suspects", "repair", "jobs")
TARGETS = {"first_paint_ms": 2000.0, "threshold_p95_ms": 200.0, "peak_memory_mb": 250.0}

BARE_PAGE = """
import streamlit as st

st.title("Bare page")
value = st.slider("Value", 0, 1000, 500)
st.metric("Twice the value", 2 * value)
"""

# Runs before the page's own scripts: when the first heading stands, two frames later it has been painted.
WATCH_FIRST_PAINT = """
window.firstPaint = new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('[data-testid="stMain"] h1, [data-testid="stMain"] [data-testid="stMetric"]'))
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""

# Resolves when nothing has changed for 400 ms, with the milliseconds from the key press to the last painted change.
WATCH_MOVE = """
() => {
  window.moved = new Promise((resolve, reject) => {
    let start = 0, painted = 0, timer = 0;
    const isOurs = (change) => {
      const element = change.target.nodeType === 1 ? change.target : change.target.parentElement;
      if (!element || element.closest('[data-testid="stSlider"]')) return false;
      return change.type !== 'attributes' || element.closest('svg') !== null;
    };
    const observer = new MutationObserver((changes) => {
      if (!start || !changes.some(isOurs)) return;
      requestAnimationFrame(() => requestAnimationFrame(() => { painted = performance.now(); }));
      clearTimeout(timer);
      timer = setTimeout(() => { observer.disconnect(); resolve(painted - start); }, 400);
    });
    observer.observe(document.querySelector('[data-testid="stMain"]'),
      { subtree: true, childList: true, characterData: true, attributes: true });
    document.addEventListener('keydown', () => {
      start = performance.now();
      setTimeout(() => { if (!painted) { observer.disconnect(); resolve(null); } }, 5000);
    }, { capture: true, once: true });
  });
}
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured of one app. Milliseconds and MB, lower is better."""

    first_paint_ms: float
    first_paint_all_ms: list[float]
    threshold_p50_ms: float
    threshold_p95_ms: float
    num_moves: int
    peak_memory_mb: float


@dataclass(frozen=True, kw_only=True)
class App:
    """What is measured: a script, the views to open, the one with the slider, and the query that names the run."""

    script: Path
    runs: Path
    views: tuple[str, ...] = ("",)
    slider_view: str = ""
    query: str = ""


@contextmanager
def serve(app: App) -> Iterator[tuple[str, psutil.Process]]:
    """A Streamlit server of ``app`` on a free port, from the moment on that it answers."""
    port = server.free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(app.script), "--server.port", str(port)]
    environment = os.environ | {"BIR_RUNS": str(app.runs)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_health(port, process)
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for_health(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the server stopped with exit code {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.02)
    raise SystemExit("the server did not answer within 60 s")


@contextmanager
def cold_page() -> Iterator[Page]:
    """A page in a new browser with an empty profile, so with nothing cached."""
    with chromium.launch() as browser:
        yield browser.new_page(viewport={"width": 1440, "height": 900})


def first_paint(url: str) -> float:
    """Milliseconds from the start of navigation to the first painted heading or figure."""
    with cold_page() as page:
        page.add_init_script(WATCH_FIRST_PAINT)
        page.goto(url, wait_until="commit")
        return float(page.evaluate("window.firstPaint"))


def threshold_moves(page: Page, num_moves: int) -> list[float]:
    """Milliseconds from an arrow key on the slider to the painted answer, after five moves to warm up."""
    slider = page.get_by_role("slider").first
    slider.wait_for(timeout=30_000)
    _settle(page)
    times: list[float] = []
    for move in range(num_moves + 5):
        slider.focus()
        page.evaluate(WATCH_MOVE)
        # Ten steps one way, ten back: the values stay where suspects are.
        page.keyboard.press("ArrowRight" if move // 10 % 2 == 0 else "ArrowLeft")
        milliseconds = page.evaluate("window.moved")
        if milliseconds is None:
            raise SystemExit("a threshold move changed nothing on the page within 5 s")
        if move >= 5:
            times.append(float(milliseconds))
    return times


def _settle(page: Page) -> None:
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_timeout(1000)


def visit(page: Page, url: str, app: App) -> None:
    """Open every view and let it finish, so that the server has loaded whatever it loads."""
    for view in app.views:
        page.goto(f"{url}/{view}{app.query}")
        page.wait_for_selector('[data-testid="stMain"] h1, [data-testid="stMain"] [data-testid="stMetric"]')
        _settle(page)


def peak_memory_mb(process: psutil.Process) -> float:
    """Largest resident memory of the server so far; where the system keeps no record of it, the present one."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return float(process.memory_info().rss) / 2**20


def measure(app: App, *, repeats: int, num_moves: int) -> Figures:
    """All figures of one app. Each first paint has a fresh server and a fresh browser."""
    paints = []
    for _ in range(repeats):
        with serve(app) as (url, _process):
            paints.append(first_paint(f"{url}/{app.query}"))
    with serve(app) as (url, process), cold_page() as page:
        visit(page, url, app)
        page.goto(f"{url}/{app.slider_view}{app.query}")
        moves = threshold_moves(page, num_moves)
        memory = peak_memory_mb(process)
    return Figures(
        first_paint_ms=statistics.median(paints),
        first_paint_all_ms=paints,
        threshold_p50_ms=float(np.percentile(moves, 50)),
        threshold_p95_ms=float(np.percentile(moves, 95)),
        num_moves=len(moves),
        peak_memory_mb=memory,
    )


def machine() -> dict[str, object]:
    """Where the figures come from."""
    browser = subprocess.run(
        [chromium.find() or "chromium", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    names = ("streamlit", "plotly", "starlette", "numpy", "pandas", "playwright")
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(),
        "python": platform.python_version(),
        "browser": f"{browser}, headless, software rendering",
        "versions": {name: metadata.version(name) for name in names},
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def as_markdown(result: dict[str, object], ours: Figures, bare: Figures) -> str:
    rows = [
        ("first paint after the server answers, ms", "first_paint_ms"),
        ("threshold move to painted, median, ms", "threshold_p50_ms"),
        ("threshold move to painted, p95, ms", "threshold_p95_ms"),
        ("peak memory of the server, MB", "peak_memory_mb"),
    ]
    lines = [
        "# The dashboard, measured in a real browser",
        "",
        f"Made by `python -m benchmarks.dashboard` with the run `{result['run']}`. First paint: median of "
        f"{len(ours.first_paint_all_ms)}, each with a fresh server and a fresh browser. "
        f"Threshold: {ours.num_moves} moves.",
        "The bare page is one slider and one number in plain Streamlit, in the same session with the same settings.",
        "",
        "| what | dashboard | bare page | ratio | target | met |",
        "|---|---|---|---|---|---|",
    ]
    for title, name in rows:
        value, base, target = getattr(ours, name), getattr(bare, name), TARGETS.get(name)
        judged = " | " if target is None else f"{target:.0f} | {'yes' if value <= target else 'no'}"
        lines.append(f"| {title} | {value:.0f} | {base:.0f} | {value / base:.2f} | {judged} |")
    lines += ["", "Machine:", "", "```json", json.dumps(result["machine"], indent=2), "```", ""]
    return "\n".join(lines)


def compute_demo(runs: Path) -> None:
    print("computing the demo first ...", flush=True)
    subprocess.run([sys.executable, "-m", "bir_core", "demo", "--runs", str(runs)], cwd=ROOT, check=True)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure the dashboard in a real browser.")
    parser.add_argument("--runs", type=Path, help="folder of runs; without it the demo is computed in a temporary one")
    parser.add_argument("--run", default="", help="name of a finished run (default: the one that the dashboard opens)")
    parser.add_argument("--repeats", type=int, default=5, help="cold first paints (default 5)")
    parser.add_argument("--moves", type=int, default=40, help="threshold moves (default 40)")
    options = parser.parse_args()
    place = machine()
    with tempfile.TemporaryDirectory() as scratch:
        runs = options.runs or Path(scratch) / "runs"
        if options.runs is None:
            compute_demo(runs)
        bare_app = Path(scratch) / "bare.py"
        bare_app.write_text(BARE_PAGE)
        ours_app = App(
            script=ROOT / "dashboard" / "app.py",
            runs=runs,
            views=VIEWS,
            slider_view="scores",
            query=f"?run={options.run}" if options.run else "",
        )
        bare = measure(App(script=bare_app, runs=runs), repeats=options.repeats, num_moves=options.moves)
        ours = measure(ours_app, repeats=options.repeats, num_moves=options.moves)
    names = ("first_paint_ms", "threshold_p50_ms", "threshold_p95_ms", "peak_memory_mb")
    result: dict[str, object] = {
        "run": options.run or "the newest",
        "machine": place,
        "dashboard": asdict(ours),
        "bare_page": asdict(bare),
        "ratios": {name: getattr(ours, name) / getattr(bare, name) for name in names},
        "targets": TARGETS,
        "met": {name: getattr(ours, name) <= target for name, target in TARGETS.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "dashboard.json").write_text(json.dumps(result, indent=2) + "\n")
    text = as_markdown(result, ours, bare)
    (RESULTS / "dashboard.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
