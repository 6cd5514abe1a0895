"""
A toy venue: pure, deterministic, and honest. What goes wrong on the way to it is the world's work.

It shares nothing with the core but its public types, and nothing with the paper venue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.capabilities import Capabilities, IdMemory, ReduceOnly
from rpcserver.domain.ids import (
    AccountId,
    AccountRef,
    ClientOrderId,
    InstrumentId,
    PositionId,
    Product,
    TradeId,
    VenueId,
    VenueOrderId,
)
from rpcserver.domain.instrument import Instrument, InstrumentType
from rpcserver.domain.market import Market, MarketPhase
from rpcserver.domain.order import (
    ZERO,
    Fill,
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    RejectReason,
    TimeInForce,
)
from rpcserver.domain.position import Position, PositionKey, TaggedQuantity

EPOCH = datetime(2026, 3, 3, 12, tzinfo=UTC)
PRICE = Decimal(100)

Rule = Callable[[OrderRequest], RejectReason | None]


def at(seconds: float) -> datetime:
    """The wall time of an instant of the world."""
    return EPOCH + timedelta(seconds=seconds)


class Refusal(Exception):
    """The venue says no."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Trade:
    """One fill as the venue saw it: the truth that laws are held to."""

    key: PositionKey
    order: OrderReport
    fill: Fill
    before: Decimal
    after: Decimal
    time: float


def instrument(name: str, **fields: object) -> Instrument:
    """A future of whole lots, unless *fields* say otherwise."""
    values: dict[str, object] = {
        "instrument_id": InstrumentId(name),
        "type": InstrumentType.FUTURE,
        "lot": Decimal(1),
        "tick": Decimal("0.25"),
        "minimum": Decimal(1),
        "root": name.split()[0],
    }
    return msgspec.convert(values | fields, Instrument, from_attributes=True)


