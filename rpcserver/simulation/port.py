"""
The `Venue` port of one process life, and the network between it and the venue.

A request flies in the world's tasks, not in its sender's: what was sent lands, also when its sender
gave up or died meanwhile. A port of a dead life raises `LifeOver`, which is no `Exception`:
whatever the dead process would do in a `finally` block has no effect any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueError, VenueUnavailable
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest, OrderType, RejectReason
from rpcserver.driver.ports import LinkDown, LinkUp, VenueEvent
from rpcserver.simulation.faults import FaultKind, Weather
from rpcserver.simulation.venue import VENUE, SimulatedVenue

Answer = TypeVar("Answer")
GIVES_UP = 1.0  # seconds an adapter waits for an answer before it calls it lost


class LifeOver(BaseException):
    """This process is dead."""


class AdapterBug(RuntimeError):
    """What an adapter must not raise, and some do."""


class Process(Protocol):
    """The life that a port belongs to."""

    number: int

    def check(self) -> None:
        """Raise `LifeOver` if it is over."""

    def seam(self, where: str) -> None:
        """Perhaps die here."""


class Onlooker(Protocol):
    """Who sees what leaves a process, and what it is told."""

    def submitting(self, life: int, order: OrderRequest) -> None: ...

    def canceling(
        self, life: int, account: AccountId, name: VenueOrderId, quantity: Decimal | None
    ) -> None: ...

    def flying(self, order: OrderRequest, *, landed: bool) -> None: ...

    def described(self, life: int) -> None: ...

    def reading(self, snapshot: AccountSnapshot, true_at: float, *, verifies: bool) -> None: ...


class Network:
    """What all lives share: the world's tasks, the weather, the link."""

    def __init__(
        self,
        venue: SimulatedVenue,
        weather: Weather,
        tasks: anyio.abc.TaskGroup,
        clock: Callable[[], float],
    ) -> None:
        self.venue = venue
        self.weather = weather
        self.tasks = tasks
        self.clock = clock
        self.is_up = True


class _Flight(Generic[Answer]):
    """One message under way, and what came of it."""

    def __init__(self, perform: Callable[[], Answer]) -> None:
        self._perform = perform
        self._landed = anyio.Event()
        self._answer: list[Answer] = []
        self._error: VenueError | None = None

    async def fly(self, delay: float) -> None:
        await anyio.sleep(delay)
        try:
            self._answer = [self._perform()]
        except VenueError as error:
            self._error = error
        self._landed.set()

    @property
    def was_refused(self) -> bool:
        return self._error is not None

    async def landed(self) -> Answer:
        await self._landed.wait()
        if self._error is not None:
            raise self._error
        return self._answer[0]


class NewsStand:
    """What one life hears of the stream, in the order it arrives."""

    def __init__(self, is_up: bool) -> None:
        self._unheard: deque[VenueEvent] = deque(
            [LinkUp() if is_up else LinkDown(detail="the link is down")]
        )
        self._news = anyio.Event()

    def post(self, event: VenueEvent) -> None:
        self._unheard.append(event)
        self._news.set()

    def __aiter__(self) -> NewsStand:
        return self

    async def __anext__(self) -> VenueEvent:
        while not self._unheard:
            self._news = anyio.Event()
            await self._news.wait()
        return self._unheard.popleft()


