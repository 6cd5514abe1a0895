"""
The world the driver lives in: venues without disks, watched from outside, and a journal that dies.

Everything here waits in virtual time. `WatchedVenue` and `WatchedJournal` are the real ones with
somebody standing at the door, who may note what passes, hold it up, or let the process die there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from rpcserver.core.entries import Entry
from rpcserver.core.records import Record
from rpcserver.core.requests import Amount, CloseRequest, PlaceRequest, Scope
from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.errors import JournalBroken
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    InstrumentId,
    PrincipalId,
    TokenId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import Fill, OrderReport, OrderRequest, OrderSide, OrderType
from rpcserver.driver.engine import Clock, Engine, open_engine
from rpcserver.driver.ports import Journal, Venue, VenueEvent
from rpcserver.journal.memory import MemoryJournal
from rpcserver.venues.paper import Control, PaperSettings, PaperVenue
from rpcserver.venues.paper.commands import OpenAccount, OpenPosition
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.opening import set_scene
from rpcserver.venues.paper.state import State
from rpcserver.venues.paper.store import Rows, Store

EPOCH = datetime(2026, 3, 3, 12, tzinfo=UTC)
PAPER, OTHER = VenueId("paper"), VenueId("other")
SIM, SIM2 = AccountId("Sim101"), AccountId("Sim102")
MES, NQ, CL = InstrumentId("MES 12-25"), InstrumentId("NQ 12-25"), InstrumentId("CL 12-25")
ALICE, BOB = PrincipalId("alice"), PrincipalId("bob")
PATIENCE = 1800.0  # virtual seconds: what takes longer hangs

Answered = TypeVar("Answered")


def wall() -> datetime:
    """What the clock on the wall says, in step with the loop's."""
    return EPOCH + timedelta(seconds=anyio.current_time())


# --- venues ------------------------------------------------------------------------------------


class _NoDisk(Store):
    """Keeps nothing, and takes a moment for it."""

    def __init__(self) -> None:
        pass

    async def write(self, rows: Rows) -> None:
        del rows
        await checkpoint()


@asynccontextmanager
async def open_venue(
    *scene: Control,
    venue: VenueId = PAPER,
    accounts: Sequence[AccountId] = (SIM,),
    latency: float = 0.01,
) -> AsyncIterator[PaperVenue]:
    """A paper venue whose prices stand still, with empty accounts and then *scene*."""
    settings = PaperSettings(
        venue_id=venue, tick_interval=None, with_portfolio=False, latency=latency
    )
    exchange = Exchange(State(venue=venue, seed=1), sessions=False)
    set_scene(exchange, settings, wall())
    async with anyio.create_task_group() as tasks:
        paper = PaperVenue(exchange, _NoDisk(), settings, wall, tasks)
        tasks.start_soon(paper.run_timers)
        for account in accounts:
            await paper.control(
                OpenAccount(account=account, user_id="alice", cash=Decimal(10_000_000))
            )
        for command in scene:
            await paper.control(command)
        try:
            yield paper
        finally:
            tasks.cancel_scope.cancel()


def held(quantity: int, instrument: InstrumentId = MES, account: AccountId = SIM) -> OpenPosition:
    """A position to begin with."""
    return OpenPosition(
        account=account,
        instrument=instrument,
        quantity=Decimal(quantity),
        average_price=Decimal(100),
    )


def positions(venue: PaperVenue) -> dict[tuple[AccountId, InstrumentId], Decimal]:
    """What the venue really holds, whatever anybody was told."""
    return {
        (account, slot.instrument): position.signed_quantity
        for account, of_account in venue.exchange.state.positions.items()
        for slot, position in of_account.items()
    }


def fills(venue: PaperVenue) -> list[Fill]:
    """Every execution there ever was, account by account."""
    return [fill for of_account in venue.exchange.state.fills_of.values() for fill in of_account]


class Call(NamedTuple):
    """One message to a venue."""

    kind: str
    at: float
    name: str = ""  # the order's, or the instrument's, or the account's


Door = Callable[[Call], Awaitable[None]]


async def _open_door(call: Call) -> None:
    del call


