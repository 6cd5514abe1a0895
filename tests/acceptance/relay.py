"""A wire between a server and its venue, which can be cut, stalled and reset."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskGroup

from tests.acceptance.processes import PATIENCE

CHUNK = 65_536  # bytes
NO_LINGER = struct.pack("ii", 1, 0)  # close with RST: what was not read is thrown away


class Relay:
    """Forwards every connection to its *port* to the venue's, in whole, while it is well."""

    def __init__(self, venue_port: int) -> None:
        self._venue_port = venue_port
        self._streams: set[SocketStream] = set()
        self._is_cut = False
        self._flows = anyio.Event()
        self._flows.set()
        self.port = 0

    @property
    def server_settings(self) -> dict[str, object]:
        """What a server is told in order to trade at the venue over this wire."""
        return {"venue.kind": "remote", "venue.url": f"ws://127.0.0.1:{self.port}"}

    # --- what goes wrong -------------------------------------------------------------------------

    async def cut(self) -> None:
        """Nobody gets through, nor is anybody let in."""
        self._is_cut = True
        await self.reset()

    async def reset(self) -> None:
        """Every connection breaks at once, whatever is on its way in it; others may follow."""
        for stream in tuple(self._streams):
            stream.extra(SocketAttribute.raw_socket).setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER
            )
            await stream.aclose()

    async def stall(self) -> None:
        """Connections stay open, and nothing more comes through: neither end can tell."""
        self._flows = anyio.Event()

    async def heal(self) -> None:
        """Let through what waits, and whoever knocks."""
        self._is_cut = False
        self._flows.set()

    # --- forwarding ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen until cancelled."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            self.port = listener.extra(SocketAttribute.local_port)
            await listener.serve(self._relay)

    async def _relay(self, near: SocketStream) -> None:
        async with near:
            if self._is_cut:
                return
            with suppress(OSError):
                async with await anyio.connect_tcp("127.0.0.1", self._venue_port) as far:
                    await self._forward_both_ways(near, far)

    async def _forward_both_ways(self, near: SocketStream, far: SocketStream) -> None:
        self._streams |= {near, far}
        try:
            async with anyio.create_task_group() as tasks:
                for source, target in ((near, far), (far, near)):
                    tasks.start_soon(self._forward, source, target, tasks)
        finally:
            self._streams -= {near, far}

    async def _forward(self, source: SocketStream, target: SocketStream, tasks: TaskGroup) -> None:
        broken = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)
        with suppress(*broken):
            while True:
                chunk = await source.receive(CHUNK)
                await self._flows.wait()
                await target.send(chunk)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def relayed(venue_port: int) -> AsyncIterator[Relay]:
    """A wire to the venue at *venue_port*."""
    async with anyio.create_task_group() as tasks:
        relay = Relay(venue_port)
        tasks.start_soon(relay.run)
        with anyio.fail_after(PATIENCE):
            while not relay.port:
                await anyio.sleep(0.001)
        yield relay
        tasks.cancel_scope.cancel()
