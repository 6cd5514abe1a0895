"""
The walls between adapters and everything else: what breaks in one sinks nobody (law 30).

An adapter may have bugs. Of a venue's call the outcome is unknown then, and so it is of a commit.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import TypeVar

import anyio
from loguru import logger

from rpcserver.domain.errors import JournalBroken, OutcomeUnknown, VenueError

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


async def committed(commit: Awaitable[Answered]) -> Answered:
    """
    Await what a journal makes durable.

    Raises:
        JournalBroken: Whatever it raised, it may be durable or not (law 27).
    """
    try:
        return await commit
    except JournalBroken:
        raise
    except Exception as exc:
        logger.opt(exception=exc).error("journal failed")
        raise JournalBroken(f"the journal failed: {type(exc).__name__}") from exc
