"""
Hours scaled to minutes: `python -m tests.benchmarks.soak [--seconds 60]`.

One server at a venue process of its own. Connections come and go, politely or not; they read,
trade, flatten, subscribe, follow operations; some never read a word of what they asked for. Prints
the server's memory at the start (once warm), in the middle and at the end, and exits with 1 if it
grew beyond the bound from the middle on, if a call had no answer, or if the server died.

The server answers for the latest operations from memory, so until it holds as many as it ever
will, each adds a little: that is allowed for, and printed.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rpcserver.core.state import LEGS_KEPT
from tests.acceptance.processes import ServerProgram, VenueProgram, running

DESKS = 6  # principals, each with a token
GUESTS = 4  # connections of each that come and go
PATIENCE = 30.0  # seconds for an answer
WARM = 0.2  # the part of the time after which "start" is measured
GROWTH_MAX = 1.05  # the end against the middle
SLACK = 8 * 2**20  # bytes beside it: what a collector has not got round to
REPORT = 8 * 2**10  # bytes of a finished operation, answered from memory
REPORTS_MAX = LEGS_KEPT // 2  # a report counts as its legs and one
CHANNELS = ("positions", "orders", "executions", "operations")
READS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Ping", {}),
    ("ListAccounts", {}),
    ("GetAllPositions", {}),
    ("ListPositions", {"account": "Sim101"}),
    ("ListOrders", {"account": "user123"}),  # who does not trade: the answer stays as long
    ("GetQuote", {"instrument": "ES 12-25"}),
    ("MarketInfo", {"root": "ES"}),
    ("ListOperations", {"limit": 5}),
    ("Flatten", {"account": "Sim101", "dryRun": True}),
    ("Flatten", {"account": "nobody"}),
    ("NoSuchApi", {}),
)


class Tally:
    """What happened, in numbers."""

    def __init__(self) -> None:
        self.asked = self.answered = self.unanswered = 0
        self.connections = self.slow = 0
        self.frames = self.operations = 0


class Measured(NamedTuple):
    """The server at one moment."""

    what: str
    at: float  # seconds
    held: int  # bytes
    operations: int


class Guest:
    """One connection, and the calls it waits for."""

    _numbers = count(1)

    def __init__(self, connection: ClientConnection, tally: Tally) -> None:
        self._connection = connection
        self._tally = tally
        self.has_left = False

    async def say(self, **frame: object) -> None:
        await self._connection.send(json.dumps(frame))

    async def call(self, api: str, args: dict[str, object]) -> dict[str, Any]:
        """Make a call and wait for its final frame; {} if none came."""
        name = f"soak-{next(self._numbers)}"
        self._tally.asked += 1
        with anyio.move_on_after(PATIENCE), suppress(ConnectionClosed):
            await self.say(action="rpc", id=name, api=api, args=args)
            while True:
                frame: dict[str, Any] = json.loads(await self._connection.recv())
                self._tally.frames += 1
                if frame.get("id") == name:
                    self._tally.answered += 1
                    data: dict[str, Any] = frame["data"]
                    self._tally.operations += "operationId" in data
                    return data
        self._tally.unanswered += 1
        return {}

    def vanish(self) -> None:
        """Be gone without a word."""
        self.has_left = True
        self._connection.transport.abort()


class Soak:
    """Everybody who talks to the server, until the time is up."""

    def __init__(self, server: ServerProgram, tokens: list[str], seed: int) -> None:
        self._server = server
        self._tokens = tokens
        self._dice = random.Random(seed)
        self._until = 0.0
        self.tally = Tally()

    async def run(self, seconds: float) -> None:
        """Have everybody come and go; nobody is thrown out while waiting for an answer."""
        self._until = time.monotonic() + seconds
        async with anyio.create_task_group() as tasks:
            for token in self._tokens:
                for _ in range(GUESTS):
                    tasks.start_soon(self._again_and_again, token, self._visit)
                sleeper = partial(self._again_and_again, is_narrow=True)
                tasks.start_soon(sleeper, token, self._sleep_over_it)

    async def _again_and_again(
        self, token: str, visit: Callable[[Guest], Awaitable[None]], *, is_narrow: bool = False
    ) -> None:
        while not self._is_over():
            async with self._connected(token, is_narrow=is_narrow) as guest:
                await visit(guest)
            await anyio.sleep(self._dice.uniform(0, 0.05))

    async def _visit(self, guest: Guest) -> None:
        """Come, ask for this and that, and go: with a goodbye, or without."""
        if self._dice.random() < 0.5:
            await guest.say(action="subscribe", instruments=["ES 12-25", "NSE:INFY"],
                            channels=["positions", "orders", "operations"])  # fmt: skip
        if self._dice.random() < 0.2:
            await guest.say(action="streamPnl", enabled=True, interval=1000)
        for _ in range(self._dice.randint(1, 12)):
            if guest.has_left or self._is_over():
                return
            await self._ask(guest)
            await anyio.sleep(self._dice.uniform(0, 0.1))
        if self._dice.random() < 0.5:
            guest.vanish()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until

    async def _ask(self, guest: Guest) -> None:
        roll = self._dice.random()
        if roll < 0.8:
            await guest.call(*self._dice.choice(READS))
        elif roll < 0.9:
            order = {"account": "Sim102", "instrument": "MES 12-25", "action": "Buy",
                     "orderType": "Market", "quantity": 1, "timeInForce": "Gtc"}  # fmt: skip
            await guest.call("PlaceOrder", {**order})
        elif roll < 0.95:
            await guest.call("Flatten", {"account": "Sim102"})
        else:
            await guest.say(action="rpc", id="left behind", api="Flatten",
                            args={"account": "Sim102"})  # fmt: skip
            self.tally.operations += 1
            guest.vanish()

    async def _sleep_over_it(self, guest: Guest) -> None:
        """Ask for everything there is, and read none of it."""
        self.tally.slow += 1
        await guest.say(action="subscribe", instruments=["ES 12-25"], channels=CHANNELS)
        for number in range(60):
            name = f"unread-{number}"
            await guest.say(action="rpc", id=name, api="ListOperations", args={"limit": 200})
            await anyio.sleep(0.02)
        await anyio.sleep(self._dice.uniform(0.5, 3))
        guest.vanish()

    @asynccontextmanager
    async def _connected(self, token: str, *, is_narrow: bool) -> AsyncIterator[Guest]:
        self.tally.connections += 1
        with suppress(ConnectionClosed):
            async with connect(
                self._server.url,
                sock=_narrow_socket(self._server.port) if is_narrow else None,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                proxy=None,
                close_timeout=1,
            ) as connection:
                yield Guest(connection, self.tally)


def _narrow_socket(port: int) -> socket.socket:
    """A connection that takes in little: whoever does not read is a burden to the server soon."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", port))
    narrow.setblocking(False)
    return narrow


