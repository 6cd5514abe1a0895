"""Watches one venue: its events, its link, and who and what lives there."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable

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
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import VenueError
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.driver.bulkhead import contained
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
from rpcserver.driver.statistics import Link

REFRESH = 5.0  # seconds between readings of the list of accounts
RELIST = 300.0  # seconds between readings of what the venue lists and can do
RETRY = 0.5
READ_DEADLINE = 10.0

Heard = Callable[[VenueId, VenueEvent, Event | None], None]


class Watcher:
    """Turns what a venue tells into events of the core's."""

    def __init__(self, venue: Venue, heard: Heard, described: Callable[[VenueId], None]) -> None:
        self._venue = venue
        self._heard = heard
        self._described = described
        self._is_up: bool | None = None  # None: it has not said yet
        self._lists_due = -math.inf  # when capabilities and instruments are to be read
        self._news = anyio.Event()  # the directory is to be read at once
        self.was_read = anyio.Event()  # its accounts are known
        self.capabilities: Capabilities | None = None
        self.instruments: tuple[Instrument, ...] = ()
        self.accounts: tuple[Account, ...] = (
            Account(venue=venue.venue_id, account=UNREAD, user_id="", connected=False),
        )

    @property
    def link(self) -> Link:
        """Whether the venue can be reached, and whether its accounts are known."""
        if not self.was_read.is_set():
            return Link.NEVER_READ
        return Link.DOWN if self._is_up is False else Link.UP

    async def run(self) -> None:
        """Listen for ever. A stream that breaks is a link that is down; it is listened to again."""
        while True:
            try:
                await self._listen(self._venue.events())
            except VenueError as error:
                self._hear(LinkDown(detail=str(error)))
                await anyio.sleep(RETRY)

    async def refresh(self) -> None:
        """Read the directory again and again, so that what is new there is soon in scope."""
        while True:
            self._news = anyio.Event()
            known = await self._read_directory()
            with anyio.move_on_after(REFRESH if known else RETRY):
                await self._news.wait()

    # --- the stream ----------------------------------------------------------------------------

    async def _listen(self, events: AsyncIterator[VenueEvent]) -> None:
        while True:
            self._hear(await contained(anext(events)))

    def _hear(self, event: VenueEvent) -> None:
        match event:
            case LinkUp():
                self._is_up = True
                self._lists_due = -math.inf  # while it was away, it may have changed
                self._news.set()
                if self.capabilities is not None:
                    self._announce(self.capabilities)
            case LinkDown() if self._is_up is False:
                pass  # it was told already
            case LinkDown(detail=detail):
                self._is_up = False
                logger.warning("venue down", venue=self._venue.venue_id, detail=detail)
                self._heard(self._venue.venue_id, event, self._meaning(event))
            case _:
                self._heard(self._venue.venue_id, event, self._meaning(event))

    def _announce(self, capabilities: Capabilities) -> None:
        """The venue can be reached, and what it can do is known."""
        venue = self._venue.venue_id
        known = sum(account.account != UNREAD for account in self.accounts)
        logger.info("venue up", venue=venue, accounts=known or "not read yet")
        self._heard(
            venue,
            LinkUp(),
            VenueUp(
                venue=venue,
                capabilities=capabilities,
                accounts=tuple(account.ref for account in self.accounts),
            ),
        )

    # --- the directory -------------------------------------------------------------------------

    async def _read_directory(self) -> bool:
        """Read the accounts, and now and then what is listed. False: something could not be."""
        try:
            with anyio.fail_after(READ_DEADLINE):
                if self._lists_due <= anyio.current_time():
                    await self._read_lists()
                accounts = tuple(await contained(self._venue.accounts()))
        except (VenueError, TimeoutError):
            return False
        if accounts != self.accounts:  # else it stays the very same, which costs nobody anything
            self.accounts = accounts
        self.was_read.set()
        return True

    async def _read_lists(self) -> None:
        self._lists_due = anyio.current_time() + RELIST
        try:
            instruments = tuple(await contained(self._venue.instruments()))
            capabilities = await contained(self._venue.capabilities())
        except BaseException:
            self._lists_due = -math.inf
            raise
        if instruments != self.instruments:
            self.instruments = instruments
        if capabilities != self.capabilities:
            self.capabilities = capabilities
            self._described(self._venue.venue_id)
            if self._is_up:
                self._announce(capabilities)

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
                return VenueDown(venue=venue, detail=detail)
            case LinkUp() | Quoted():
                return None
