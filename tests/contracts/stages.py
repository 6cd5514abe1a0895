"""
Venues to hold to the contract, and the scene each test finds there.

Every implementation is opened empty; the test's accounts and positions are set up by commands,
which both forms of the paper venue take.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Protocol

import anyio

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, Product
from rpcserver.domain.order import Holding, OrderRequest, OrderSide, OrderType, TimeInForce
from rpcserver.driver.ports import Venue
from rpcserver.venues.paper import Control, PaperSettings, open_paper_venue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition
from rpcserver.venues.paper.process import serve
from rpcserver.venues.paper.remote import open_remote_paper_venue

NET, HEDGED, INDIA, STRANGER = (
    AccountId("Net1"),
    AccountId("Hedged1"),
    AccountId("India1"),
    AccountId("Nobody"),
)
ES, MES, INFY, OPTION, COIN, SWAP = (
    InstrumentId("ES 12-25"),
    InstrumentId("MES 12-25"),
    InstrumentId("NSE:INFY"),
    InstrumentId("NSE:NIFTY25DEC24000CE"),
    InstrumentId("BTC-USDT"),
    InstrumentId("BTC-USDT-SWAP"),
)


class StagedVenue(Venue, Protocol):
    """A venue whose world can be set."""

    async def control(self, command: Control) -> None: ...


@asynccontextmanager
async def open_stage(kind: str) -> AsyncIterator[StagedVenue]:
    """Open a venue of *kind* with the accounts above, and nothing else in it."""
    settings = PaperSettings(with_portfolio=False, tick_interval=None, request_expiry=1.0)
    if kind == "in process":
        async with open_paper_venue(settings) as venue:
            await _open_accounts(venue)
            yield venue
        return
    async with anyio.create_task_group() as tasks:
        async with open_remote_paper_venue(await _start(tasks, settings)) as remote:
            await _open_accounts(remote)
            yield remote
        tasks.cancel_scope.cancel()


async def _start(tasks: anyio.abc.TaskGroup, settings: PaperSettings) -> int:
    """Serve a venue over the loopback interface; returns its port."""
    ports, ready = [0], anyio.Event()

    def is_ready(port: int) -> None:
        ports[0] = port
        ready.set()

    async def run() -> None:
        await serve(settings, ready=is_ready)

    tasks.start_soon(run)
    await ready.wait()
    return ports[0]


async def _open_accounts(venue: StagedVenue) -> None:
    await venue.control(OpenAccount(account=NET, user_id="alice", cash=Decimal(10_000_000)))
    await venue.control(
        OpenAccount(
            account=HEDGED,
            user_id="bob",
            currency="USDT",
            mode=PositionMode.HEDGE,
            cash=Decimal(1_000_000),
        )
    )
    await venue.control(
        OpenAccount(
            account=INDIA,
            user_id="user123",
            currency="INR",
            products=(Product("INTRADAY"), Product("DELIVERY")),
            cash=Decimal(50_000_000),
        )
    )


def holding(
    account: AccountId,
    instrument: InstrumentId,
    quantity: str,
    price: str = "5774.00",
    side: Holding = Holding.NET,
) -> OpenPosition:
    return OpenPosition(
        account=account,
        instrument=instrument,
        quantity=Decimal(quantity),
        average_price=Decimal(price),
        holding=side,
        product=Product("INTRADAY") if account == INDIA else Product(""),
    )


def order(
    name: str,
    side: OrderSide,
    quantity: str,
    *,
    account: AccountId = NET,
    instrument: InstrumentId = MES,
    limit: str | None = None,
    stop: str | None = None,
    time_in_force: TimeInForce = TimeInForce.GTC,
    reduce_only: bool = False,
    held: Holding = Holding.NET,
    oco: str | None = None,
    tag: str | None = None,
) -> OrderRequest:
    """An order in few words: its type follows from the prices it is given."""
    types = {
        (False, False): OrderType.MARKET,
        (True, False): OrderType.LIMIT,
        (False, True): OrderType.STOP_MARKET,
        (True, True): OrderType.STOP_LIMIT,
    }
    return OrderRequest(
        client_order_id=ClientOrderId(name),
        account=account,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        type=types[limit is not None, stop is not None],
        limit_price=Decimal(limit) if limit else None,
        stop_price=Decimal(stop) if stop else None,
        time_in_force=time_in_force,
        reduce_only=reduce_only,
        holding=held,
        oco_id=oco,
        tag=tag,
    )