class VenuePort:
    """The venue as one life reaches it."""

    def __init__(self, process: Process, network: Network, onlooker: Onlooker) -> None:
        self._process = process
        self._network = network
        self._venue = network.venue
        self._weather = network.weather
        self._onlooker = onlooker
        self._stands: list[NewsStand] = []

    @property
    def venue_id(self) -> VenueId:
        return VENUE

    def hear(self, event: VenueEvent) -> None:
        """The stream says something."""
        for stand in self._stands:
            stand.post(event)

    # --- orders ----------------------------------------------------------------------------------

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
        return await self._order(
            f"submit {order.client_order_id[:8]} {order.side.value} {order.quantity}"
            f" {order.account}:{order.instrument}",
            land,
            order=order,
            may_repeat=copies,
        )

    def _take(self, order: OrderRequest) -> OrderReport:
        weather = self._weather
        if weather.strikes_now(FaultKind.REFUSE, order.instrument):
            reasons = (
                RejectReason.OTHER,
                RejectReason.INSUFFICIENT_MARGIN,
                RejectReason.NO_LIQUIDITY,
                RejectReason.MARKET_CLOSED,
            )
            reason = reasons[weather.one_of(FaultKind.REFUSE, len(reasons))]
            raise OrderRefused(reason, "refused by the risk desk")
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
                venue.expire(report.account, report.venue_order_id)
                return
            venue.fill(report.account, report.venue_order_id, quantity)

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        self._leave("cancel")
        self._onlooker.canceling(self._process.number, account, venue_order_id, None)
        weather = self._weather

        def land() -> OrderReport:
            if weather.strikes_now(FaultKind.FILL_FIRST, venue_order_id[:8]):
                self._venue.fill(account, venue_order_id)
            after = 0.0
            if weather.strikes_now(FaultKind.STICK_CANCEL, venue_order_id[:8]):
                after = weather.between(FaultKind.STICK_CANCEL, 0.5, 20.0)
                self._network.tasks.start_soon(self._let_go, after)
            return self._venue.cancel(account, venue_order_id, after=after)

        return await self._order(f"cancel {venue_order_id[:8]}", land, may_repeat=True)

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
        self._onlooker.canceling(self._process.number, account, venue_order_id, quantity)

        def land() -> OrderReport:
            if not self._venue.traits.change_orders:
                raise OrderRefused(RejectReason.OTHER, "orders cannot be changed here")
            return self._venue.change(account, venue_order_id, quantity)

        return await self._order(f"change {venue_order_id[:8]}", land)

    # --- reads -----------------------------------------------------------------------------------

    async def capabilities(self) -> Capabilities:
        told = await self._read("capabilities", self._venue.capabilities)
        self._onlooker.described(self._process.number)
        return told

    async def instruments(self) -> Sequence[Instrument]:
        markets = self._venue.exchange.state.markets
        return await self._read(
            "instruments", lambda: [market.contract.instrument for market in markets.values()]
        )

    async def accounts(self) -> Sequence[Account]:
        return await self._read("accounts", self._venue.accounts)

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
        taken = await self._read(f"snapshot {account}", look)
        # Who begins asks for markets too; who verifies does not.
        self._onlooker.reading(taken, true_at[-1], verifies=not markets)
        return taken

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        found = await self._read(
            f"query {(client_order_id or venue_order_id or '')[:8]}",
            lambda: self._venue.query(account, client_order_id, venue_order_id),
        )
        if found is not None and client_order_id is not None:
            return _named(found, client_order_id)
        return found

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        return await self._read(f"orders {account}", lambda: self._venue.orders(account))

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        return await self._read(f"trades {account}", lambda: self._venue.trades(account, since))

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        if self._weather.strikes_now(FaultKind.FAIL_MARKETS):
            raise OutcomeUnknown("no market data")
        markets = self._venue.exchange.markets
        return await self._read(
            "markets",
            lambda: [markets.reading(markets.named(n), self._venue.now) for n in instruments],
        )

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        markets = self._venue.exchange.markets
        return await self._read(
            "quotes",
            lambda: [markets.quote(markets.named(n), self._venue.now) for n in instruments],
        )

    async def session(self, instrument: InstrumentId) -> Session:
        markets = self._venue.exchange.markets
        return await self._read(
            "session", lambda: markets.session(markets.named(instrument), self._venue.now)
        )

    def events(self) -> AsyncIterator[VenueEvent]:
        stand = NewsStand(self._network.is_up)
        self._stands.append(stand)
        return stand

    # --- messages --------------------------------------------------------------------------------

    def _leave(self, what: str) -> None:
        """
        A message is about to leave.

        Raises:
            LifeOver: Its sender is dead, or dies now.
            VenueUnavailable: It cannot leave.
        """
        self._process.check()
        self._process.seam(f"before {what}")
        if not self._network.is_up:
            raise VenueUnavailable("the link is down")
        if self._weather.strikes_now(FaultKind.THROTTLE, what):
            wait = self._weather.between(FaultKind.THROTTLE, 0.1, 4.0)
            raise VenueUnavailable("too many requests", round(wait, 3))
        if self._weather.strikes_now(FaultKind.ADAPTER_BUG, what):
            raise AdapterBug("the adapter fell over its own feet")

    async def _order(
        self,
        what: str,
        land: Callable[[], OrderReport],
        *,
        order: OrderRequest | None = None,
        may_repeat: bool = False,
    ) -> OrderReport:
        weather, tasks = self._weather, self._network.tasks
        latency = self._venue.traits.latency
        if weather.strikes_now(FaultKind.LOSE_REQUEST, what):
            await self._give_up()
        if order is not None:
            self._onlooker.flying(order, landed=False)
        flight = _Flight(land)
        if weather.strikes_now(FaultKind.LATE_REQUEST, what):
            tasks.start_soon(flight.fly, latency + weather.between(FaultKind.LATE_REQUEST, 0.5, 14))
            await self._give_up()
        tasks.start_soon(flight.fly, latency)
        if may_repeat and weather.strikes_now(FaultKind.REPEAT_REQUEST, what):
            after = latency + weather.between(FaultKind.REPEAT_REQUEST, 0, 8)
            tasks.start_soon(self._repeat, flight, _Flight(land), after)
        self._process.seam(f"sent {what}")
        if weather.strikes_now(FaultKind.HANG, what):
            await anyio.sleep_forever()
        report = await flight.landed()
        await self._come_back(what)
        return report

    async def _repeat(
        self, first: _Flight[OrderReport], copy: _Flight[OrderReport], after: float
    ) -> None:
        """The network delivers a message twice: a venue that refused it refuses it again."""
        await anyio.sleep(after)
        if not first.was_refused:
            await copy.fly(0)

    async def _come_back(self, what: str) -> None:
        weather = self._weather
        delay = self._venue.traits.latency
        if weather.strikes_now(FaultKind.SLOW_ANSWER, what):
            delay += weather.between(FaultKind.SLOW_ANSWER, 0.2, 12)
        if delay:
            await anyio.sleep(delay)
        if weather.strikes_now(FaultKind.LOSE_ANSWER, what):
            await self._give_up()
        if weather.strikes_now(FaultKind.SERVER_ERROR, what) or not self._network.is_up:
            raise OutcomeUnknown("500 after all")
        self._process.seam(f"answered {what}")

    async def _give_up(self) -> None:
        await anyio.sleep(GIVES_UP)
        raise OutcomeUnknown("no answer came")

    async def _read(self, what: str, look: Callable[[], Answer]) -> Answer:
        self._process.check()
        weather, latency = self._weather, self._venue.traits.latency
        if not self._network.is_up:
            raise VenueUnavailable("the link is down")
        if latency:
            await anyio.sleep(latency)
        if weather.strikes_now(FaultKind.FAIL_READ, what):
            raise OutcomeUnknown("the read failed")
        answer = look()
        delay = latency
        if weather.strikes_now(FaultKind.SLOW_ANSWER, what):
            delay += weather.between(FaultKind.SLOW_ANSWER, 0.2, 12)
        if delay:
            await anyio.sleep(delay)
        else:
            await anyio.lowlevel.checkpoint()
        self._process.check()
        return answer


def _named(report: OrderReport, name: ClientOrderId) -> OrderReport:
    if report.client_order_id == name:
        return report
    fields = {field: getattr(report, field) for field in report.__struct_fields__}
    return OrderReport(**fields | {"client_order_id": name})