class ToyVenue:
    """Positions, orders, trades; every method happens at an instant and is over."""

    def __init__(
        self, name: str = "toy", *instruments: Instrument, capabilities: Capabilities | None = None
    ) -> None:
        self.venue_id = VenueId(name)
        self.capabilities = capabilities or Capabilities(
            id_memory=IdMemory.FOR_EVER,
            position_settle=0.5,
            not_found_settle=1.0,
            change_orders=True,
        )
        self.instruments = {each.instrument_id: each for each in instruments or [instrument("ES")]}
        self.markets = {
            name: Market(instrument=name, bid=PRICE, ask=PRICE + each.tick)
            for name, each in self.instruments.items()
        }
        self.positions: dict[PositionKey, Decimal] = {}
        self.tags: dict[PositionKey, tuple[TaggedQuantity, ...]] = {}
        self.profits: dict[PositionKey, Decimal] = {}
        self.opened_at: dict[PositionKey, datetime] = {}
        self.orders: dict[VenueOrderId, OrderReport] = {}
        self.trades: list[Trade] = []
        self.foreign_at: dict[PositionKey, float] = {}  # when others last moved it
        self.news: list[OrderReport | Position | Market] = []
        self.rules: list[Rule] = []  # reasons to refuse an order
        self.depth: deque[Decimal] = deque()  # what coming orders find at the touch; then plenty
        self.resting_markets = False  # market orders wait for `fill`
        self.stuck_cancels = False  # cancels are taken, and stay pending
        self.lag = 0.0  # seconds position reads lag
        self._history: dict[PositionKey, list[tuple[float, Decimal]]] = {}
        self._fills: dict[VenueOrderId, list[Fill]] = {}
        self._by_name: dict[ClientOrderId, list[VenueOrderId]] = {}
        self._count = 0

    # --- how the world is set up ---------------------------------------------------------------

    def key(
        self,
        name: str = "ES",
        account: str = "A",
        holding: Holding = Holding.NET,
        product: str = "",
    ) -> PositionKey:
        return PositionKey(
            self.venue_id, AccountId(account), InstrumentId(name), holding, Product(product)
        )

    def hold(
        self,
        quantity: int | str | Decimal,
        name: str = "ES",
        account: str = "A",
        *,
        holding: Holding = Holding.NET,
        tags: Mapping[str, int] | None = None,
        profit: int | None = None,
        age: float = 0.0,
        product: str = "",
    ) -> PositionKey:
        """Let there be a position, from before the story begins."""
        key = self.key(name, account, holding, product)
        self.positions[key] = Decimal(quantity)
        self._history.setdefault(key, []).append((float("-inf"), Decimal(quantity)))
        self.tags[key] = tuple(
            TaggedQuantity(tag=tag, quantity=Decimal(claim)) for tag, claim in (tags or {}).items()
        )
        if profit is not None:
            self.profits[key] = Decimal(profit)
        self.opened_at[key] = EPOCH - timedelta(seconds=age)
        return key

    def rest(
        self,
        key: PositionKey,
        side: OrderSide,
        quantity: int | str,
        type_: OrderType = OrderType.STOP_MARKET,
        *,
        reduce_only: bool = False,
        oco_id: str | None = None,
        tag: str | None = None,
        time: float = 0.0,
    ) -> VenueOrderId:
        """Let somebody's order work."""
        name = self._new_name()
        self.orders[name] = OrderReport(
            venue_order_id=name,
            client_order_id=None,
            account=key.account,
            instrument=key.instrument,
            side=side,
            type=type_,
            status=OrderStatus.ACCEPTED,
            quantity=Decimal(quantity),
            stop_price=PRICE - 10 if type_ is OrderType.STOP_MARKET else None,
            limit_price=PRICE + 10 if type_ is OrderType.LIMIT else None,
            reduce_only=reduce_only,
            holding=key.holding,
            product=key.product,
            tag=tag,
            oco_id=oco_id,
            created_at=at(time),
            updated_at=at(time),
        )
        return name

    # --- what happens by itself ----------------------------------------------------------------

    def move(self, key: PositionKey, quantity: int | Decimal, time: float) -> None:
        """Others trade: the position moves by *quantity*."""
        self.foreign_at[key] = time
        self._set(key, self.position(key) + quantity, time)

    def fill(self, name: VenueOrderId, quantity: Decimal | int, time: float) -> None:
        """A working order fills, as far as it may."""
        order = self.orders[name]
        assert not order.status.is_terminal
        key = self.key_of(order)
        quantity = min(Decimal(quantity), order.remaining)
        if order.reduce_only and self.capabilities.reduce_only is ReduceOnly.AT_FILL:
            quantity = min(quantity, max(-self.position(key) * order.side.sign, ZERO))
        if quantity == 0:
            self._end(name, OrderStatus.CANCELED, time)
            return
        self._trade(name, quantity, time)
        self._shrink_siblings(order, quantity, time)

    def overfill(self, name: VenueOrderId, quantity: Decimal | int, time: float) -> None:
        """The venue fills what nobody asked for."""
        self.foreign_at[self.key_of(self.orders[name])] = time
        self._trade(name, Decimal(quantity), time)

    def turn(self, name: str, phase: MarketPhase) -> None:
        """A market opens, closes, or is auctioned."""
        market = msgspec.structs.replace(self.markets[InstrumentId(name)], phase=phase)
        self.markets[market.instrument] = market
        self.news.append(market)

    def unstick(self, time: float) -> None:
        """What was pending is canceled."""
        self.stuck_cancels = False
        for name, order in list(self.orders.items()):
            if order.cancel_pending and not order.status.is_terminal:
                self._end(name, OrderStatus.CANCELED, time)

    # --- what it answers -----------------------------------------------------------------------

    def submit(self, order: OrderRequest, time: float) -> OrderReport:
        self._check(order)
        name = self._new_name()
        self.orders[name] = OrderReport(
            venue_order_id=name,
            client_order_id=order.client_order_id,
            account=order.account,
            instrument=order.instrument,
            side=order.side,
            type=order.type,
            status=OrderStatus.ACCEPTED,
            quantity=order.quantity,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            time_in_force=order.time_in_force,
            reduce_only=order.reduce_only,
            holding=order.holding,
            product=order.product,
            tag=order.tag,
            oco_id=order.oco_id,
            created_at=at(time),
            updated_at=at(time),
        )
        self._by_name.setdefault(order.client_order_id, []).append(name)
        self.news.append(self.orders[name])
        crosses = order.type is OrderType.MARKET or self._crosses(order)
        if crosses and not (self.resting_markets and order.type is OrderType.MARKET):
            available = self.depth.popleft() if self.depth else order.quantity
            if available > 0:
                self.fill(name, available, time)
            dies = order.time_in_force is TimeInForce.IOC or order.type is OrderType.MARKET
            if dies and not self.orders[name].status.is_terminal:
                self._end(name, OrderStatus.EXPIRED, time)
        return self._told(name)

    def cancel(self, name: VenueOrderId, time: float) -> OrderReport:
        order = self._working(name)
        if self.stuck_cancels:
            self.orders[name] = msgspec.structs.replace(order, cancel_pending=True)
        else:
            self._end(name, OrderStatus.CANCELED, time)
        return self._told(name)

    def change(self, name: VenueOrderId, quantity: Decimal, time: float) -> OrderReport:
        order = self._working(name)
        if quantity <= order.filled:
            self._end(name, OrderStatus.CANCELED, time)
        else:
            self.orders[name] = msgspec.structs.replace(order, quantity=quantity)
            self.news.append(self.orders[name])
        return self._told(name)

    def query(self, ours: ClientOrderId | None, theirs: VenueOrderId | None) -> OrderReport | None:
        names = [theirs] if theirs in self.orders else []
        if ours is not None:
            names += [n for n in self._by_name.get(ours, ()) if self._remembers(self.orders[n])]
        return self._told(names[0]) if names and names[0] is not None else None

    def fills_of(self, account: AccountId) -> tuple[Fill, ...]:
        return tuple(trade.fill for trade in self.trades if trade.fill.account == account)

    def snapshot(
        self, account: AccountId, time: float, *, markets: bool, lag: float = 0.0
    ) -> AccountSnapshot:
        positions = tuple(
            self._describe(key, self.position(key, time - lag))
            for key in self.positions
            if key.account == account and self.position(key, time - lag) != 0
        )
        orders = tuple(
            order
            for order in self.orders.values()
            if order.account == account and not order.status.is_terminal
        )
        names = {each.instrument for each in positions} | {each.instrument for each in orders}
        return AccountSnapshot(
            account=AccountRef(self.venue_id, account),
            positions=positions,
            orders=orders,
            instruments={name: self.instruments[name] for name in sorted(names)},
            markets={name: self.markets[name] for name in sorted(names)} if markets else {},
            taken_at=at(time),
        )

    # --- the truth -----------------------------------------------------------------------------

    def position(self, key: PositionKey, time: float | None = None) -> Decimal:
        """What is held now, or was at *time*."""
        if time is None:
            return self.positions.get(key, ZERO)
        held = ZERO
        for when, quantity in self._history.get(key, []):
            if when <= time:
                held = quantity
        return held

    def working(self, key: PositionKey) -> list[OrderReport]:
        return [
            order
            for order in self.orders.values()
            if not order.status.is_terminal and self.key_of(order) == key
        ]

    def key_of(self, order: OrderReport | OrderRequest) -> PositionKey:
        return PositionKey(
            self.venue_id, order.account, order.instrument, order.holding, order.product
        )

    def knows(self, name: ClientOrderId) -> bool:
        return name in self._by_name

    # --- inside --------------------------------------------------------------------------------

    def _check(self, order: OrderRequest) -> None:
        if self.query(order.client_order_id, None) is not None:
            raise Refusal(RejectReason.DUPLICATE_ID)
        market, contract = self.markets[order.instrument], self.instruments[order.instrument]
        if not market.phase.takes_orders:
            raise Refusal(RejectReason.MARKET_CLOSED)
        if order.type is OrderType.MARKET and not market.phase.takes_market_orders:
            raise Refusal(RejectReason.MARKET_ORDERS_BANNED)
        if order.quantity % contract.lot:
            raise Refusal(RejectReason.BAD_STEP)
        if order.quantity < contract.minimum:
            raise Refusal(RejectReason.BELOW_MINIMUM)
        if contract.maximum is not None and order.quantity > contract.maximum:
            raise Refusal(RejectReason.ABOVE_MAXIMUM)
        for rule in self.rules:
            if (reason := rule(order)) is not None:
                raise Refusal(reason)
        held = self.position(self.key_of(order))
        if (
            order.reduce_only
            and self.capabilities.reduce_only is not ReduceOnly.NONE
            and held * order.side.sign >= 0
        ):
            raise Refusal(RejectReason.REDUCE_ONLY)

    def _trade(self, name: VenueOrderId, quantity: Decimal, time: float) -> None:
        order = self.orders[name]
        key, before = self.key_of(order), self.position(self.key_of(order))
        after = before + quantity * order.side.sign
        price = order.limit_price or PRICE
        fill = Fill(
            trade_id=TradeId(f"{self.venue_id}-t{len(self.trades) + 1}"),
            venue_order_id=name,
            client_order_id=order.client_order_id,
            account=order.account,
            instrument=order.instrument,
            side=order.side,
            quantity=quantity,
            price=price,
            holding=order.holding,
            product=order.product,
            at=at(time),
        )
        filled = order.filled + quantity
        order = msgspec.structs.replace(
            order,
            filled=filled,
            average_price=price,
            status=OrderStatus.FILLED if filled >= order.quantity else OrderStatus.PARTIALLY_FILLED,
            updated_at=at(time),
        )
        self.orders[name] = order
        self._fills.setdefault(name, []).append(fill)
        self.trades.append(Trade(key, order, fill, before, after, time))
        self.news.append(msgspec.structs.replace(order, fills=(fill,)))
        self._set(key, after, time)

    def _crosses(self, order: OrderRequest) -> bool:
        market = self.markets[order.instrument]
        if order.type is not OrderType.LIMIT or order.limit_price is None:
            return False
        if order.side is OrderSide.BUY:
            return market.ask is not None and order.limit_price >= market.ask
        return market.bid is not None and order.limit_price <= market.bid

    def _remembers(self, order: OrderReport) -> bool:
        """Whether it still goes by the name its owner gave it."""
        match self.capabilities.id_memory:
            case IdMemory.FOR_EVER | IdMemory.WINDOW:
                return True
            case IdMemory.OPEN_ORDERS:
                return not order.status.is_terminal
            case IdMemory.NEVER:
                return False

    def _working(self, name: VenueOrderId) -> OrderReport:
        if name not in self.orders:
            raise Refusal(RejectReason.UNKNOWN_ORDER)
        if self.orders[name].status.is_terminal:
            raise Refusal(RejectReason.ALREADY_TERMINAL)
        return self.orders[name]

    def _end(self, name: VenueOrderId, status: OrderStatus, time: float) -> None:
        self.orders[name] = msgspec.structs.replace(
            self.orders[name], status=status, cancel_pending=False, updated_at=at(time)
        )
        self.news.append(self.orders[name])

    def _shrink_siblings(self, filled: OrderReport, quantity: Decimal, time: float) -> None:
        """What one order of an OCO group fills, the others can fill no more."""
        for name, order in list(self.orders.items()):
            if (
                filled.oco_id is not None
                and order.oco_id == filled.oco_id
                and name != filled.venue_order_id
                and not order.status.is_terminal
            ):
                if order.remaining <= quantity:
                    self._end(name, OrderStatus.CANCELED, time)
                else:
                    self.change(name, order.quantity - quantity, time)

    def _told(self, name: VenueOrderId) -> OrderReport:
        """Everything about one order, all its fills included."""
        return msgspec.structs.replace(self.orders[name], fills=tuple(self._fills.get(name, ())))

    def _set(self, key: PositionKey, quantity: Decimal, time: float) -> None:
        self.positions[key] = quantity
        self._history.setdefault(key, []).append((time, quantity))
        self.news.append(self._describe(key, quantity))

    def _describe(self, key: PositionKey, quantity: Decimal) -> Position:
        opened_at = self.opened_at.get(key, EPOCH)
        return Position(
            position_id=PositionId(f"pos-{key.account}-{key.instrument}-{key.holding.value}"),
            venue=key.venue,
            account=key.account,
            instrument=key.instrument,
            signed_quantity=quantity,
            holding=key.holding,
            product=key.product,
            average_price=PRICE,
            unrealized=self.profits.get(key),
            tags=self.tags.get(key, ()),
            opened_at=opened_at,
            updated_at=opened_at,
        )

    def _new_name(self) -> VenueOrderId:
        self._count += 1
        return VenueOrderId(f"{self.venue_id}-o{self._count}")


def accounts_of(venues: Iterable[ToyVenue]) -> tuple[AccountRef, ...]:
    """Every account that holds anything or has an order working."""
    refs = {key.account_ref for venue in venues for key in venue.positions}
    refs |= {venue.key_of(order).account_ref for venue in venues for order in venue.orders.values()}
    return tuple(sorted(refs))
