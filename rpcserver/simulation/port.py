"""
The `Venue` port of one process life.

A port of a dead life raises `LifeOver`, which is no `Exception`: whatever the dead process would do
in a `finally` block has no effect any more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import anyio

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest, OrderType, RejectReason
from rpcserver.driver.ports import VenueEvent
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.network import Network, Process, Wire, refused_by_desk
from rpcserver.simulation.news import Stream


class Onlooker(Protocol):
    """Who sees what leaves a process, and what it is told."""

    def submitting(self, life: int, order: OrderRequest) -> None: ...

    def canceling(self, life: int, account: AccountId, name: VenueOrderId) -> None: ...

    def flying(self, order: OrderRequest, *, landed: bool) -> None: ...

    def throttled(self, life: int, seconds: float) -> None: ...

    def described(self, life: int) -> None: ...

    def reading(
        self, life: int, snapshot: AccountSnapshot, true_at: float, *, verifies: bool
    ) -> None: ...

    def trades_read(self, life: int, account: AccountId, asked_at: float) -> None: ...


class VenuePort:
    """The venue as one life reaches it."""

    def __init__(
        self,
        process: Process,
        network: Network,
        stream: Stream,
        onlooker: Onlooker,
        *,
        is_blind: bool = False,  # the venue tells of no market
    ) -> None:
        self._process = process
        self._network = network
        self._wire = Wire(process, network)
        self._stream = stream
        self._venue = network.venue
        self._weather = network.weather
        self._onlooker = onlooker
        self._is_blind = is_blind

    @property
    def venue_id(self) -> VenueId:
        return self._venue.venue_id

    # --- orders ----------------------------------------------------------------------------------

    def _leave(self, what: str) -> None:
        try:
            self._wire.leave(what)
        except VenueUnavailable as error:
            self._onlooker.throttled(self._process.number, error.retry_after or 0.0)
            raise

    async def submit_order(self, order: OrderRequest) -> OrderReport:
        self._leave("submit")
        # The last moment before the first byte: what the laws say of sending is held to here.
        self._onlooker.submitting(self._process.number, order)
        sent_at = self._network.clock()
        expiry = self._venue.traits.request_expiry

        def land() -> OrderReport:
            self._onlooker.flying(order, landed=True)
            if expiry is not None and self._network.clock() - sent_at > expiry:
                raise OrderRefused(RejectReason.OTHER, "the request has expired")
            return self._take(order)

        copies = self._venue.traits.id_memory in (IdMemory.FOR_EVER, IdMemory.WINDOW)
        return await self._wire.send(
            f"submit {order.client_order_id[:8]} {order.side.value} {order.quantity}"
            f" {order.account}:{order.instrument}",
            land,
            left=lambda: self._onlooker.flying(order, landed=False),
            may_repeat=copies,
        )

    def _take(self, order: OrderRequest) -> OrderReport:
        weather = self._weather
        if weather.strikes_now(FaultKind.REFUSE, order.instrument):
            raise refused_by_desk(weather)
        slow = order.type is OrderType.MARKET and weather.strikes_now(
            FaultKind.SLOW_FILL, order.instrument
        )
        report = self._venue.submit(order, slow=slow)
        if slow and not report.status.is_terminal:
            self._network.tasks.start_soon(self._fill_slowly, report)
        if weather.strikes_now(FaultKind.HIDE_ORDER, order.instrument):
            longest = self._venue.traits.not_found_settle
            self._venue.hide(
                report.venue_order_id, weather.between(FaultKind.HIDE_ORDER, 0, longest)
            )
        told = self._venue.query(order.account, None, report.venue_order_id) or report
        # An answer bears the name its request bore, whatever the venue remembers of it.
        return _named(told, order.client_order_id)

    async def _fill_slowly(self, report: OrderReport) -> None:
        """Fill an accepted order in parts; sometimes what is left of it expires."""
        kind, weather, venue = FaultKind.SLOW_FILL, self._weather, self._venue
        parts = 1 + weather.one_of(kind, 3)
        lot = venue.exchange.markets.named(report.instrument).contract.instrument.lot
        for part in range(parts, 0, -1):
            await anyio.sleep(weather.between(kind, 0.02, 3.0))
            quantity = None
            if part > 1:
                quantity = max(report.quantity / part // lot * lot, lot)
            elif parts > 1 and weather.between(kind, 0, 1) < 0.4:
                weather.count(FaultKind.EXPIRE_REST)
                venue.end(report.account, report.venue_order_id)
                return
            venue.fill(report.account, report.venue_order_id, quantity)

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        self._leave("cancel")
        self._onlooker.canceling(self._process.number, account, venue_order_id)
        weather = self._weather

        def land() -> OrderReport:
            if weather.strikes_now(FaultKind.FILL_FIRST, venue_order_id[:8]):
                self._venue.fill(account, venue_order_id)
            after = 0.0
            if weather.strikes_now(FaultKind.STICK_CANCEL, venue_order_id[:8]):
                after = weather.between(FaultKind.STICK_CANCEL, 0.5, 20.0)
                self._network.tasks.start_soon(self._let_go, after)
            return self._venue.cancel(account, venue_order_id, after=after)

        return await self._wire.send(f"cancel {venue_order_id[:8]}", land, may_repeat=True)

    async def _let_go(self, after: float) -> None:
        await anyio.sleep(after + 0.001)
        self._venue.pass_time()

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        assert limit_price is None, "the engine changes quantities alone"
        assert stop_price is None, "the engine changes quantities alone"
        self._leave("change")
        self._onlooker.canceling(self._process.number, account, venue_order_id)

        def land() -> OrderReport:
            if not self._venue.traits.change_orders:
                raise OrderRefused(RejectReason.OTHER, "orders cannot be changed here")
            return self._venue.change(account, venue_order_id, quantity)

        return await self._wire.send(f"change {venue_order_id[:8]}", land)

    # --- reads -----------------------------------------------------------------------------------

    async def capabilities(self) -> Capabilities:
        told = await self._wire.read("capabilities", self._venue.rules.capabilities)
        self._onlooker.described(self._process.number)
        return told

    async def instruments(self) -> Sequence[Instrument]:
        markets = self._venue.exchange.state.markets
        return await self._wire.read(
            "instruments", lambda: [market.contract.instrument for market in markets.values()]
        )

    async def accounts(self) -> Sequence[Account]:
        return await self._wire.read("accounts", self._venue.accounts)

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        def look() -> AccountSnapshot:
            lag = 0.0
            if self._weather.strikes_now(FaultKind.STALE_READ, account):
                longest = self._venue.traits.position_settle
                lag = self._weather.between(FaultKind.STALE_READ, 0, longest)
            taken = self._venue.snapshot(account, markets=markets, lag=lag)
            true_at.append(self._network.clock() - lag)
            return taken

        true_at: list[float] = []
        taken = await self._wire.read(f"snapshot {account}", look)
        # Who begins asks for markets too; who verifies does not.
        self._onlooker.reading(self._process.number, taken, true_at[-1], verifies=not markets)
        return taken

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        found = await self._wire.read(
            f"query {(client_order_id or venue_order_id or '')[:8]}",
            lambda: self._venue.query(account, client_order_id, venue_order_id),
        )
        if found is not None and client_order_id is not None:
            return _named(found, client_order_id)
        return found

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        return await self._wire.read(f"orders {account}", lambda: self._venue.orders(account))

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        asked_at = self._network.clock()
        told = await self._wire.read(
            f"trades {account}", lambda: self._venue.trades(account, since)
        )
        self._onlooker.trades_read(self._process.number, account, asked_at)
        return told

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        self._look_at_markets()
        markets = self._venue.exchange.markets
        return await self._wire.read(
            "markets",
            lambda: [markets.reading(markets.named(n), self._venue.now) for n in instruments],
        )

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        self._look_at_markets()
        markets = self._venue.exchange.markets
        return await self._wire.read(
            "quotes",
            lambda: [markets.quote(markets.named(n), self._venue.now) for n in instruments],
        )

    async def session(self, instrument: InstrumentId) -> Session:
        self._look_at_markets()
        markets = self._venue.exchange.markets
        return await self._wire.read(
            "session", lambda: markets.session(markets.named(instrument), self._venue.now)
        )

    def events(self) -> AsyncIterator[VenueEvent]:
        return self._stream.open()

    # --- inside ----------------------------------------------------------------------------------

    def _look_at_markets(self) -> None:
        if self._is_blind or self._weather.strikes_now(FaultKind.FAIL_MARKETS):
            raise OutcomeUnknown("no market data")


def _named(report: OrderReport, name: ClientOrderId) -> OrderReport:
    if report.client_order_id == name:
        return report
    fields = {field: getattr(report, field) for field in report.__struct_fields__}
    return OrderReport(**fields | {"client_order_id": name})
