"""The server itself: how fast our routes answer one client and eight, what polling costs, and what it holds."""

import http.client
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

from benchmarks.browsing import gallery, stopwatch
from benchmarks.browsing.stopwatch import Times
from bir_core import storage
from bir_core.run_folder import Run

PAIRS = 60


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A client of our routes, as our page is one."""

    url: str
    run: Run
    token: str
    version: str

    def path(self, kind: str, draw: np.random.Generator) -> str:
        """A request of a kind that was not made before."""
        if kind == "cards":
            start = int(draw.integers(0, 900_000))
            return f"cards?t={gallery.EVERYTHING}&start={start}&count={PAIRS}"
        if kind == "sprite":
            num = len(storage.load_labels(self.run.path / "data", "train"))
            samples = ",".join(map(str, draw.integers(0, num, PAIRS).tolist()))
            return f"sprite/{self.version}?samples={samples}"
        return "verdicts?after=1000000000"

    def ask(self, kind: str, num: int, seed: int) -> list[float]:
        """Milliseconds of each of ``num`` requests, one after the other."""
        place, draw = urlsplit(self.url), np.random.default_rng(seed)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        found = []
        for _ in range(num):
            path = f"/api/runs/{self.run.name}/{self.path(kind, draw)}"
            start = time.perf_counter()
            connection.request("GET", path, headers={"x-bir-token": self.token})
            answer = connection.getresponse()
            answer.read()
            found.append(1000 * (time.perf_counter() - start))
            if answer.status != http.HTTPStatus.OK:
                raise SystemExit(f"{path} was answered with {answer.status}")
        connection.close()
        return found


def asker(page: Page, url: str, run: Run) -> Asker:
    """With the token that the open gallery holds."""
    token, version = page.evaluate("[bench.gallery.server.token, bench.gallery.ranking.version]")
    return Asker(url=url, run=run, token=token, version=version)


def one_client(client: Asker, kind: str, num: int) -> Times:
    """Requests one after the other."""
    return Times(all=client.ask(kind, num + 5, seed=1)[5:])


def eight_clients(client: Asker, kind: str, num: int) -> Times:
    """Eight clients at once."""
    found: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda seed=seed: found.append(client.ask(kind, num, seed))) for seed in range(2, 10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) < len(threads):
        raise SystemExit(f"a client of {kind} failed")
    return Times(all=[each for times in found for each in times])


def cost_of_sessions(
    browser: Browser, process: psutil.Process, address: str, *, num: int, seconds: float = 20
) -> tuple[float, float]:
    """What ``num`` open pages of an address cost that nobody touches: percent of a core, and MB for each of them."""
    before = resident_mb(process)
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in range(num)]
    for context in contexts:
        page = context.new_page()
        page.goto(address)
        stopwatch.settled(page)
    time.sleep(3)
    start, spent = time.monotonic(), _cpu_seconds(process)
    time.sleep(seconds)
    percent = 100 * (_cpu_seconds(process) - spent) / (time.monotonic() - start)
    each = (resident_mb(process) - before) / num
    for context in contexts:
        context.close()
    return percent, each


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def resident_mb(process: psutil.Process) -> float:
    """What the server holds now."""
    return float(process.memory_info().rss) / 2**20


def peak_mb(process: psutil.Process) -> float:
    """The most that it ever held; where the system keeps no record of it, what it holds now."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resident_mb(process)


def browser_heap_mb(page: Page) -> float:
    """What the page's scripts hold, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 2**20
