"""
What watching costs, and whether it works: `python -m tests.benchmarks.watching [SIZE]`.

While one `FlattenEverything` closes so many positions (10,000), another process asks for
`/readyz` and `/metrics` again and again, as an orchestrator and Prometheus would. The worst
latencies are the figures to quote; the CPU time beside them is the server's own.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import urllib.request
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.managers import SyncManager
from threading import Event
from urllib.parse import urlsplit

import anyio

from tests.benchmarks.closing import a_server, close_all

SIZE = 10_000
PAUSE = 0.05  # seconds between two requests for one page
PAGES = ("/livez", "/readyz", "/metrics")
TIMEOUT = 30.0  # seconds


def ask(base: str, stop: Event) -> dict[str, list[float]]:
    """Ask for every page until *stop* is set; how long each answer took, in seconds."""
    taken: dict[str, list[float]] = {page: [] for page in PAGES}
    while not stop.is_set():
        for page, latencies in taken.items():
            began = time.perf_counter()
            with urllib.request.urlopen(base + page, timeout=TIMEOUT) as answer:
                answer.read()
            latencies.append(time.perf_counter() - began)
        time.sleep(PAUSE)
    return taken


def watched(size: int, asking: ProcessPoolExecutor, manager: SyncManager) -> None:
    """Close *size* positions under watch, and print what watching was like."""
    with a_server(size) as (url, token):
        stop = manager.Event()
        asked: Future[dict[str, list[float]]] = asking.submit(
            ask, f"http://{urlsplit(url).netloc}", stop
        )
        run = anyio.run(close_all, url, token, size, 1.0)
        stop.set()
        taken = asked.result(TIMEOUT)
    print(f"{size} positions: {run.closes_per_second:.0f} closes/s, flat: {run.flat}")
    for page, latencies in taken.items():
        latencies.sort()
        print(
            f"{page:<10} {len(latencies):>5} answers"
            f"   median {latencies[len(latencies) // 2] * 1e3:>7.1f} ms"
            f"   worst {latencies[-1] * 1e3:>7.1f} ms"
        )


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else SIZE
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as asking, fresh.Manager() as manager:
        watched(size, asking, manager)


if __name__ == "__main__":
    main()
