"""
How working orders meet the market: what fills, what that does to positions and money, and what a
fill does to the other orders around it.

Law 1 holds here by construction: an order that only reduces is cut to what is held at every
fill, not once on arrival, and shrinks or ends when the position does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from rpcserver.domain.ids import AccountId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import (
    ZERO,
    Fill,
    OrderReport,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from rpcserver.domain.position import Position
from rpcserver.driver.ports import OrderChanged, PositionMoved, VenueEvent
from rpcserver.venues.paper.admission import only_reduces, reducible
from rpcserver.venues.paper.contracts import Contract
from rpcserver.venues.paper.positions import (
    Slot,
    Trade,
    after_trade,
    flat_position,
    marked,
    split_at_zero,
    tidy_price,
)
from rpcserver.venues.paper.prices import Market, Print, available, sweep
from rpcserver.venues.paper.state import Order, State

_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class Shift(NamedTuple):
    """What a trade did: the profit it locked in, and the position it left, flat or not."""

    realized: Decimal
    position: Position


class Execution:
    """Matches orders; tells what happened by appending to `happened`."""

    def __init__(self, state: State, happened: list[VenueEvent]) -> None:
        self._state = state
        self._happened = happened

    def arrive(self, order: Order, phase: MarketPhase, now: datetime) -> None:
        """Let a newly accepted order trade as far as it goes, and rest or end there."""
        self._state.add_order(order)
        self.work(order, phase, now, resting=False)
        report = order.report
        if report.status.is_terminal:
            return
        if report.time_in_force in _AT_ONCE and not _waits_for_its_stop(order):
            self.end(order, OrderStatus.EXPIRED, now, "nothing trades at once")
        elif report.filled == 0:
            self._tell(order, ())

    def work(
        self, order: Order, phase: MarketPhase, now: datetime, *, resting: bool = True
    ) -> None:
        """Fill what the market gives *order* now. What rests trades at its own price."""
        report = order.report
        market = self._state.markets[report.instrument]
        if phase is not MarketPhase.OPEN or report.status.is_terminal:
            return
        if _waits_for_its_stop(order):
            if not _has_met_its_stop(report, market):
                return
            order.triggered, resting = True, False
            self._state.touched.orders.add(order.venue_order_id)
        if report.time_in_force is not TimeInForce.FOK or self._can_fill_whole(report, market):
            self.fill(order, self._prints(report, market, resting=resting), now)
        if order.report.status.is_terminal:
            return
        if report.type is OrderType.MARKET:
            self.end(order, OrderStatus.CANCELED, now, "the book holds no more")
        elif report.time_in_force in _AT_ONCE:
            self.end(order, OrderStatus.EXPIRED, now, "not filled at once")

    def _prints(self, report: OrderReport, market: Market, *, resting: bool) -> Iterable[Print]:
        """What the book gives an order; to one that rests, at the order's own limit."""
        wanted = min(report.remaining, self.allowed(report, market.contract))
        prints = sweep(market, report.side, wanted, report.limit_price)
        if not resting or report.limit_price is None:
            return prints
        reached = sum((quantity for _, quantity in prints), ZERO)
        return [Print(report.limit_price, reached)] if reached else []

    def fill(self, order: Order, prints: Iterable[Print], now: datetime) -> None:
        """Execute *order* at *prints*, and do what follows from that."""
        report = order.report
        market = self._state.markets[report.instrument]
        fills: tuple[Fill, ...] = ()
        for each in prints:
            fill, position = self._execute(order, market, each, now)
            fills += (fill,)
        if not fills:
            return
        self._state.fills_of[report.account].extend(fills)
        self._state.set_report(order, _with_fills(report, fills, now))
        self._tell(order, fills)
        self.tell_position(position)
        self._cancel_group(order, now)
        self.trim(report.account, order.slot, now)

    def end(self, order: Order, status: OrderStatus, now: datetime, detail: str) -> None:
        """Take *order* out of the book."""
        report = msgspec.structs.replace(
            order.report, status=status, detail=detail, cancel_pending=False, updated_at=now
        )
        self._state.set_report(order, report)
        self._tell(order, ())

    def trim(self, account: AccountId, slot: Slot, now: datetime) -> None:
        """Shrink what only reduces to what is left to reduce, or end it."""
        contract = self._state.markets[slot.instrument].contract
        for order in self._state.working.of_leg(account, slot.instrument):
            report = order.report
            if order.slot != slot or not only_reduces(report, contract):
                continue
            allowed = self.allowed(report, contract)
            if allowed == 0:
                self.end(order, OrderStatus.CANCELED, now, "nothing is left to reduce")
            elif report.remaining > allowed:
                trimmed = msgspec.structs.replace(
                    report,
                    quantity=report.filled + allowed,
                    detail="trimmed to the position",
                    updated_at=now,
                )
                self._state.set_report(order, trimmed)
                self._tell(order, ())

    def allowed(self, report: OrderReport, contract: Contract) -> Decimal:
        """How much of what remains of *report* may fill now: at most what it can reduce."""
        if not only_reduces(report, contract):
            return report.remaining
        slot = Slot(report.instrument, report.holding, report.product)
        return reducible(self._state.positions[report.account].get(slot), report.side)

    def shift_position(self, account: AccountId, slot: Slot, trade: Trade) -> Shift:
        """Carry out *trade* on a position, through zero if it goes that far."""
        market = self._state.markets[slot.instrument]
        positions = self._state.positions[account]
        held = positions.get(slot)
        realized = ZERO
        closing, opening = split_at_zero(held.signed_quantity if held else ZERO, trade)
        for part in (closing, opening) if opening else (closing,):
            before = positions.get(slot)
            if before is None:
                name = self._state.next_position_id(trade.at)
                before = flat_position(self._state.venue, account, slot, name, trade.at)
            after, profit = after_trade(before, market.contract, part)
            self._state.set_position(account, slot, after)
            self._hold_margin(account, market.contract, before, after)
            realized += profit
        return Shift(realized, after)

    def tell_position(self, position: Position) -> None:
        market = self._state.markets[position.instrument]
        self._happened.append(PositionMoved(marked(position, market.contract, market.last)))

    # --- one execution ---------------------------------------------------------------------------

    def _execute(
        self, order: Order, market: Market, each: Print, now: datetime
    ) -> tuple[Fill, Position]:
        report, contract = order.report, market.contract
        buys_coins = contract.is_spot and report.side is OrderSide.BUY
        fee, fee_currency = contract.fee_on(each.quantity, each.price), contract.instrument.currency
        received = each.quantity
        if buys_coins:  # the fee is taken from the coins bought
            fee, fee_currency = each.quantity * contract.fee_rate, contract.instrument.base or ""
            received -= fee
        trade = Trade(received * report.side.sign, each.price, report.tag, now)
        realized, position = self.shift_position(report.account, order.slot, trade)
        self._book(report.account, contract, report.side, each, realized, fee)
        market.volume += int(each.quantity) or 1
        fill = Fill(
            trade_id=self._state.next_trade_id(),
            venue_order_id=report.venue_order_id,
            client_order_id=report.client_order_id,
            account=report.account,
            instrument=report.instrument,
            side=report.side,
            quantity=each.quantity,
            price=each.price,
            holding=report.holding,
            product=report.product,
            fee=fee,
            fee_currency=fee_currency,
            realized=realized,
            tag=report.tag,
            at=now,
        )
        return fill, position

    def _book(
        self,
        account: AccountId,
        contract: Contract,
        side: OrderSide,
        each: Print,
        realized: Decimal,
        fee: Decimal,
    ) -> None:
        """Let the account's money follow: profits and fees; on a spot market, the price itself."""
        record = self._state.accounts[account]
        if contract.is_spot:
            change = -side.sign * each.quantity * each.price
            fee_paid = ZERO if side is OrderSide.BUY else fee  # a buyer paid it in coins
            fee_in_cash = fee * each.price if side is OrderSide.BUY else fee
        else:
            change, fee_paid = realized, fee
            fee_in_cash = contract.in_cash(fee, each.price)
        currency = contract.instrument.currency
        record.cash[currency] = record.cash.get(currency, ZERO) + change - fee_paid
        record.realized += contract.in_cash(realized, each.price)
        record.fees += fee_in_cash
        self._state.touched.accounts.add(account)

    def _hold_margin(
        self, account: AccountId, contract: Contract, before: Position, after: Position
    ) -> None:
        if contract.is_spot:
            return  # paid in full
        record = self._state.accounts[account]
        for position, sign in ((before, -1), (after, 1)):
            if not position.is_flat:
                held = contract.margin(position.quantity, position.average_price)
                record.margin += sign * held
        self._state.touched.accounts.add(account)

    # --- what follows ----------------------------------------------------------------------------

    def _cancel_group(self, filled: Order, now: datetime) -> None:
        group = filled.report.oco_id
        if group is None:
            return
        for order in self._state.working.of_account(filled.report.account):
            if order.report.oco_id == group and order is not filled:
                self.end(order, OrderStatus.CANCELED, now, "another order of its group filled")

    def _can_fill_whole(self, report: OrderReport, market: Market) -> bool:
        at_once = available(market, report.side, report.limit_price)
        return report.quantity <= min(at_once, self.allowed(report, market.contract))

    def _tell(self, order: Order, fills: tuple[Fill, ...]) -> None:
        """Events carry what is new; answers carry every fill."""
        report = order.report
        if report.fills is not fills:
            report = msgspec.structs.replace(report, fills=fills)
        self._happened.append(OrderChanged(report))


def _waits_for_its_stop(order: Order) -> bool:
    return order.report.stop_price is not None and not order.triggered


def _has_met_its_stop(report: OrderReport, market: Market) -> bool:
    assert report.stop_price is not None
    if report.side is OrderSide.BUY:
        return market.last >= report.stop_price
    return market.last <= report.stop_price


def _with_fills(report: OrderReport, fills: tuple[Fill, ...], now: datetime) -> OrderReport:
    filled = report.filled + sum((fill.quantity for fill in fills), ZERO)
    value = sum((fill.quantity * fill.price for fill in fills), ZERO)
    if report.average_price is not None:
        value += report.filled * report.average_price
    done = filled == report.quantity
    return msgspec.structs.replace(
        report,
        filled=filled,
        average_price=tidy_price(value / filled),
        status=OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED,
        fills=report.fills + fills,
        cancel_pending=report.cancel_pending and not done,
        updated_at=now,
    )
