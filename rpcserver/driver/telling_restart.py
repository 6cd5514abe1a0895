"""What a restart took up, and what it found: told in the log as soon as it is known."""

from __future__ import annotations

from loguru import logger

from rpcserver.domain.errors import RpcServerError
from rpcserver.driver.engine import Engine
from rpcserver.driver.recounting import Recount, Restarts, recount


async def tell_restart(engine: Engine, journal: Restarts) -> None:
    """Log each operation that the last stop left unfinished, and again when it has ended."""
    left = [told for told in await recount(journal) if told.finished_at is None]
    for told in left:
        _log(told)
    for told in left:
        try:
            await engine.finished(told.operation_id)
        except RpcServerError:
            return  # this life ends first: the next one tells
        for now in await recount(journal):
            if now.operation_id == told.operation_id:
                _log(now)


def _log(told: Recount) -> None:
    level = "WARNING" if told.to_do else "INFO"
    logger.log(level, "left by the last stop", operation=told.operation_id, story=told.sentence)
