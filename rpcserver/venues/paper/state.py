"""
The state of the pure exchange: records, the ways to find them, and which of them changed.

Records are plain values; whoever keeps them (the database of `store.py`, a simulation's crash)
takes `touched` and builds the state anew from records alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b

import msgspec

from rpcserver.domain.account import PositionMode
from rpcserver.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PositionId,
    Product,
    TradeId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.order import ZERO, Fill, OrderReport
from rpcserver.domain.position import Position
from rpcserver.venues.paper.contracts import Calendar
from rpcserver.venues.paper.positions import Slot
from rpcserver.venues.paper.prices import Market, PriceWalk


class Order(msgspec.Struct):
    """An order in the book, or what became of it. `report` holds all of its fills."""

    report: OrderReport
    sequence: int  # orders are numbered as they arrive
    day: date  # the trading day it was placed on: where a day order ends
    triggered: bool = False  # a stop that has met its price
    cancel_at: datetime | None = None  # a cancel that got stuck takes effect then

    @property
    def venue_order_id(self) -> VenueOrderId:
        return self.report.venue_order_id

    @property
    def slot(self) -> Slot:
        return Slot(self.report.instrument, self.report.holding, self.report.product)


class AccountRecord(msgspec.Struct):
    """An account: whose it is, how it trades, and its money."""

    account: AccountId
    user_id: str
    display_name: str
    currency: str
    mode: PositionMode
    calendar: Calendar
    products: tuple[Product, ...]
    cash: dict[str, Decimal]  # by currency; coins bought on a spot market are positions
    day: date
    realized: Decimal = ZERO  # today's, in `currency`
    fees: Decimal = ZERO  # today's, in `currency`
    margin: Decimal = ZERO  # held by positions


class Counters(msgspec.Struct):
    """How many names were given: none is given twice, whatever happens."""

    orders: int = 0
    trades: int = 0
    positions: int = 0


class Touched(msgspec.Struct):
    """Which records changed since somebody last looked."""

    orders: set[VenueOrderId] = msgspec.field(default_factory=set)
    positions: set[tuple[AccountId, Slot]] = msgspec.field(default_factory=set)
    accounts: set[AccountId] = msgspec.field(default_factory=set)
    markets: set[InstrumentId] = msgspec.field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.orders or self.positions or self.accounts or self.markets)


class WorkingOrders:
    """The orders in the book, oldest first, by every name they are looked for."""

    def __init__(self) -> None:
        self._of_instrument: defaultdict[InstrumentId, dict[VenueOrderId, Order]]
        self._of_instrument = defaultdict(dict)
        self._of_account: defaultdict[AccountId, dict[VenueOrderId, Order]] = defaultdict(dict)
        self._of_leg: defaultdict[tuple[AccountId, InstrumentId], dict[VenueOrderId, Order]]
        self._of_leg = defaultdict(dict)

    def add(self, order: Order) -> None:
        for index in self._indexes(order):
            index[order.venue_order_id] = order

    def remove(self, order: Order) -> None:
        for index in self._indexes(order):
            index.pop(order.venue_order_id, None)
        if not self._of_instrument[order.report.instrument]:
            del self._of_instrument[order.report.instrument]

    def of_instrument(self, instrument: InstrumentId) -> Sequence[Order]:
        return tuple(self._of_instrument.get(instrument, {}).values())

    def of_account(self, account: AccountId) -> Sequence[Order]:
        return tuple(self._of_account.get(account, {}).values())

    def of_leg(self, account: AccountId, instrument: InstrumentId) -> Sequence[Order]:
        return tuple(self._of_leg.get((account, instrument), {}).values())

    def instruments(self) -> Sequence[InstrumentId]:
        return tuple(self._of_instrument)

    def __iter__(self) -> Iterator[Order]:
        return iter([order for orders in self._of_account.values() for order in orders.values()])

    def _indexes(self, order: Order) -> Sequence[dict[VenueOrderId, Order]]:
        report = order.report
        return (
            self._of_instrument[report.instrument],
            self._of_account[report.account],
            self._of_leg[report.account, report.instrument],
        )


class State:
    """Everything the exchange knows."""

    def __init__(self, *, venue: VenueId, seed: int) -> None:
        self.venue = venue
        self.walk = PriceWalk(seed)
        self.counters = Counters()
        self.markets: dict[InstrumentId, Market] = {}
        self.accounts: dict[AccountId, AccountRecord] = {}
        self.positions: dict[AccountId, dict[Slot, Position]] = {}
        self.orders: dict[VenueOrderId, Order] = {}
        self.orders_of: defaultdict[AccountId, list[Order]] = defaultdict(list)
        self.fills_of: defaultdict[AccountId, list[Fill]] = defaultdict(list)
        self.names: dict[tuple[AccountId, ClientOrderId], VenueOrderId] = {}
        self.working = WorkingOrders()
        self.stuck_cancels: dict[VenueOrderId, Order] = {}
        self.days: dict[Calendar, date] = {}  # each calendar's trading day, as far as it has rolled
        self.touched = Touched()

    # Names. Pure functions of counters, so that a replay gives the same ones.

    def next_order_id(self) -> VenueOrderId:
        self.counters.orders += 1
        name = f"{self.venue}/{self.walk.seed}/order/{self.counters.orders}"
        return VenueOrderId(blake2b(name.encode(), digest_size=16).hexdigest())

    def next_trade_id(self) -> TradeId:
        self.counters.trades += 1
        return TradeId(f"{self.venue}-{self.walk.seed}-{self.counters.trades:08}")

    def next_position_id(self, now: datetime) -> PositionId:
        self.counters.positions += 1
        return PositionId(f"pos-{now:%Y%m%d%H%M%S}-{self.counters.positions}")

    # Changes. Each leaves its mark in `touched`.

    def add_account(self, record: AccountRecord) -> None:
        self.accounts[record.account] = record
        self.positions.setdefault(record.account, {})
        self.touched.accounts.add(record.account)

    def add_market(self, market: Market) -> None:
        self.markets[market.contract.instrument_id] = market
        self.touched.markets.add(market.contract.instrument_id)

    def add_order(self, order: Order) -> None:
        report = order.report
        self.orders[order.venue_order_id] = order
        self.orders_of[report.account].append(order)
        self.fills_of[report.account].extend(report.fills)
        if report.client_order_id is not None:
            self.names[report.account, report.client_order_id] = order.venue_order_id
        if not report.status.is_terminal:
            self.working.add(order)
        if order.cancel_at is not None:
            self.stuck_cancels[order.venue_order_id] = order
        self.touched.orders.add(order.venue_order_id)

    def set_report(self, order: Order, report: OrderReport) -> None:
        order.report = report
        if report.status.is_terminal:
            self.working.remove(order)
            self.stuck_cancels.pop(order.venue_order_id, None)
            order.cancel_at = None
        self.touched.orders.add(order.venue_order_id)

    def set_position(self, account: AccountId, slot: Slot, position: Position) -> None:
        if position.is_flat:
            self.positions[account].pop(slot, None)
        else:
            self.positions[account][slot] = position
        self.touched.positions.add((account, slot))

    def take_touched(self) -> Touched:
        touched, self.touched = self.touched, Touched()
        return touched
