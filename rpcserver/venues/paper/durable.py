"""
The pure exchange over its database: whatever it did is durable before anybody is told.

Group commit: what is done while a transaction runs waits for the next one, together. Ten thousand
orders at once need a handful of syncs of the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime

import anyio
from loguru import logger

from rpcserver.domain.errors import OutcomeUnknown, VenueUnavailable
from rpcserver.driver.ports import VenueEvent
from rpcserver.venues.paper.commands import ExchangeCommand
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.store import Store, changed_rows, price_statement

_log = logger.bind(part="paper venue")


class Commit:
    """What one transaction makes durable: what is told afterwards, and whether it worked."""

    def __init__(self) -> None:
        self.events: list[VenueEvent] = []
        self.is_over = anyio.Event()
        self.failed = False


class DurableExchange:
    """An exchange, its database, and the one task that writes to it."""

    def __init__(
        self, exchange: Exchange, store: Store, publish: Callable[[Iterable[VenueEvent]], None]
    ) -> None:
        self.exchange = exchange
        self._store = store
        self._publish = publish
        self._next = Commit()
        self._running: Commit | None = None
        self._wanted = anyio.Event()
        self._prices_wanted = False
        self._broken = False

    def handle(self, command: ExchangeCommand, now: datetime) -> Iterable[VenueEvent]:
        """
        Carry out *command* now; wait for `durable` before telling anybody.

        Raises:
            OrderRefused: The exchange said no, and nothing changed.
            VenueUnavailable: The database broke. Nothing was carried out.
        """
        if self._broken:
            raise VenueUnavailable("the paper venue's database is broken")
        happened = self.exchange.handle(command, now)
        self._next.events.extend(happened)
        if happened or self.exchange.state.touched:
            self._wanted.set()
        return happened

    async def durable(self) -> None:
        """
        Wait until everything done so far is durable.

        Raises:
            OutcomeUnknown: The commit raised: it may be durable or not.
        """
        commit = self._next if self.exchange.state.touched else self._running
        if commit is None:
            return
        await commit.is_over.wait()
        if commit.failed:
            raise OutcomeUnknown("the paper venue could not commit")

    async def run(self) -> None:
        """Write whatever is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            with anyio.CancelScope(shield=True):  # what was taken is written
                await self.flush()

    def save_prices(self) -> None:
        """Let the next transaction save every price, too."""
        self._prices_wanted = True
        self._wanted.set()

    async def flush(self) -> None:
        """Make everything done so far durable, then tell of it."""
        self._wanted = anyio.Event()
        commit = self._running = self._next
        self._next = Commit()
        state = self.exchange.state
        rows = changed_rows(state, state.take_touched())
        if self._prices_wanted:
            rows.statements.append(price_statement(state))
            self._prices_wanted = False
        try:
            await self._store.write(rows)
        except sqlite3.Error as exc:
            # A commit that raised may have happened (law 27): nothing it covers is told.
            _log.error("commit failed", detail=str(exc))
            self._broken = commit.failed = True
        self._running = None
        commit.is_over.set()
        if not commit.failed:
            self._publish(commit.events)
