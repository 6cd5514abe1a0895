"""
A message under way to the venue.

It flies in a task of the venue's, not of its sender's: what was sent arrives, also when its
sender gave up or died meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from rpcserver.domain.errors import OutcomeUnknown, VenueError
from rpcserver.domain.order import OrderReport

Perform = Callable[[], Awaitable[OrderReport]]


class Flight:
    """One order message that takes *delay* seconds to arrive, and what came of it."""

    def __init__(self, delay: float, perform: Perform) -> None:
        self._delay = delay
        self._perform = perform
        self._has_landed = anyio.Event()
        self._report: OrderReport | None = None
        self._error: VenueError = OutcomeUnknown("the venue went away")

    async def fly(self) -> None:
        try:
            await anyio.sleep(self._delay)
            self._report = await self._perform()
        except VenueError as exc:
            self._error = exc
        finally:
            self._has_landed.set()

    async def landed(self) -> OrderReport:
        """
        Wait for the message's arrival and tell what the venue made of it.

        Raises:
            VenueError: Whatever the venue raised; `OutcomeUnknown` if it closed before.
        """
        await self._has_landed.wait()
        if self._report is None:
            raise self._error
        return self._report