class WatchedVenue:
    """
    A venue, and somebody at its door.

    `before` and `after` are awaited around each message: they may note it, wait, raise, or never
    return. What *after* holds up has been carried out.
    """

    def __init__(self, venue: Venue, capabilities: Capabilities | None = None) -> None:
        self.venue = venue
        self.told_capabilities = capabilities
        self.calls: list[Call] = []
        self.before: Door = _open_door
        self.after: Door = _open_door
        self.under_way = 0
        self.most_under_way = 0

    def called(self, *kinds: str) -> list[Call]:
        """The messages of some kinds, in the order they came."""
        return [call for call in self.calls if call.kind in kinds]

    async def _through(self, kind: str, name: str, message: Awaitable[Answered]) -> Answered:
        call = Call(kind, anyio.current_time(), name)
        self.calls.append(call)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            with _closing(message):
                await self.before(call)
                answer = await message
                await self.after(call)
            return answer
        finally:
            self.under_way -= 1

    @property
    def venue_id(self) -> VenueId:
        return self.venue.venue_id

    async def capabilities(self) -> Capabilities:
        told = await self._through("capabilities", "", self.venue.capabilities())
        return self.told_capabilities or told

    async def instruments(self) -> Sequence[Instrument]:
        return await self._through("instruments", "", self.venue.instruments())

    async def accounts(self) -> Sequence[Account]:
        return await self._through("accounts", "", self.venue.accounts())

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        reading = self.venue.snapshot(account, markets=markets)
        return await self._through("snapshot", account, reading)

    async def submit_order(self, order: OrderRequest) -> OrderReport:
        name = order.client_order_id
        return await self._through("submit", name, self.venue.submit_order(order))

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        canceling = self.venue.cancel_order(account, venue_order_id)
        return await self._through("cancel", venue_order_id, canceling)

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        changing = self.venue.change_order(
            account,
            venue_order_id,
            quantity=quantity,
            limit_price=limit_price,
            stop_price=stop_price,
        )
        return await self._through("change", venue_order_id, changing)

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        asking = self.venue.query_order(
            account, client_order_id=client_order_id, venue_order_id=venue_order_id
        )
        return await self._through("query", client_order_id or venue_order_id or "", asking)

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        return await self._through("orders", account, self.venue.orders(account))

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        return await self._through("trades", account, self.venue.trades(account, since=since))

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        return await self._through("markets", instruments[0], self.venue.markets(instruments))

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        return await self._through("quotes", instruments[0], self.venue.quotes(instruments))

    async def session(self, instrument: InstrumentId) -> Session:
        return await self._through("session", instrument, self.venue.session(instrument))

    def events(self) -> AsyncIterator[VenueEvent]:
        return self.venue.events()


@contextmanager
def _closing(message: Awaitable[object]) -> Iterator[None]:
    """A message that never left must not be warned about as never awaited."""
    try:
        yield
    finally:
        close = getattr(message, "close", None)
        if close is not None:
            close()


# --- the journal -------------------------------------------------------------------------------


async def _just_write(records: Sequence[Record]) -> None:
    del records


class WatchedJournal(MemoryJournal):
    """A journal in memory, and somebody at its door: what *after* holds up is durable."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[tuple[Record, ...]] = []  # those that returned
        self.begun = 0
        self.before: Callable[[Sequence[Record]], Awaitable[None]] = _just_write
        self.after: Callable[[Sequence[Record]], Awaitable[None]] = _just_write

    async def append(self, records: Sequence[Record]) -> Sequence[Entry]:
        self.begun += 1
        await self.before(records)
        entries = await super().append(records)
        await self.after(records)
        self.commits.append(tuple(records))
        return entries

    def reopened(self) -> WatchedJournal:
        plain = super().reopened()
        journal = WatchedJournal()
        journal._disk, journal._head = plain._disk, plain._head
        return journal


# --- an engine at work -------------------------------------------------------------------------


@asynccontextmanager
async def running(
    journal: Journal, *venues: Venue, known: bool = True, clock: Clock = wall
) -> AsyncIterator[Engine]:
    """An engine that knows its venues' accounts, for a bounded time."""
    by_name: Mapping[VenueId, Venue] = {venue.venue_id: venue for venue in venues}
    with anyio.fail_after(PATIENCE):
        async with open_engine(journal, by_name, clock=clock) as engine:
            if known:
                await engine.accounts_read()
            yield engine


@contextmanager
def dying() -> Iterator[None]:
    """The engine within dies of its journal, and of nothing else."""
    died = False
    try:
        yield
    except* JournalBroken:
        died = True
    assert died, "the engine lives"


# --- requests ----------------------------------------------------------------------------------


def flatten(
    *accounts: AccountRef | AccountId,
    instruments: Sequence[InstrumentId] = (),
    everything: bool = False,
    key: str | None = None,
    principal: PrincipalId = ALICE,
    request_id: str = "r1",
    digest: str | None = None,
    quantity: int | None = None,
    deadline: float = 60.0,
    dry_run: bool = False,
) -> CloseRequest:
    """A closing request in few words; an account without a venue is the paper venue's."""
    refs = tuple(
        account if isinstance(account, AccountRef) else AccountRef(PAPER, account)
        for account in accounts or (SIM,)
    )
    return CloseRequest(
        api="Flatten",
        principal=principal,
        token_id=TokenId(f"tok-{principal}"),
        request_id=request_id,
        idempotency_key=key,
        digest=digest or f"{refs}/{instruments}/{quantity}/{dry_run}",
        args="{}",
        scope=Scope(
            accounts=refs,
            everything=everything,
            instruments=tuple(InstrumentSelector(asked=name, exact=name) for name in instruments),
        ),
        amount=Amount(quantity=None if quantity is None else Decimal(quantity)),
        deadline=deadline,
        dry_run=dry_run,
    )


def order(
    name: str = "own-1",
    side: OrderSide = OrderSide.BUY,
    quantity: int = 1,
    *,
    limit: str | None = None,
    instrument: InstrumentId = MES,
    account: AccountId = SIM,
) -> OrderRequest:
    """A client's own order."""
    return OrderRequest(
        client_order_id=ClientOrderId(name),
        account=account,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=None if limit is None else Decimal(limit),
    )


def placing(asked: OrderRequest, venue: VenueId = PAPER) -> PlaceRequest:
    return PlaceRequest(principal=ALICE, account=AccountRef(venue, asked.account), order=asked)
