"""Opens a paper venue: its database, its scene, its timers; and closes them in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio

from rpcserver.venues.paper.commands import ExchangeCommand, ListContracts, PassTime
from rpcserver.venues.paper.contracts import listed_contracts
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.portfolio import (
    FIRST_LOAD_ACCOUNT,
    demo_portfolio,
    synthetic_portfolio,
)
from rpcserver.venues.paper.settings import PaperSettings
from rpcserver.venues.paper.store import open_store
from rpcserver.venues.paper.venue import Clock, PaperVenue


@asynccontextmanager
async def open_paper_venue(
    settings: PaperSettings | None = None, *, clock: Clock = lambda: datetime.now(UTC)
) -> AsyncIterator[PaperVenue]:
    """
    Open a paper venue in this process; a new one starts with the scene *settings* ask for.

    Raises:
        sqlite3.OperationalError: Another process has its database open.
    """
    settings = settings or PaperSettings()
    async with open_store(settings.path) as store:
        state = await store.load(settings.venue_id, settings.seed)
        exchange = Exchange(state, sessions=settings.sessions)
        set_scene(exchange, settings, clock())
        async with anyio.create_task_group() as tasks:
            venue = PaperVenue(exchange, store, settings, clock, tasks)
            tasks.start_soon(venue.run_timers)
            try:
                yield venue
            finally:
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await venue.close()


def set_scene(exchange: Exchange, settings: PaperSettings, now: datetime) -> None:
    """List the contracts, and give a new venue its accounts and positions."""
    exchange.handle(ListContracts(listed_contracts(now.date())), now)
    exchange.handle(PassTime(), now)
    scene: list[ExchangeCommand] = []
    if settings.with_portfolio and not exchange.state.accounts:
        scene.extend(demo_portfolio())
    if settings.synthetic_positions and FIRST_LOAD_ACCOUNT not in exchange.state.accounts:
        scene.extend(synthetic_portfolio(settings.synthetic_positions, settings.synthetic_accounts))
    for command in scene:
        exchange.handle(command, now)
