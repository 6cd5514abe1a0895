"""
How a server stops: in order, in bounded time, and at once if it is asked a second time.

Whatever has not come to its end then is in the journal: the next start takes it up.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from loguru import logger

from rpcserver.driver.engine import Engine
from rpcserver.server.listener import Server

DRAIN_POLL = 0.05  # seconds


class Stop:
    """What people have said about stopping."""

    def __init__(self) -> None:
        self.asked = anyio.Event()  # end what runs, then stop
        self.insisted = anyio.Event()  # stop now


@asynccontextmanager
async def listening_for_stop() -> AsyncIterator[Stop]:
    """Take SIGINT and SIGTERM until the block is left; a third one changes nothing."""
    stop = Stop()
    async with anyio.create_task_group() as tasks:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:

            async def listen() -> None:
                async for received in signals:
                    logger.info("signal", name=received.name)
                    (stop.insisted if stop.asked.is_set() else stop.asked).set()

            tasks.start_soon(listen, name="listen for a stop")
            try:
                yield stop
            finally:
                tasks.cancel_scope.cancel()


async def drain(engine: Engine, server: Server, stop: Stop, timeout: float) -> None:
    """Admit nothing new; let what runs come to its end, for *timeout* seconds at most."""
    engine.stop_admitting()  # 1. no new operation
    if engine.unfinished:
        server.announce("restarting", "no new operations; those at work go on")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_give_up, stop, timeout, tasks.cancel_scope)
            while engine.unfinished or server.following:  # 2. those at work end, and are told
                await anyio.sleep(DRAIN_POLL)
            tasks.cancel_scope.cancel()
    for operation_id in engine.unfinished:  # 3. what has not ended goes on after the restart
        logger.warning("operation left to the next start", operation=operation_id)
    logger.info("stopping", unfinished=len(engine.unfinished))


async def _give_up(stop: Stop, timeout: float, waiting: anyio.CancelScope) -> None:
    with anyio.move_on_after(timeout):
        await stop.insisted.wait()
    waiting.cancel()
