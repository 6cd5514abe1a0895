"""The way to one venue: so many messages at once, so many a second, and none for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import OutcomeUnknown
from rpcserver.driver.budget import Budget
from rpcserver.driver.bulkhead import contained
from rpcserver.driver.ports import Venue

CALL_DEADLINE = 10.0  # seconds a venue may take for one call

Answer = TypeVar("Answer")
Call = Callable[[Venue], Awaitable[Answer]]


class Calls:
    """One venue, shared by all of its accounts."""

    def __init__(self, venue: Venue, capabilities: Capabilities) -> None:
        self._venue = venue
        self._limiter = anyio.CapacityLimiter(max(capabilities.concurrency, 1))
        self._budget = Budget(capabilities.message_budget)

    async def ask(self, call: Call[Answer]) -> Answer:
        """
        Read something.

        Raises:
            VenueError: It was not read. Ask again.
        """
        async with self._limiter:
            return await within_deadline(call(self._venue))

    async def tell(self, call: Call[Answer]) -> Answer:
        """
        Send an order, a cancel or a change, when the venue's message budget lets it pass.

        Raises:
            OrderRefused, VenueUnavailable: It does not exist.
            OutcomeUnknown: It may.
        """
        while (wait := self._budget.wait(anyio.current_time())) > 0:
            await anyio.sleep(wait)
        return await self.ask(call)


async def within_deadline(call: Awaitable[Answer]) -> Answer:
    """
    Await what a venue's adapter does, for `CALL_DEADLINE` at most.

    Raises:
        VenueError: As the adapter says; whatever else it does is an unknown outcome.
    """
    with anyio.move_on_after(CALL_DEADLINE):
        return await contained(call)
    raise OutcomeUnknown(f"no answer within {CALL_DEADLINE:g} s")