async def tokens_of(server: ServerProgram) -> list[str]:
    """A token for every desk, as an administrator makes it."""
    tokens: list[str] = []
    async with connect(
        server.url, additional_headers={"Authorization": f"Bearer {server.token}"}, proxy=None
    ) as connection:
        admin = Guest(connection, Tally())
        for number in range(DESKS):
            args = {"principal": f"desk {number}", "roles": ["trader", "risk"], "accounts": ["*"]}
            tokens.append((await admin.call("CreateToken", {**args}))["token"])
    return tokens


def memory_of(pid: int) -> int:
    """Bytes that a process holds in memory."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(told.stdout) * 1024


async def soak(server: ServerProgram, seconds: float, seed: int) -> int:
    """Run it, print what came of it, and return the exit code."""
    crowd = Soak(server, await tokens_of(server), seed)
    measured: list[Measured] = []
    began = time.monotonic()

    async def measure(what: str, after: float) -> None:
        await anyio.sleep(after)
        held, operations = memory_of(server.pid), crowd.tally.operations
        measured.append(Measured(what, time.monotonic() - began, held, operations))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(measure, "start", seconds * WARM)
        tasks.start_soon(measure, "middle", seconds * (1 + WARM) / 2)
        await crowd.run(seconds)
    if not server.is_alive:
        print("the server died")
        return 1
    await measure("end", 1.0)
    return report(measured, crowd.tally)


def report(measured: list[Measured], tally: Tally) -> int:
    """Print what was measured, and return the exit code."""
    for each in measured:
        print(
            f"{each.what:>8}  {each.at:7.1f} s  {each.held / 2**20:8.1f} MiB  "
            f"{each.operations:7} operations"
        )
    print(
        f"{tally.connections} connections ({tally.slow} of slow readers), {tally.asked} calls, "
        f"{tally.frames} frames, {tally.answered} answered, {tally.unanswered} without an answer"
    )
    middle, end = measured[-2:]
    added = min(end.operations, REPORTS_MAX) - min(middle.operations, REPORTS_MAX)
    bound = middle.held * GROWTH_MAX + SLACK + added * REPORT
    print(
        f"at most {bound / 2**20:.1f} MiB, of it {added * REPORT / 2**20:.1f} for operations kept"
    )
    has_grown = end.held > bound
    if has_grown:
        print("memory grew beyond that: something leaks")
    return 1 if has_grown or tally.unanswered or not tally.answered else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rpcserver-soak-") as directory:
        venue = VenueProgram(Path(directory) / "venue", {"venue.tick_interval": 0.2})
        with running(venue):
            told = venue.server_settings | {"log_level": "error"}
            server = ServerProgram(Path(directory) / "server", told)
            with running(server):
                return anyio.run(soak, server, options.seconds, options.seed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
