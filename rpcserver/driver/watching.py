"""Watches one venue: its events, its link, and who and what lives there."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from loguru import logger

from rpcserver.core.events import (
    Event,
    MarketChanged,
    OrderUpdated,
    PositionChanged,
    VenueDown,
    VenueUp,
)
from rpcserver.domain.account import Account
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import VenueError
from rpcserver.domain.ids import AccountId, AccountRef, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.driver.ports import (
    LinkDown,
    LinkUp,
    MarketMoved,
    OrderChanged,
    PositionMoved,
    Quoted,
    Venue,
    VenueEvent,
)

REFRESH = 5.0  # seconds between readings of the list of accounts
RETRY = 0.5
READ_DEADLINE = 10.0
UNREAD = AccountId("*")  # stands for the accounts of a venue that was never read: not none

Heard = Callable[[VenueId, VenueEvent, Event | None], None]


class Watcher:
    """Turns what a venue tells into events of the core's."""

    def __init__(self, venue: Venue, heard: Heard, changed: Callable[[VenueId], None]) -> None:
        self._venue = venue
        self._heard = heard
        self._changed = changed
        self.was_read = anyio.Event()  # its accounts are known
        self.capabilities: Capabilities | None = None
        self.instruments: tuple[Instrument, ...] = ()
        self.accounts: tuple[Account, ...] = (
            Account(venue=venue.venue_id, account=UNREAD, user_id="", connected=False),
        )

    async def run(self) -> None:
        """Listen for ever."""
        async for event in self._venue.events():
            if isinstance(event, LinkUp):
                await self._risen(event)
            else:
                self._heard(self._venue.venue_id, event, self._meaning(event))

    async def refresh(self) -> None:
        """Read the list of accounts again and again, so that a new one is soon in scope."""
        while True:
            known = await self._read_directory()
            await anyio.sleep(REFRESH if known else RETRY)

    async def _risen(self, event: LinkUp) -> None:
        while not await self._read_directory():
            await anyio.sleep(RETRY)
        assert self.capabilities is not None
        venue = self._venue.venue_id
        logger.info("venue up", venue=venue, accounts=len(self.accounts))
        self._heard(venue, event, VenueUp(venue=venue, capabilities=self.capabilities))

    async def _read_directory(self) -> bool:
        """Read capabilities and instruments once, accounts each time. False: it failed."""
        try:
            with anyio.fail_after(READ_DEADLINE):
                if self.capabilities is None:
                    self.instruments = tuple(await self._venue.instruments())
                    self.capabilities = await self._venue.capabilities()
                    self._changed(self._venue.venue_id)
                self.accounts = tuple(await self._venue.accounts())
                self.was_read.set()
        except (VenueError, TimeoutError):
            return False
        return True

    def _meaning(self, event: VenueEvent) -> Event | None:
        venue = self._venue.venue_id
        match event:
            case OrderChanged(report=report):
                return OrderUpdated(account=AccountRef(venue, report.account), report=report)
            case PositionMoved(position=position):
                return PositionChanged(position=position)
            case MarketMoved(market=market):
                return MarketChanged(venue=venue, market=market)
            case LinkDown(detail=detail):
                logger.warning("venue down", venue=venue, detail=detail)
                return VenueDown(venue=venue, detail=detail)
            case LinkUp() | Quoted():
                return None
