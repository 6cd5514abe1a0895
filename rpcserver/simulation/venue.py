"""
The simulated venue: the paper venue's own pure exchange, made to be any kind of venue.

The exchange enforces reduce-only at every fill, remembers ids for ever and fills market orders at
once. Where the plan wants a worse venue, this file takes that away from it, before a command
reaches it and after. It lives in the world, not in the process: it survives every crash.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from rpcserver.domain.account import Account, AccountSnapshot, PositionMode
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId, VenueOrderId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    ZERO,
    Fill,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    RejectReason,
    TimeInForce,
)
from rpcserver.domain.position import Position, PositionKey
from rpcserver.driver.ports import MarketMoved, OrderChanged, PositionMoved, VenueEvent
from rpcserver.simulation.listing import CONTRACTS
from rpcserver.simulation.plan import Plan
from rpcserver.venues.paper import readings
from rpcserver.venues.paper.commands import (
    CancelOrder,
    ChangeOrder,
    ExchangeCommand,
    FillOrder,
    ListContracts,
    OpenAccount,
    OpenPosition,
    PassTime,
    SetBands,
    SetDepth,
    SetPhase,
    SubmitOrder,
)
from rpcserver.venues.paper.exchange import Exchange
from rpcserver.venues.paper.positions import Slot
from rpcserver.venues.paper.state import State

VENUE = VenueId("paper")
EPOCH = datetime(2026, 3, 3, 12, tzinfo=UTC)
USER = "ann"
_FAR = 45  # ticks from the market: an order that waits to be filled by the world alone


class Execution(NamedTuple):
    """One fill as the exchange saw it: the truth that laws are held to."""

    time: float
    key: PositionKey
    order: OrderReport
    fill: Fill
    before: Decimal
    after: Decimal


class Onlooker(Protocol):
    """Who sees the truth at the exchange, at once."""

    def executed(self, execution: Execution) -> None: ...

    def order_moved(self, report: OrderReport) -> None: ...


class SimulatedVenue:
    """One exchange and its traits. Every method happens at an instant and is over."""

    def __init__(
        self,
        plan: Plan,
        clock: Callable[[], float],
        publish: Callable[[VenueEvent], None],
        onlooker: Onlooker,
    ) -> None:
        self.traits = plan.venue
        self._clock = clock
        self._publish = publish
        self._onlooker = onlooker
        self.exchange = Exchange(State(venue=VENUE, seed=1), sessions=False)
        self.foreign_at: dict[PositionKey, float] = {}  # when others last moved it
        self.locked: tuple[AccountId, InstrumentId, InstrumentId] | None = (
            None  # until the 2nd is 0
        )
        self._disguised: dict[VenueOrderId, OrderRequest] = {}  # what it was before it was altered
        self._history: dict[PositionKey, tuple[list[float], list[Position | None]]] = {}
        self._seen_at: dict[PositionKey, Decimal] = {}
        self._hidden_until: dict[VenueOrderId, float] = {}
        self._set_scene(plan)

    @property
    def time(self) -> float:
        """Seconds since the history began."""
        return self._clock()

    @property
    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._clock())

    def _set_scene(self, plan: Plan) -> None:
        self.exchange.handle(ListContracts(CONTRACTS), self.now)
        for account in plan.accounts:
            mode = PositionMode.HEDGE if account in plan.hedge_accounts else PositionMode.NETTING
            self.exchange.handle(
                OpenAccount(account=account, user_id=USER, cash=Decimal(10_000_000), mode=mode),
                self.now,
            )
        for held in plan.held:
            self._carry_out(
                OpenPosition(
                    account=held.account,
                    instrument=held.instrument,
                    quantity=held.quantity,
                    average_price=Decimal(100),
                    holding=held.holding,
                )
            )

    # --- what it says of itself ------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        traits = self.traits
        return Capabilities(
            sandbox=True,
            position_settle=traits.position_settle,
            not_found_settle=traits.not_found_settle,
            id_memory=traits.id_memory,
            id_window=traits.id_window,
            reduce_only=traits.reduce_only,
            reduce_only_counts_resting=traits.counts_resting,
            request_expiry=traits.request_expiry,
            change_orders=traits.change_orders,
            buys_first=traits.buys_first,
            message_budget=traits.message_budget,
            concurrency=traits.concurrency,
            hedge_mode=True,
        )

    def accounts(self) -> Sequence[Account]:
        state = self.exchange.state
        return [readings.account(state, record) for record in state.accounts.values()]

    # --- orders ----------------------------------------------------------------------------------

    def submit(self, order: OrderRequest, *, slow: bool) -> OrderReport:
        """
        Take *order*; *slow*: accept it now, and let `fill_slowly` fill it.

        Raises:
            OrderRefused: It does not exist.
        """
        self._forget(order)
        self._check_margin(order)
        self._check_reduction(order)
        asked = order
        if self.traits.reduce_only is not ReduceOnly.AT_FILL:
            order = msgspec.structs.replace(order, reduce_only=False)
        market = self.exchange.markets.named(order.instrument)
        is_banded = market.lower_band is not None or market.upper_band is not None
        if slow and order.type is OrderType.MARKET and not is_banded:
            if self.phase(order.instrument) is not MarketPhase.OPEN:
                raise OrderRefused(RejectReason.MARKET_ORDERS_BANNED, "no market orders now")
            far = _FAR * market.contract.instrument.tick * order.side.sign
            order = msgspec.structs.replace(
                order,
                type=OrderType.LIMIT,
                limit_price=market.last - far,
                time_in_force=TimeInForce.GTC,
            )
        self._carry_out(SubmitOrder(order), asked=asked)
        report = self._find(order.account, client_order_id=order.client_order_id)
        assert report is not None
        return report

    def cancel(self, account: AccountId, name: VenueOrderId, *, after: float = 0.0) -> OrderReport:
        self._carry_out(CancelOrder(account=account, venue_order_id=name, after=after))
        return self._known(account, name)

    def change(
        self, account: AccountId, name: VenueOrderId, quantity: Decimal | None
    ) -> OrderReport:
        self._carry_out(ChangeOrder(account=account, venue_order_id=name, quantity=quantity))
        return self._known(account, name)

    def fill(self, account: AccountId, name: VenueOrderId, quantity: Decimal | None = None) -> None:
        """Fill a working order at the touch, as far as it may; one that is over stays over."""
        order = self.exchange.find_order(account, venue_order_id=name)
        if order is None or order.report.status.is_terminal:
            return
        report = order.report
        market = self.exchange.markets.named(report.instrument)
        price = report.limit_price
        if name in self._disguised and self._disguised[name].type is OrderType.MARKET:
            price = market.ask if report.side is OrderSide.BUY else market.bid
        try:
            self._carry_out(
                FillOrder(account=account, venue_order_id=name, quantity=quantity, price=price)
            )
        except OrderRefused:
            self._carry_out(CancelOrder(account=account, venue_order_id=name))

    def expire(self, account: AccountId, name: VenueOrderId) -> None:
        """End what is left of a slow order, as an IOC ends."""
        order = self.exchange.find_order(account, venue_order_id=name)
        if order is not None and not order.report.status.is_terminal:
            self._carry_out(CancelOrder(account=account, venue_order_id=name))

    def others(self, command: ExchangeCommand, key: PositionKey | None = None) -> bool:
        """Somebody else, or the world, does something; *key*: the position it moves."""
        if key is not None:
            self.foreign_at[key] = self._clock()
        try:
            self._carry_out(command)
        except OrderRefused:
            return False
        return True

    def hide(self, name: VenueOrderId, seconds: float) -> None:
        self._hidden_until[name] = self._clock() + seconds

    def heal(self) -> None:
        """Everything works again: what was slow ends, what was stuck lets go."""
        self.locked = None
        self._hidden_until.clear()
        for name, asked in tuple(self._disguised.items()):
            if asked.type is OrderType.MARKET:
                self.fill(asked.account, name)
                self.expire(asked.account, name)
        for contract in CONTRACTS:
            instrument = contract.instrument_id
            self.others(SetPhase(instrument=instrument, phase=None))
            self.others(SetBands(instrument=instrument))
            self.others(SetDepth(instrument=instrument))

    def pass_time(self) -> None:
        self._carry_out(PassTime())

    # --- reads -----------------------------------------------------------------------------------

    def snapshot(self, account: AccountId, *, markets: bool, lag: float) -> AccountSnapshot:
        """What a reading shows; positions as they were *lag* seconds ago."""
        self._check_account(account)
        held = self._positions(account, self._clock() - lag)
        taken = readings.snapshot(self.exchange, account, held, self.now, markets=markets)
        orders = tuple(
            self._told(self._plain(order))
            for order in taken.orders
            if not self._hides(order.venue_order_id)
        )
        return msgspec.structs.replace(taken, orders=orders)

    def query(
        self, account: AccountId, ours: ClientOrderId | None, theirs: VenueOrderId | None
    ) -> OrderReport | None:
        if ours is not None and self.traits.id_memory is IdMemory.NEVER:
            return None
        report = self._find(account, client_order_id=ours, venue_order_id=theirs)
        if report is None or self._hides(report.venue_order_id):
            return None
        return self._told(report)

    def orders(self, account: AccountId) -> Sequence[OrderReport]:
        self._check_account(account)
        reports = readings.orders(self.exchange.state, account)
        return [self._told(self._plain(r)) for r in reports if not self._hides(r.venue_order_id)]

    def trades(self, account: AccountId, since: datetime | None) -> Sequence[Fill]:
        self._check_account(account)
        fills = readings.trades(self.exchange.state, account, since)
        if self.traits.id_memory is IdMemory.NEVER:
            return [msgspec.structs.replace(fill, client_order_id=None) for fill in fills]
        return fills

    # --- the truth -------------------------------------------------------------------------------

    def position(self, key: PositionKey) -> Decimal:
        """What is really held, whatever anybody was told."""
        slot = Slot(key.instrument, key.holding, key.product)
        held = self.exchange.state.positions[key.account].get(slot)
        return ZERO if held is None else held.signed_quantity

    def position_at(self, key: PositionKey, time: float) -> Decimal:
        held = self._as_of(key, time)
        return ZERO if held is None else held.signed_quantity

    def working(self, key: PositionKey) -> list[OrderReport]:
        orders = self.exchange.state.working.of_leg(key.account, key.instrument)
        return [self._plain(o.report) for o in orders if key_of(o.report) == key]

    def fills_of(self, account: AccountId, name: ClientOrderId) -> Decimal:
        fills = self.exchange.state.fills_of[account]
        return sum((fill.quantity for fill in fills if fill.client_order_id == name), ZERO)

    def phase(self, instrument: InstrumentId) -> MarketPhase:
        markets = self.exchange.markets
        return markets.phase(markets.named(instrument), self.now)

    # --- inside ----------------------------------------------------------------------------------

    def _carry_out(self, command: ExchangeCommand, asked: OrderRequest | None = None) -> None:
        events = self.exchange.handle(command, self.now)
        for event in events:
            if asked is not None and isinstance(event, OrderChanged):
                self._disguised.setdefault(event.report.venue_order_id, asked)
                asked = None
        for event in events:
            self._see(event)
        for event in events:
            self._publish(self._as_told(event))

    def _see(self, event: VenueEvent) -> None:
        match event:
            case OrderChanged(report):
                key = key_of(report)
                for fill in report.fills:
                    before = self._seen_at.get(key, ZERO)
                    after = self._seen_at[key] = before + fill.signed_quantity
                    plain = self._plain(report)
                    self._onlooker.executed(
                        Execution(self._clock(), key, plain, fill, before, after)
                    )
                self._onlooker.order_moved(self._plain(report))
            case PositionMoved(position):
                times, states = self._history.setdefault(position.key, ([], []))
                times.append(self._clock())
                states.append(None if position.is_flat else position)
                self._seen_at[position.key] = position.signed_quantity
            case _:
                pass

    def _as_told(self, event: VenueEvent) -> VenueEvent:
        if isinstance(event, OrderChanged):
            return OrderChanged(self._told(self._plain(event.report)))
        assert isinstance(event, PositionMoved | MarketMoved)
        return event

    def _plain(self, report: OrderReport) -> OrderReport:
        """The order as it was asked for, whatever the exchange was told of it."""
        asked = self._disguised.get(report.venue_order_id)
        if asked is None:
            return report
        status = report.status
        is_now_or_never = asked.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        if status is OrderStatus.CANCELED and is_now_or_never:
            status = OrderStatus.EXPIRED
        return msgspec.structs.replace(
            report,
            type=asked.type,
            limit_price=asked.limit_price,
            time_in_force=asked.time_in_force,
            reduce_only=asked.reduce_only,
            status=status,
        )

    def _told(self, report: OrderReport) -> OrderReport:
        """The order as the venue tells of it: without the name we gave, where it knows none."""
        if self.traits.id_memory is not IdMemory.NEVER:
            return report
        fills = tuple(msgspec.structs.replace(f, client_order_id=None) for f in report.fills)
        return msgspec.structs.replace(report, client_order_id=None, fills=fills)

    def _forget(self, order: OrderRequest) -> None:
        """Let go of a client order id that this kind of venue would not remember."""
        names = self.exchange.state.names
        known = self.exchange.find_order(order.account, client_order_id=order.client_order_id)
        if known is None:
            return
        age = (self.now - known.report.created_at).total_seconds()
        match self.traits.id_memory:
            case IdMemory.FOR_EVER:
                return
            case IdMemory.WINDOW if age < self.traits.id_window:
                return
            case IdMemory.OPEN_ORDERS if not known.report.status.is_terminal:
                return
            case _:
                del names[order.account, order.client_order_id]

    def _check_margin(self, order: OrderRequest) -> None:
        if self.locked is None:
            return
        account, waiting, first = self.locked
        if (order.account, order.instrument) == (account, waiting) and any(
            slot.instrument == first for slot in self.exchange.state.positions[account]
        ):
            raise OrderRefused(RejectReason.INSUFFICIENT_MARGIN, f"close {first} first")

    def _check_reduction(self, order: OrderRequest) -> None:
        if not order.reduce_only or self.traits.reduce_only is ReduceOnly.NONE:
            return
        key = key_of(order)
        held = self.position(key)
        free = max(-held * order.side.sign, ZERO)
        if self.traits.counts_resting:
            free -= sum(
                (o.remaining for o in self.working(key) if o.reduce_only and o.side is order.side),
                ZERO,
            )
        if free <= 0 or (
            order.quantity > free
            and (self.traits.counts_resting or self.traits.reduce_only is ReduceOnly.ON_ARRIVAL)
        ):
            raise OrderRefused(RejectReason.REDUCE_ONLY, f"only {free} can be reduced")

    def _find(
        self,
        account: AccountId,
        *,
        client_order_id: ClientOrderId | None = None,
        venue_order_id: VenueOrderId | None = None,
    ) -> OrderReport | None:
        order = self.exchange.find_order(
            account, client_order_id=client_order_id, venue_order_id=venue_order_id
        )
        return None if order is None else self._plain(order.report)

    def _known(self, account: AccountId, name: VenueOrderId) -> OrderReport:
        report = self._find(account, venue_order_id=name)
        assert report is not None
        return self._told(report)

    def _hides(self, name: VenueOrderId) -> bool:
        return self._hidden_until.get(name, 0.0) > self._clock()

    def _check_account(self, account: AccountId) -> None:
        if account not in self.exchange.state.accounts:
            raise OrderRefused(RejectReason.UNKNOWN_ACCOUNT, f"there is no account {account}")

    def _positions(self, account: AccountId, time: float) -> tuple[Position, ...]:
        found = [self._as_of(key, time) for key in self._history if key.account == account]
        return tuple(position for position in found if position is not None)

    def _as_of(self, key: PositionKey, time: float) -> Position | None:
        times, states = self._history.get(key, ([], []))
        if not times:
            return None
        place = bisect_right(times, time)
        return states[place - 1] if place else states[0]


def key_of(order: OrderReport | OrderRequest) -> PositionKey:
    return PositionKey(VENUE, order.account, order.instrument, order.holding, order.product)
