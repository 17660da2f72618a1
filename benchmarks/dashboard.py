"""Measure the dashboard in a real browser, with a million scored samples and 100,000 real thumbnails.

    python -m benchmarks.dashboard [--runs FOLDER] [--run million] [--repeats 20]

Without ``--runs`` the run is made first (``benchmarks.million``, two minutes and 14 GB). Every time stands beside the
floor: an interaction on a bare Streamlit page in the same browser, because times alone say as much about the machine as
about us. Writes ``results/dashboard.json`` and ``.md``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from benchmarks import million
from benchmarks.browsing import arrival, floor, gallery, service, stopwatch, views, work
from benchmarks.browsing.gallery import Burst
from benchmarks.browsing.stopwatch import Times
from bir_core import jobs, run_folder, storage
from bir_core.run_folder import Run
from tests.browser import chromium, server

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SESSIONS = 10


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; lower is better. What is timed has a p95 too.

    ``floor`` is what a bare page needs for the same, where that is not the interaction that others are held against.
    """

    what: str
    value: float
    bar: float
    p95: float | None = None
    p95_bar: float | None = None
    floor: float | None = None
    num: int = 1
    unit: str = "ms"

    @property
    def met(self) -> bool:
        """Whether it is within its bars."""
        return self.value <= self.bar and (self.p95 is None or self.p95_bar is None or self.p95 <= self.p95_bar)


@dataclass(frozen=True, kw_only=True)
class Bare:
    """What a bare page needs: for an interaction, and for its first paint with an empty and a filled cache."""

    interaction: Times
    cold: Times
    warm: Times


def timed(what: str, times: Times, bar: float, p95_bar: float | None = None, *, floor: Times | None = None) -> Row:
    """A row of repeated milliseconds."""
    least = None if floor is None else floor.median
    return Row(what=what, value=times.median, p95=times.p95, bar=bar, p95_bar=p95_bar, floor=least, num=len(times.all))


@contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """A page of its own with the stopwatch in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(stopwatch.SCRIPT)
    yield page
    context.close()


def of_gallery(browser: Browser, url: str, run: Run, num: int) -> tuple[list[Row], Burst]:
    """Keys, verdicts, jumps and pages."""
    with window(browser) as page:
        gallery.open_it(page, url, run)
        rows = [timed("arrow key", gallery.arrows(page, 2 * num), 50, 80)]
        shown, stored = gallery.decisions(page, num)
        rows += [timed("verdict key", shown, 50, 80), timed("verdict stored (acknowledged)", stored, 60, 100)]
        found = gallery.burst(page, run)
        rows.append(timed("random jump in the ranking", gallery.jumps(page, 2 * num), 80, 130))
        rows.append(Row(what="heap of the browser", value=service.browser_heap_mb(page), bar=256, unit="MB"))
    bars = {60: (80, 120), 200: (120, 200)}
    for wanted, (in_view, times) in gallery.pages(browser, url, run, num).items():
        rows.append(timed(f"page of {in_view} pairs (bar: {wanted})", times, *bars[wanted]))
    return rows, found


def of_views(browser: Browser, url: str, run: Run, num: int) -> list[Row]:
    """Threshold, filters, order, change of page."""
    with window(browser) as page:
        views.open_scores(page, url, run)
        rows = [
            timed("threshold dragged", views.drags(page, 2 * num), 30, 50),
            timed("threshold released, all counts", views.releases(page, num), 80, 120),
        ]
        gallery.open_it(page, url, run)
        rows += [
            timed("filter by class, all counts", views.filters(page, num), 80, 120),
            timed("another order, first samples", views.sorts(page, num), 80, 120),
            timed("change of page", views.switches(page, num), 90, 130),
        ]
    return rows


def of_routes(browser: Browser, url: str, run: Run, num: int) -> list[Row]:
    """Our routes under one client and eight."""
    with window(browser) as page:
        gallery.open_it(page, url, run)
        client = service.asker(page, url, run)
    rows = []
    for kind in ("cards", "sprite", "verdicts"):
        rows.append(timed(f"route {kind}, one client", service.one_client(client, kind, 10 * num), 4, 10))
        times = service.eight_clients(client, kind, 5 * num)
        rows.append(Row(what=f"route {kind}, eight clients, p95", value=times.p95, bar=30, num=len(times.all)))
    return rows


def of_arrival(browser: Browser, url: str, run: Run, bare: Bare, num: int) -> list[Row]:
    """First paint and first card."""
    scores, suspects = f"{url}/scores?run={run.name}", f"{url}/suspects?run={run.name}"
    cold, warm = (
        arrival.cold(browser, scores, arrival.HEADING, num),
        arrival.warm(browser, scores, arrival.HEADING, num),
    )
    card = arrival.cold(browser, suspects, arrival.CARD, num)
    return [
        timed("first paint, empty cache", cold, 1600, floor=bare.cold),
        timed("first paint, filled cache", warm, 800, floor=bare.warm),
        timed("first card of the gallery, empty cache", card, 1500, floor=bare.cold),
    ]


def of_jobs(browser: Browser, url: str, root: Path, num: int) -> list[Row]:
    """Start, cancelling and crash of a job."""
    with window(browser) as page:
        found = work.measure(page, url, root, num)
    return [
        timed("start of a job visible", found["start"], 600),
        timed("cancelling visible", found["cancel"], 1500),
        timed("crash visible", found["crash"], 2500),
    ]


def of_sessions(browser: Browser, url: str, run: Run, process: psutil.Process) -> list[Row]:
    """What open pages cost that nobody touches."""
    percent, each = service.cost_of_sessions(browser, process, f"{url}/suspects?run={run.name}", num=SESSIONS)
    with work.fresh_run(run.path.parent) as computed:
        jobs.submit(computed.path.parent, computed.name)
        work.at_work(computed)
        busy, _ = service.cost_of_sessions(browser, process, f"{url}/jobs?run={computed.name}", num=SESSIONS)
    return [
        Row(what=f"polling of {SESSIONS} open galleries, of a core", value=percent, bar=3, unit="%"),
        Row(what=f"polling of {SESSIONS} pages that watch a job, of a core", value=busy, bar=3, unit="%"),
        Row(what="memory of a further session", value=each, bar=0.5, unit="MB"),
    ]


def measure(runs: Path, name: str, num: int) -> tuple[list[Row], Burst, Bare]:
    """Everything, on one server and in one browser, the floor first."""
    run = run_folder.open_run(runs, name)
    with tempfile.TemporaryDirectory() as scratch, chromium.launch() as browser:
        bare = of_bare_page(browser, Path(scratch), num)
        with server.serve(runs, Path(scratch) / "log") as started:
            process = psutil.Process(started.process.pid)
            rows = of_arrival(browser, started.url, run, bare, max(5, num // 4))
            found, burst = of_gallery(browser, started.url, run, num)
            rows += found
            rows += of_views(browser, started.url, run, num)
            rows += of_routes(browser, started.url, run, num)
            rows.append(Row(what="memory of the server, the most", value=service.peak_mb(process), bar=250, unit="MB"))
            rows += of_sessions(browser, started.url, run, process)
            rows += of_jobs(browser, started.url, runs, max(6, num // 3))
    return rows, burst, bare


def of_bare_page(browser: Browser, folder: Path, num: int) -> Bare:
    """The floor."""
    few = max(5, num // 4)
    with serve_bare(folder) as url, window(browser) as page:
        return Bare(
            interaction=floor.interaction(page, url, 2 * num),
            cold=arrival.cold(browser, url, arrival.HEADING, few),
            warm=arrival.warm(browser, url, arrival.HEADING, few),
        )


@contextmanager
def serve_bare(folder: Path) -> Iterator[str]:
    """A Streamlit server of the bare page."""
    script, port = floor.write(folder), server.free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    with server.started(command, port, folder / "bare.log") as found:
        yield found.url


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


def as_markdown(rows: list[Row], burst: Burst, bare: Bare, place: dict[str, object], num_samples: int) -> str:
    """The table, with the machine named."""
    order = "in order" if burst.in_order else "NOT in order"
    lines = [
        "# The dashboard, measured in a real browser",
        "",
        f"Made by `python -m benchmarks.dashboard` with {num_samples:,} scored samples and 100,000 thumbnails. Times",
        "run from the browser's event to the paint, two frames (33 ms) included. The floor is a key on the slider of a",
        f"bare Streamlit page in the same browser: median {bare.interaction.median:.0f} ms, p95 "
        f"{bare.interaction.p95:.0f} ms; for the first paint, that of the bare page: {bare.cold.median:.0f} ms with an",
        f"empty cache, {bare.warm.median:.0f} ms with a filled one.",
        "",
        "| what | median | p95 | bar | met | × floor | n |",
        "|---|---|---|---|---|---|---|",
        *(_line(row, bare) for row in rows),
        "",
        f"A verdict on each of {burst.sent} samples, 20 a second: {burst.stored} stored, {order}, all acknowledged",
        f"{burst.seconds:.2f} s after the first key.",
        "",
        "Machine:",
        "",
        "```json",
        json.dumps(place, indent=2),
        "```",
        "",
    ]
    return "\n".join(lines)


def _line(row: Row, bare: Bare) -> str:
    digits = 0 if row.value >= 100 else 1
    cells = (
        f"{row.what} ({row.unit})",
        f"{row.value:.{digits}f}",
        "" if row.p95 is None else f"{row.p95:.{digits}f}",
        f"{row.bar:g}" + (f" / {row.p95_bar:g}" if row.p95_bar is not None else ""),
        "yes" if row.met else "**no**",
        f"{row.value / (row.floor or bare.interaction.median):.2f}" if row.unit == "ms" else "",
        str(row.num),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure the dashboard in a real browser.")
    parser.add_argument("--runs", type=Path, help="folder of runs; without it a run of a million samples is made")
    parser.add_argument("--run", default=million.NAME, help=f"name of the run (default {million.NAME})")
    parser.add_argument("--repeats", type=int, default=20, help="of each action; some take more (default 20)")
    options = parser.parse_args()
    place = machine()
    with tempfile.TemporaryDirectory() as scratch:
        runs = options.runs or Path(scratch)
        if options.runs is None:
            million.write(runs, num_samples=1_000_000, num_suspects=100_000, seed=0)
        num_samples = len(storage.load_labels(run_folder.open_run(runs, options.run).path / "data", "train"))
        rows, burst, bare = measure(runs, options.run, options.repeats)
    result = {
        "machine": place,
        "bare_page_ms": asdict(bare),
        "rows": [asdict(row) | {"met": row.met} for row in rows],
        "burst": asdict(burst),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "dashboard.json").write_text(json.dumps(result, indent=2) + "\n")
    text = as_markdown(rows, burst, bare, place, num_samples)
    (RESULTS / "dashboard.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
