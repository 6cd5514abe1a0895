"""
What closing costs: `python -m tests.benchmarks.closing [SIZE …]`.

For each size a server of its own is started on an empty directory with so many positions (a
hundred an account), and one `FlattenEverything` closes them over a real socket, journal and paper
venue on disk. Beside it, in the same run and before each size anew, stands a bare `websockets`
echo at 50 connections: the figures to quote are the ratios to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

HEADING = (
    " positions  echo req/s   closes/s  x echo  us/close  first order ms  total s  final KiB  flat"
)
SIZES = (1, 100, 10_000, 100_000)
POSITIONS_AN_ACCOUNT = 100
ECHO_CONNECTIONS = 50
ECHO_SECONDS = 2.0
ECHO_MESSAGE = '{"action":"rpc","id":"request-00000001","api":"Ping","args":{"payload":"' + "x" * 74


class Run(msgspec.Struct, frozen=True):
    """One `FlattenEverything`. Seconds, but for `echo`, which is requests a second."""

    size: int
    echo: float
    first_order: float
    total: float
    final_bytes: int
    flat: bool

    @property
    def closes_per_second(self) -> float:
        return self.size / self.total


@contextmanager
def a_server(positions: int) -> Iterator[tuple[str, str]]:
    """Run a server of its own with so many positions; its address and its token."""
    with tempfile.TemporaryDirectory(prefix="rpcserver-benchmark-") as directory:
        environ = os.environ | {
            "RPCSERVER_VENUE_SYNTHETIC_POSITIONS": str(positions),
            "RPCSERVER_VENUE_SYNTHETIC_ACCOUNTS": str(max(positions // POSITIONS_AN_ACCOUNT, 1)),
            "RPCSERVER_VENUE_TICK_INTERVAL": "0",
            "RPCSERVER_LOG_LEVEL": "error",
        }
        command = [sys.executable, "-m", "rpcserver", "serve", "--data-dir", directory]
        server = subprocess.Popen(
            [*command, "--port", "0"], env=environ, stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            ready = server.stdout.readline()
            url = next(word for word in ready.split() if word.startswith("ws://"))
            yield url, (Path(directory) / "admin.token").read_text().strip()
        finally:
            server.terminate()
            server.wait(30)


async def echo_rate() -> float:
    """Requests a second of a bare echo: the machine's measure at this moment."""

    async def answer(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    done = [0] * ECHO_CONNECTIONS

    async def ask(index: int, socket: ClientConnection, until: float) -> None:
        while time.perf_counter() < until:
            await socket.send(ECHO_MESSAGE)
            await socket.recv()
            done[index] += 1

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        port: int = next(iter(server.sockets)).getsockname()[1]
        sockets = [
            await connect(f"ws://127.0.0.1:{port}", compression=None)
            for _ in range(ECHO_CONNECTIONS)
        ]
        started = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for index, socket in enumerate(sockets):
                tasks.start_soon(ask, index, socket, started + ECHO_SECONDS)
        elapsed = time.perf_counter() - started
        for socket in sockets:
            await socket.close()
    return sum(done) / elapsed


async def close_all(url: str, token: str, size: int, echo: float) -> Run:
    """Send one `FlattenEverything` and watch it to its proof."""
    headers = {"Authorization": f"Bearer {token}"}
    call = {
        "action": "rpc",
        "id": "benchmark",
        "api": "FlattenEverything",
        "args": {"deadlineMs": 600_000},
    }
    first = None
    async with connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        started = time.perf_counter()
        await socket.send(msgspec.json.encode(call).decode())
        while True:
            frame = await socket.recv(decode=False)
            if first is None and b'"event":"sending"' in frame:
                first = time.perf_counter() - started
            if frame.startswith(b'{"id":'):
                total = time.perf_counter() - started
                data = msgspec.json.decode(frame)["data"]
                return Run(size, echo, first or total, total, len(frame), data["flat"])


def main() -> None:
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    print(HEADING)
    for size in sizes:
        with a_server(size) as (url, token):
            echo = anyio.run(echo_rate)
            run = anyio.run(close_all, url, token, size, echo)
        print(
            f"{run.size:>10} {run.echo:>11.0f} {run.closes_per_second:>10.0f} "
            f"{run.closes_per_second / run.echo:>7.2f} {run.total / run.size * 1e6:>9.0f} "
            f"{run.first_order * 1e3:>15.1f} {run.total:>8.2f} "
            f"{run.final_bytes / 1024:>10.1f}  {run.flat}",
            flush=True,
        )


if __name__ == "__main__":
    main()
