"""
The shell around the pure exchange: a `Venue` inside this process.

It brings the clock, the database, the timers and the weather. Nothing is answered or told before
it is durable. Whatever is asked while a commit runs is carried out meanwhile and shares the next
one, so ten thousand orders at once need a handful of commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import anyio
import msgspec
from anyio.abc import TaskGroup

from rpcserver.domain.account import Account, AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.errors import OrderRefused, OutcomeUnknown, VenueUnavailable
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.market import Market, Quote, Session
from rpcserver.domain.order import Fill, OrderReport, OrderRequest, RejectReason
from rpcserver.domain.position import Position
from rpcserver.driver.ports import PositionMoved, Quoted, VenueEvent
from rpcserver.venues.paper import readings
from rpcserver.venues.paper.commands import (
    CancelOrder,
    ChangeOrder,
    ExchangeCommand,
    FillOrder,
    MovePrices,
    PassTime,
    SubmitOrder,
)
from rpcserver.venues.paper.contracts import SYNTHETIC
from rpcserver.venues.paper.durable import DurableExchange
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.faults import (
    Armed,
    ClearFaults,
    CutLink,
    Fate,
    Fault,
    Faults,
    LagPositions,
    Message,
)
from rpcserver.venues.paper.flight import Flight, Perform
from rpcserver.venues.paper.forecast import Forecast, SetWeather
from rpcserver.venues.paper.lagging import LaggingPositions
from rpcserver.venues.paper.listeners import Listener, Listeners
from rpcserver.venues.paper.settings import PaperSettings
from rpcserver.venues.paper.store import Store

Control = ExchangeCommand | Fault | CutLink | ClearFaults | SetWeather
Clock = Callable[[], datetime]

_HEARTBEAT = 0.05  # seconds: how late a stuck cancel takes effect
_PRICES_SAVED_EVERY = 5.0  # seconds


class PaperVenue:
    """A simulated venue in this process. Open it with `open_paper_venue`."""

    def __init__(
        self,
        exchange: Exchange,
        store: Store,
        settings: PaperSettings,
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._settings = settings
        self._now = clock
        self._tasks = tasks
        self._listeners = Listeners(is_up=True)
        self._faults = Faults()
        self._forecast: Forecast | None = None
        self._lagging: dict[AccountId, LaggingPositions] = {}
        self._cuts = 0  # how often the link was cut
        self._durable = DurableExchange(exchange, store, self._tell)

    @property
    def venue_id(self) -> VenueId:
        return self._settings.venue_id

    @property
    def exchange(self) -> Exchange:
        """The pure exchange within, to look at."""
        return self._durable.exchange

    # --- what it is ------------------------------------------------------------------------------

    async def capabilities(self) -> Capabilities:
        return Capabilities(
            sandbox=True,
            position_settle=self._settings.position_settle,
            not_found_settle=self._settings.not_found_settle,
            request_expiry=self._settings.request_expiry,
            id_memory=IdMemory.FOR_EVER,
            reduce_only=ReduceOnly.AT_FILL,
            reduce_only_counts_resting=False,
            change_orders=True,
            concurrency=256,
            hedge_mode=True,
        )

    async def instruments(self) -> Sequence[Instrument]:
        await self._reach(Message.MARKETS)
        return [market.contract.instrument for market in self.exchange.state.markets.values()]

    # --- reads -----------------------------------------------------------------------------------

    async def accounts(self) -> Sequence[Account]:
        await self._reach(Message.ACCOUNTS)
        state = self.exchange.state
        told = [readings.account(state, record) for record in state.accounts.values()]
        await self._durable.durable()  # here and below: what is told outlives a crash
        return told

    async def snapshot(self, account: AccountId, *, markets: bool = False) -> AccountSnapshot:
        await self._reach(Message.SNAPSHOT, account)
        self._check_account(account)
        now = self._now()
        held = self._positions(account, now)
        taken = readings.snapshot(self.exchange, account, held, now, markets=markets)
        if any(self._faults.hides(order, now) for order in taken.orders):
            listed = tuple(order for order in taken.orders if not self._faults.hides(order, now))
            taken = msgspec.structs.replace(taken, orders=listed)
        await self._durable.durable()
        return taken

    async def query_order(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        await self._reach(Message.QUERY, account)
        order = self.exchange.find_order(
            account, client_order_id=client_order_id, venue_order_id=venue_order_id
        )
        if order is None or self._faults.hides(order.report, self._now()):
            return None
        report = order.report
        await self._durable.durable()
        return report

    async def orders(self, account: AccountId) -> Sequence[OrderReport]:
        await self._reach(Message.ORDERS, account)
        self._check_account(account)
        now = self._now()
        orders = readings.orders(self.exchange.state, account)
        listed = [order for order in orders if not self._faults.hides(order, now)]
        await self._durable.durable()
        return listed

    async def trades(self, account: AccountId, *, since: datetime | None = None) -> Sequence[Fill]:
        await self._reach(Message.TRADES, account)
        self._check_account(account)
        fills = readings.trades(self.exchange.state, account, since)
        await self._durable.durable()
        return fills

    async def markets(self, instruments: Sequence[InstrumentId]) -> Sequence[Market]:
        await self._reach(Message.MARKETS)
        markets, now = self.exchange.markets, self._now()
        return [markets.reading(markets.named(name), now) for name in instruments]

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        await self._reach(Message.MARKETS)
        markets, now = self.exchange.markets, self._now()
        return [markets.quote(markets.named(name), now) for name in instruments]

    async def session(self, instrument: InstrumentId) -> Session:
        await self._reach(Message.MARKETS)
        markets = self.exchange.markets
        return markets.session(markets.named(instrument), self._now())

    def events(self) -> Listener:
        return self._listeners.listen()

    # --- orders ----------------------------------------------------------------------------------

    async def submit_order(
        self, order: OrderRequest, *, sent_at: datetime | None = None
    ) -> OrderReport:
        """*sent_at*, by the sender's clock, is when it left a process far away; None: now."""
        fate = self._meet(Message.SUBMIT, order.account, order.instrument)
        left_at = sent_at or self._now()

        async def place() -> OrderReport:
            if (self._now() - left_at).total_seconds() > self._settings.request_expiry:
                raise OrderRefused(RejectReason.OTHER, "expired: it was too long on its way")
            if fate.refused is not None:
                raise OrderRefused(fate.refused.reason, fate.refused.detail)
            return await self._carry_out(
                SubmitOrder(order), order.account, client_order_id=order.client_order_id
            )

        return await self._deliver(fate, place)

    async def cancel_order(self, account: AccountId, venue_order_id: VenueOrderId) -> OrderReport:
        fate = self._meet(Message.CANCEL, account, self._instrument_of(account, venue_order_id))

        async def cancel() -> OrderReport:
            if fate.fills_first:
                filled = FillOrder(account=account, venue_order_id=venue_order_id)
                await self._carry_out(filled, account, venue_order_id=venue_order_id)
            command = CancelOrder(
                account=account, venue_order_id=venue_order_id, after=fate.stuck_for
            )
            return await self._carry_out(command, account, venue_order_id=venue_order_id)

        return await self._deliver(fate, cancel)

    async def change_order(
        self,
        account: AccountId,
        venue_order_id: VenueOrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> OrderReport:
        fate = self._meet(Message.CHANGE, account, self._instrument_of(account, venue_order_id))
        command = ChangeOrder(
            account=account,
            venue_order_id=venue_order_id,
            quantity=quantity,
            limit_price=limit_price,
            stop_price=stop_price,
        )

        async def change() -> OrderReport:
            return await self._carry_out(command, account, venue_order_id=venue_order_id)

        return await self._deliver(fate, change)

    # --- the scene -------------------------------------------------------------------------------

    async def control(self, command: Control) -> None:
        """
        Set the scene or a fault. It is in force on return; all but faults outlive a restart.

        Raises:
            OrderRefused: The exchange said no.
        """
        match command:
            case CutLink():
                self._cut_link(command.seconds)
            case ClearFaults(None):
                self._faults.clear()
                self._forecast = None
                self._lagging.clear()
                self._listeners.link_up()
            case ClearFaults(name):
                self._faults.clear(name)
            case SetWeather():
                self._forecast = Forecast(command) if command.rate else None
            case _ if isinstance(command, Fault):
                self._arm(command)
            case _:
                self._handle(command)
                await self._durable.durable()

    def faults(self) -> tuple[Armed, ...]:
        """The faults in force, and the last ones that are over."""
        return self._faults.listed(self._now())

    def _arm(self, fault: Fault) -> None:
        if isinstance(fault, LagPositions):
            self._remember_positions(fault.account)
        self._faults.set(fault, self._now())

    def _cut_link(self, seconds: float | None) -> None:
        self._cuts += 1
        self._listeners.link_down("the link was cut")
        if seconds is not None:
            self._tasks.start_soon(self._mend_link, seconds, self._cuts)

    async def _mend_link(self, after: float, cut: int) -> None:
        await anyio.sleep(after)
        if cut == self._cuts:  # it was not cut again meanwhile
            self._listeners.link_up()

    # --- messages --------------------------------------------------------------------------------

    def _meet(
        self, message: Message, account: AccountId | None, instrument: InstrumentId | None = None
    ) -> Fate:
        """
        Send a message off into the weather.

        Raises:
            VenueUnavailable: It was not sent.
        """
        if not self._listeners.is_up:
            raise VenueUnavailable("the link is down")
        if self._forecast is not None:
            drawn = self._forecast.draw(message, account, instrument)
            if drawn is not None:
                self._arm(drawn)
        fate = self._faults.meet(message, self._now(), account=account, instrument=instrument)
        if fate.unavailable is not None:
            raise VenueUnavailable("too many requests", fate.unavailable.retry_after)
        return fate

    async def _reach(self, message: Message, account: AccountId | None = None) -> None:
        """Get a read through."""
        fate = self._meet(message, account)
        delay = self._settings.latency + fate.request_delay + fate.answer_delay
        if delay:
            await anyio.sleep(delay)
        if fate.fails:
            raise VenueUnavailable("the read failed")
        if fate.request_lost or fate.answer_lost or not self._listeners.is_up:
            raise OutcomeUnknown("no answer came")

    async def _deliver(self, fate: Fate, perform: Perform) -> OrderReport:
        """Get an order message through, and its answer back."""
        if fate.request_lost:
            raise OutcomeUnknown("no answer came")
        delay = fate.request_delay + self._settings.latency / 2
        if fate.arrives_late:
            self._tasks.start_soon(Flight(delay, perform).fly)
            raise OutcomeUnknown("no answer came")
        try:
            if delay:
                flight = Flight(delay, perform)
                self._tasks.start_soon(flight.fly)
                report = await flight.landed()
            else:
                report = await perform()
        except OrderRefused:
            await self._bring_back(fate)
            raise
        await self._bring_back(fate)
        return report

    async def _bring_back(self, fate: Fate) -> None:
        """Carry the answer, a refusal included, as far as the weather lets it."""
        delay = fate.answer_delay + self._settings.latency / 2
        if delay:
            await anyio.sleep(delay)
        if fate.answer_lost or not self._listeners.is_up:
            raise OutcomeUnknown("no answer came")

    async def _carry_out(
        self,
        command: ExchangeCommand,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport:
        """Carry out an order command, and tell what became of the order once it is durable."""
        self._handle(command)
        order = self.exchange.find_order(
            account, client_order_id=client_order_id, venue_order_id=venue_order_id
        )
        assert order is not None, "the exchange took an order and does not know it"
        report = order.report
        await self._durable.durable()
        return report

    def _handle(self, command: ExchangeCommand) -> None:
        now = self._now()
        happened = self._durable.handle(command, now)
        if not self._lagging:
            return
        for event in happened:
            if isinstance(event, PositionMoved):
                lagging = self._lagging.get(event.position.account)
                if lagging is not None:
                    lagging.move(event.position, now)

    def _tell(self, events: Iterable[VenueEvent]) -> None:
        self._listeners.publish(self._faults.heard(events, self._now()))

    def _check_account(self, account: AccountId) -> None:
        if account not in self.exchange.state.accounts:
            raise OrderRefused(RejectReason.UNKNOWN_ACCOUNT, f"there is no account {account}")

    def _instrument_of(self, account: AccountId, name: VenueOrderId) -> InstrumentId | None:
        order = self.exchange.find_order(account, venue_order_id=name)
        return order.report.instrument if order is not None else None

    # --- lagging positions -----------------------------------------------------------------------

    def _remember_positions(self, account: AccountId | None) -> None:
        state = self.exchange.state
        for name in state.accounts if account is None else (account,):
            self._lagging.setdefault(name, LaggingPositions(readings.positions(state, name)))

    def _positions(self, account: AccountId, now: datetime) -> tuple[Position, ...]:
        if account in self._lagging:
            lag = self._faults.lag(account, now)
            if lag:
                return self._lagging[account].read(now, lag)
            del self._lagging[account]
        return readings.positions(self.exchange.state, account)

    # --- timers ----------------------------------------------------------------------------------

    async def run_timers(self) -> None:
        """Let time pass and prices move, until cancelled."""
        async with anyio.create_task_group() as timers:
            timers.start_soon(self._durable.run)
            timers.start_soon(self._pass_time)
            if self._settings.tick_interval is not None:
                timers.start_soon(self._move_prices, self._settings.tick_interval)

    async def _pass_time(self) -> None:
        while True:
            await anyio.sleep(_HEARTBEAT)
            self._try(PassTime())

    async def _move_prices(self, interval: float) -> None:
        saved_at = due = anyio.current_time()
        while True:  # at its pace, however long the moves of many markets take
            await anyio.sleep_until(due := max(due, anyio.current_time() - interval / 2) + interval)
            self._try(MovePrices())
            self._tell_quotes()
            if anyio.current_time() >= saved_at + _PRICES_SAVED_EVERY:
                self._durable.save_prices()
                saved_at = anyio.current_time()

    def _try(self, command: ExchangeCommand) -> None:
        try:
            self._handle(command)
        except VenueUnavailable as exc:
            # The database broke, which was logged then; time has nothing to act on any more.
            self._listeners.link_down(exc.detail)

    def _tell_quotes(self) -> None:
        if not self._listeners:
            return
        markets, now = self.exchange.markets, self._now()
        found = self.exchange.state.markets
        watched = self._settings.watched
        if watched is None:
            watched = tuple(name for name in found if not name.startswith(SYNTHETIC))
        quotes = (markets.quote(found[name], now) for name in watched if name in found)
        self._listeners.publish(Quoted(quote) for quote in quotes)

    async def close(self) -> None:
        """Make everything durable before the database closes."""
        self._durable.save_prices()
        await self._durable.flush()
