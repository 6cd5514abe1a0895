"""A venue process to start, to kill and to start again."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL

import anyio
from anyio.abc import Process

_PROGRAM = """
import sys
from pathlib import Path
import anyio
from rpcserver.venues.paper import PaperSettings, serve

async def main(path, port):
    settings = PaperSettings(path=Path(path), tick_interval=0.01)
    await serve(settings, port=port, ready=lambda bound: print(bound, flush=True))

anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""
_ROOT = Path(__file__).parents[3]


class VenueProcess:
    """A paper venue over one database and one port, dead or alive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: Process | None = None
        self.port = 0

    async def start(self) -> None:
        """Start it and wait until clients can connect; at the port it had before, if any."""
        command = [sys.executable, "-c", _PROGRAM, str(self._path), str(self.port)]
        self._process = await anyio.open_process(command, cwd=_ROOT, stdin=DEVNULL, stderr=DEVNULL)
        assert self._process.stdout is not None
        with anyio.fail_after(20):
            line = b""
            while not line.endswith(b"\n"):
                line += await self._process.stdout.receive()
        self.port = int(line)

    def freeze(self) -> None:
        """It is there, and does nothing at all any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    async def kill(self) -> None:
        """As a power cut would: nothing is said and nothing is saved."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                self._process.kill()
            await self._process.wait()
            await self._process.aclose()
            self._process = None


@asynccontextmanager
async def venue_process(path: Path) -> AsyncIterator[VenueProcess]:
    process = VenueProcess(path)
    try:
        await process.start()
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await process.kill()
