"""
From a client's outbox to its socket: one write for all that was posted in a turn of the loop.

No task wakes for a frame: the first one posted schedules a callback, which finds whatever else
was posted until then. Only a client that does not keep up is waited for, by the one task here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio
from anyio import move_on_after
from loguru import logger

from rpcserver.server.outbox import Outbox
from rpcserver.server.transport import Transport

WRITE_SIZE = 128 * 1024  # bytes of one write; between two, others have their turn
BACKLOG_MAX = 64 * 1024  # bytes unread by the client at which writing pauses


class Writer:
    """
    Writes the outbox.

    A client that reads nothing for *stall_timeout* seconds is told *on_stalled*. *on_failed* is
    called when frames could not be written, and are lost.
    """

    def __init__(
        self,
        transport: Transport,
        outbox: Outbox,
        *,
        stall_timeout: float,
        on_stalled: Callable[[], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._outbox = outbox
        self._stall_timeout = stall_timeout
        self._on_stalled = on_stalled
        self._on_failed = on_failed
        self._loop = asyncio.get_running_loop()
        self._is_paused = False
        self._congested = anyio.Event()
        outbox.on_first = self._schedule

    async def run(self) -> None:
        """
        Wait for the client whenever it falls behind, until it is cut off.

        Raises:
            Disconnected: It has left.
        """
        while True:
            await self._congested.wait()
            self._congested = anyio.Event()
            if not await self._drain():
                self._on_stalled()
                return
            self._is_paused = False
            self._write()

    def stop(self) -> None:
        """Write no more."""
        self._is_paused = True

    def _schedule(self) -> None:
        if not self._is_paused:
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        if self._is_paused:
            return
        try:
            self._transport.write(self._outbox.take(WRITE_SIZE))
        # The border of one connection. What was taken is lost, perhaps a final frame: a client
        # that is cut off asks again, one that hears nothing waits for ever.
        except Exception as exc:  # noqa: BLE001
            logger.opt(exception=exc).error("frames could not be written")
            self.stop()
            self._on_failed()
            return
        if self._transport.backlog > BACKLOG_MAX:
            self._is_paused = True
            self._congested.set()
        elif not self._outbox.is_empty:
            self._schedule()

    async def _drain(self) -> bool:
        """Wait until the client has read; False if it reads nothing at all for too long."""
        while True:
            before = self._transport.backlog
            with move_on_after(self._stall_timeout):
                await self._transport.drain()
                return True
            if self._transport.backlog >= before:
                return False
