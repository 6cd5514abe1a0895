"""
The simulated venue: the paper venue's own pure exchange, made to be any kind of venue.

The exchange enforces reduce-only at every fill, remembers ids for ever and fills market orders at
once. Where the plan wants a worse venue, this file takes that away from it, before a command
reaches it and after. It lives in the world, not in the process: it survives every crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from rpcserver.domain.account import Account, AccountSnapshot, PositionMode
from rpcserver.domain.capabilities import IdMemory, ReduceOnly
from rpcserver.domain.errors import OrderRefused
from rpcserver.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    ZERO,
    Fill,
    Holding,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderType,
    RejectReason,
    TimeInForce,
)
from rpcserver.domain.position import Position, PositionKey
from rpcserver.driver.ports import MarketMoved, OrderChanged, PositionMoved, VenueEvent
from rpcserver.simulation.disguise import Disguise
from rpcserver.simulation.faults import FaultKind
from rpcserver.simulation.listing import CONTRACTS
from rpcserver.simulation.past import Past
from rpcserver.simulation.rules import Rules
from rpcserver.simulation.scene import EPOCH, Scene
from rpcserver.venues.paper import readings
from rpcserver.venues.paper.commands import (
    CancelOrder,
    ChangeOrder,
    ExchangeCommand,
    FillOrder,
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


class SimulatedVenue:
    """One exchange and its rules. Every method happens at an instant and is over."""

    def __init__(
        self,
        scene: Scene,
        clock: Callable[[], float],
        publish: Callable[[VenueEvent], None],
        felt: Callable[[FaultKind], None],
    ) -> None:
        self.venue_id = scene.venue_id
        self.traits = scene.traits
        self._clock = clock
        self._publish = publish
        self._onlooker: Onlooker | None = None
        self.exchange = Exchange(State(venue=scene.venue_id, seed=1), sessions=False)
        self.rules = Rules(scene.traits, self.exchange, felt)
        self.past = Past()
        self.foreign_at: dict[PositionKey, float] = {}  # when others last moved it
        self._disguise = Disguise(scene.traits.id_memory)
        self._seen_at: dict[PositionKey, Decimal] = {}
        self._hidden_until: dict[VenueOrderId, float] = {}
        for command in scene.commands():
            self._carry_out(command)

    def watch(self, onlooker: Onlooker) -> None:
        """From now on *onlooker* sees the truth; what set the scene is not judged."""
        self._onlooker = onlooker

    @property
    def time(self) -> float:
        """Seconds since the history began."""
        return self._clock()

    @property
    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._clock())

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
        self.rules.forget(order, self.now)
        key = self.key_of(order)
        self.rules.check(order, self.position(key), self.working(key))
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
        asked = self._disguise.asked.get(name)
        if asked is not None and asked.type is OrderType.MARKET:
            price = market.ask if report.side is OrderSide.BUY else market.bid
        try:
            self._carry_out(
                FillOrder(account=account, venue_order_id=name, quantity=quantity, price=price)
            )
        except OrderRefused:
            self._carry_out(CancelOrder(account=account, venue_order_id=name))

    def end(self, account: AccountId, name: VenueOrderId) -> None:
        """End what is left of an order, without anybody of ours having asked."""
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
        self.rules.locked = None
        self._hidden_until.clear()
        for name, asked in tuple(self._disguise.asked.items()):
            if asked.type is OrderType.MARKET:
                self.fill(asked.account, name)
                self.end(asked.account, name)
        for contract in CONTRACTS:
            instrument = contract.instrument_id
            self.others(SetPhase(instrument=instrument, phase=None))
            self.others(SetBands(instrument=instrument))
            self.others(SetDepth(instrument=instrument))

    def is_hedged(self, account: AccountId) -> bool:
        """Whether the account holds its sides apart."""
        return self.exchange.state.accounts[account].mode is PositionMode.HEDGE

    def switch_mode(self, account: AccountId) -> bool:
        """
        Let a netting account hold its sides apart from now on; False: it does already.

        Its orders are gone, and what was net is long or short: another position, and the old one
        has become zero without a trade.
        """
        if self.is_hedged(account):
            return False
        for order in self.orders_of(account):
            self.end(account, order.venue_order_id)
        held = self.past.positions(account, self._clock())
        for net in held:
            self._hold(net, Holding.NET, -net.signed_quantity)
        self.exchange.state.accounts[account].mode = PositionMode.HEDGE
        for net in held:
            side = Holding.LONG if net.signed_quantity > 0 else Holding.SHORT
            self._hold(net, side, net.signed_quantity)
        return True

    def _hold(self, like: Position, holding: Holding, quantity: Decimal) -> None:
        key = like.key._replace(holding=holding)
        self.foreign_at[key] = self._clock()
        self._carry_out(
            OpenPosition(
                account=key.account,
                instrument=key.instrument,
                quantity=quantity,
                average_price=like.average_price,
                holding=holding,
            )
        )

    def pass_time(self) -> None:
        self._carry_out(PassTime())

    # --- reads -----------------------------------------------------------------------------------

    def snapshot(self, account: AccountId, *, markets: bool, lag: float) -> AccountSnapshot:
        """What a reading shows; positions as they were *lag* seconds ago."""
        self._check_account(account)
        held = self.past.positions(account, self._clock() - lag)
        taken = readings.snapshot(self.exchange, account, held, self.now, markets=markets)
        orders = tuple(
            self._disguise.told(order)
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
        return self._disguise.told(report)

    def orders(self, account: AccountId) -> Sequence[OrderReport]:
        self._check_account(account)
        reports = readings.orders(self.exchange.state, account)
        return [self._disguise.told(r) for r in reports if not self._hides(r.venue_order_id)]

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

    def working(self, key: PositionKey) -> list[OrderReport]:
        orders = self.exchange.state.working.of_leg(key.account, key.instrument)
        return [self._disguise.plain(o.report) for o in orders if self.key_of(o.report) == key]

    def orders_of(self, account: AccountId) -> list[OrderReport]:
        """Every order of an account that still works."""
        reports = readings.orders(self.exchange.state, account)
        return [report for report in reports if not report.status.is_terminal]

    def order(self, account: AccountId, name: VenueOrderId) -> OrderReport | None:
        """An order as it really is; None: it never was."""
        return self._find(account, venue_order_id=name)

    def own_order(self, account: AccountId, name: ClientOrderId) -> OrderReport | None:
        """The same by the name that we gave it."""
        return self._find(account, client_order_id=name)

    def key_of(self, order: OrderReport | OrderRequest) -> PositionKey:
        """The position that an order is about."""
        return PositionKey(
            self.venue_id, order.account, order.instrument, order.holding, order.product
        )

    def phase(self, instrument: InstrumentId) -> MarketPhase:
        markets = self.exchange.markets
        return markets.phase(markets.named(instrument), self.now)

    # --- inside ----------------------------------------------------------------------------------

    def _carry_out(self, command: ExchangeCommand, asked: OrderRequest | None = None) -> None:
        events = self.exchange.handle(command, self.now)
        for event in events:
            if asked is not None and isinstance(event, OrderChanged):
                self._disguise.put_on(event.report.venue_order_id, asked)
                asked = None
        for event in events:
            self._see(event)
        for event in events:
            self._publish(self._as_told(event))

    def _see(self, event: VenueEvent) -> None:
        match event:
            case OrderChanged(report):
                key = self.key_of(report)
                for fill in report.fills:
                    before = self._seen_at.get(key, ZERO)
                    after = self._seen_at[key] = before + fill.signed_quantity
                    if self._onlooker is not None:
                        self._onlooker.executed(
                            Execution(
                                self._clock(),
                                key,
                                self._disguise.plain(report),
                                fill,
                                before,
                                after,
                            )
                        )
            case PositionMoved(position):
                self.past.note(position, self._clock())
                self._seen_at[position.key] = position.signed_quantity
            case _:
                pass

    def _as_told(self, event: VenueEvent) -> VenueEvent:
        if isinstance(event, OrderChanged):
            return OrderChanged(self._disguise.told(event.report))
        assert isinstance(event, PositionMoved | MarketMoved)
        return event

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
        return None if order is None else self._disguise.plain(order.report)

    def _known(self, account: AccountId, name: VenueOrderId) -> OrderReport:
        report = self._find(account, venue_order_id=name)
        assert report is not None
        return self._disguise.told(report)

    def _hides(self, name: VenueOrderId) -> bool:
        return self._hidden_until.get(name, 0.0) > self._clock()

    def _check_account(self, account: AccountId) -> None:
        if account not in self.exchange.state.accounts:
            raise OrderRefused(RejectReason.UNKNOWN_ACCOUNT, f"there is no account {account}")
