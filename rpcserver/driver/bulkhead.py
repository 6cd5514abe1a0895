"""The wall between an adapter and everything else: what breaks in one sinks nobody (law 30)."""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import TypeVar

import anyio
from loguru import logger

from rpcserver.domain.errors import OutcomeUnknown, VenueError

Answered = TypeVar("Answered")


async def contained(call: Awaitable[Answered]) -> Answered:
    """
    Await what an adapter does.

    Raises:
        VenueError: As the adapter says. Whatever else it raises is an unknown outcome.
    """
    try:
        return await call
    except VenueError:
        raise
    except anyio.get_cancelled_exc_class() as exc:
        if anyio.current_effective_deadline() == -math.inf:
            raise  # it is we who give up
        # A future of the adapter's own was cancelled, as closing connections do to theirs.
        raise OutcomeUnknown("the adapter was cut off") from exc
    except Exception as exc:
        logger.opt(exception=exc).error("venue adapter failed")
        raise OutcomeUnknown(f"the adapter failed: {type(exc).__name__}") from exc
