"""
The reservation ledger of a lane: what each order can still do, and how much may be sent.

Law 2: at every send, the possible remaining fill of *all* live orders that can reduce the
position, plus the new order, is at most the position. Venue reduce-only is a second belt, never
the proof.

Law 6: an order's `filled` is the larger of the trades counted by id and the venue's cumulative
figure, so that repeating, reordering or losing either leaves the totals unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from rpcserver.core.recording import Removal
from rpcserver.core.records import FillCounted, OrderEnd, OrderEnded, OrderIntended, Resolved
from rpcserver.core.requests import OrderOutcome
from rpcserver.core.state import Lane, LedgerOrder, OrderState
from rpcserver.domain.capabilities import Capabilities, ReduceOnly
from rpcserver.domain.order import (
    ZERO,
    Fill,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
)

_END_OF_STATUS = {
    OrderStatus.FILLED: OrderEnd.FILLED,
    OrderStatus.CANCELED: OrderEnd.CANCELED,
    OrderStatus.EXPIRED: OrderEnd.EXPIRED,
    OrderStatus.REJECTED: OrderEnd.REJECTED,
}
_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


# --- one order ---------------------------------------------------------------------------------


def of_report(report: OrderReport) -> LedgerOrder:
    """Somebody's working order, as a reading found it."""
    return LedgerOrder(
        key=report.client_order_id or report.venue_order_id,
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        side=report.side,
        type=report.type,
        quantity=report.quantity,
        limit_price=report.limit_price,
        filled=report.filled,
        named=sum((fill.quantity for fill in report.fills), ZERO),
        trades=frozenset(fill.trade_id for fill in report.fills),
        state=OrderState.LIVE,
        reduce_only=report.reduce_only,
        oco_id=report.oco_id,
        protective=report.type in _STOPS,
        canceling=report.cancel_pending,
    )


def intended(intent: OrderIntended, before: LedgerOrder | None, turn: int = 0) -> LedgerOrder:
    """An order about to be sent in this *turn*; *before*: the same one, sent once already."""
    if before is not None and intent.resend:
        is_taken_over = before.operation_id != intent.operation_id
        return msgspec.structs.replace(
            before,
            operation_id=intent.operation_id,
            state=OrderState.INTENDED,
            sends=2 if is_taken_over else before.sends + 1,  # never the first
            sent_at=intent.mono,
            asked_at=None,
            absent_at=None,
        )
    return msgspec.structs.replace(
        intended_by(intent.order),
        operation_id=intent.operation_id,
        principal=intent.principal,
        sends=1,
        attempt=intent.attempt,
        step=intent.step,
        turn=turn,
        first_sent_at=intent.mono,
        sent_at=intent.mono,
    )


def intended_by(order: OrderRequest) -> LedgerOrder:
    """An order as it is asked for, not sent yet."""
    return LedgerOrder(
        key=order.client_order_id,
        client_order_id=order.client_order_id,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        limit_price=order.limit_price,
        reduce_only=order.reduce_only,
        oco_id=order.oco_id,
        protective=order.type in _STOPS,
        request=order,
    )


def learned(order: LedgerOrder, report: OrderReport) -> LedgerOrder:
    """The venue has the order and it works."""
    if not order.is_live and order.end is not OrderEnd.NEVER_EXISTED:
        return order
    shrunk = order.shrink_to is not None and report.quantity <= order.shrink_to
    still_canceling = order.shrink_to is None and order.canceling
    return msgspec.structs.replace(
        order,
        venue_order_id=report.venue_order_id,
        quantity=report.quantity,
        limit_price=report.limit_price,
        filled=max(order.filled, report.filled),
        state=OrderState.LIVE,
        canceling=(still_canceling or report.cancel_pending) and not shrunk,
        absent_at=None,
    )


def new_fills(order: LedgerOrder, fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """Those of *fills* that were not counted yet, each once."""
    fresh: dict[str, Fill] = {}
    for fill in fills:
        if fill.trade_id not in order.trades:
            fresh.setdefault(fill.trade_id, fill)
    return tuple(fresh.values())


def filled_by(order: LedgerOrder, counted: FillCounted) -> LedgerOrder:
    """The order after executions that were not counted before."""
    fills = new_fills(order, counted.fills)
    named = order.named + sum((fill.quantity for fill in fills), ZERO)
    filled = max(order.filled, named, counted.filled)
    named_value = order.named_value + sum((fill.quantity * fill.price for fill in fills), ZERO)
    value = named_value
    if named < filled:  # what was not named is valued by the venue's own average
        average = counted.average_price
        value = filled * average if average is not None else max(order.value, named_value)
    terminal = counted.status.is_terminal
    return msgspec.structs.replace(
        order,
        venue_order_id=counted.venue_order_id,
        quantity=counted.quantity,
        filled=filled,
        named=named,
        value=value,
        named_value=named_value,
        fees=order.fees + sum((fill.fee for fill in fills), ZERO),
        realized=order.realized + sum((fill.realized for fill in fills), ZERO),
        trades=order.trades | {fill.trade_id for fill in fills},
        state=OrderState.ENDED if terminal or not order.is_live else OrderState.LIVE,
        end=_END_OF_STATUS.get(counted.status, order.end),
        detail=counted.detail or order.detail,
        absent_at=None,
    )


def is_overfilled(before: LedgerOrder, after: LedgerOrder) -> bool:
    """Whether more was filled than was asked for."""
    return after.filled > before.quantity


def ended(order: LedgerOrder, record: OrderEnded) -> LedgerOrder:
    """The order is gone; what it filled stays (law 5)."""
    return msgspec.structs.replace(
        order,
        venue_order_id=record.venue_order_id or order.venue_order_id,
        filled=max(order.filled, record.filled),
        state=OrderState.ENDED,
        end=record.end,
        reason=record.reason,
        detail=record.detail,
    )


def removal(order: LedgerOrder, report: OrderReport | None = None) -> Removal | None:
    """What is gone with *order*, if it has ended so, is somebody's, and we had our hand on it."""
    is_being_shrunk = order.shrink_to is not None and order.canceling
    if order.operation_id is not None or not (order.swept or is_being_shrunk):
        return None
    if report is not None and not report.status.is_terminal:
        return None
    filled = max(order.filled, report.filled if report is not None else ZERO)
    if filled >= (report.quantity if report is not None else order.quantity):
        return None
    return Removal.GUARD if order.protective else Removal.ORDER


def resolved(order: LedgerOrder, word: Resolved) -> LedgerOrder:
    """A person's word ended it."""
    end = {
        OrderOutcome.FILLED: OrderEnd.FILLED,
        OrderOutcome.CANCELED: OrderEnd.CANCELED,
        OrderOutcome.NEVER_EXISTED: OrderEnd.NEVER_EXISTED,
    }[word.outcome]
    return msgspec.structs.replace(
        order,
        filled=max(order.filled, word.filled),
        state=OrderState.ENDED,
        end=end,
        detail=word.reason,
    )


# --- all orders of a lane ----------------------------------------------------------------------


def order_of(lane: Lane, *names: str | None) -> LedgerOrder | None:
    """The order of the lane's ledger that bears one of *names*: ours, or the venue's."""
    for name in names:
        if name is None:
            continue
        if (order := lane.orders.get(name)) is not None:
            return order
        for order in lane.orders.values():
            if order.venue_order_id == name:
                return order
    return None


def own_orders(lane: Lane) -> tuple[LedgerOrder, ...]:
    """The closing orders of ours, live and ended, in the order they were intended."""
    return tuple(order for order in lane.orders.values() if order.operation_id is not None)


def position(lane: Lane) -> Decimal:
    """The position that may be assumed, unsigned: expected, unless something says it is smaller."""
    expected = abs(lane.expected)
    return expected if lane.ceiling is None else min(expected, lane.ceiling)


def closing_side(lane: Lane) -> OrderSide:
    """The side of an order that makes the lane's position smaller."""
    return OrderSide.SELL if lane.expected > 0 else OrderSide.BUY


def lowered(lane: Lane, told: Decimal) -> Decimal:
    """The most that may be assumed, unsigned, where the position is *told* to be that (signed)."""
    told = max(told * lane.sign, ZERO)
    return told if lane.ceiling is None else min(lane.ceiling, told)


def is_told_less(lane: Lane) -> bool:
    """Whether something said that the position is smaller than what our arithmetic expects."""
    return lane.ceiling is not None and lane.ceiling < abs(lane.expected)


def filled_since(lane: Lane, order: LedgerOrder, fills: Iterable[Fill]) -> Decimal:
    """What of *fills*, not counted yet, came after a smaller position was true at the venue."""
    told_at = lane.told_at
    if told_at is None:
        return ZERO
    return sum((fill.quantity for fill in new_fills(order, fills) if fill.at > told_at), ZERO)


def rests_too_large(lane: Lane) -> bool:
    """Whether limits of ours would take off more than there is, as something said."""
    rests = any(o.type is not OrderType.MARKET and not o.canceling for o in lane.own_live)
    return rests and is_told_less(lane) and position(lane) < own_remaining(lane)


def own_remaining(lane: Lane) -> Decimal:
    """What our own live closing orders may still take off."""
    side = closing_side(lane)
    return sum((order.remaining for order in lane.own_live if order.side is side), ZERO)


def is_harmless(order: LedgerOrder, capabilities: Capabilities) -> bool:
    """
    Whether *order* can neither flip the position nor use up what we may send.

    Where the venue checks reduce-only at every fill, such an order never takes more than is there.
    """
    return (
        order.reduce_only
        and capabilities.reduce_only is ReduceOnly.AT_FILL
        and not capabilities.reduce_only_counts_resting
    )


def others_remaining(lane: Lane, capabilities: Capabilities) -> Decimal:
    """What everybody else's live orders may still take off."""
    others = (order for order in lane.orders.values() if order.operation_id is None)
    return taken_off(others, closing_side(lane), capabilities)


def taken_off(
    orders: Iterable[LedgerOrder], side: OrderSide, capabilities: Capabilities
) -> Decimal:
    """What the live ones of *orders* may still fill on *side*, an OCO group by its largest."""
    groups: dict[str, Decimal] = {}
    for order in orders:
        if not order.is_live or order.side is not side or is_harmless(order, capabilities):
            continue
        group = order.oco_id or order.key
        groups[group] = max(groups.get(group, ZERO), order.remaining)
    return sum(groups.values(), ZERO)


def closable(lane: Lane, target: Decimal, capabilities: Capabilities) -> Decimal:
    """
    How much may be sent now, unsigned, not yet rounded: laws 1, 2, 3, 7 and 38 in one sentence.

    What is wanted is the position less the target less what is on its way; what there is room for
    is the position less everything that could still reduce it.
    """
    held = position(lane)
    on_its_way = own_remaining(lane)
    wanted = held - abs(target) - on_its_way
    if lane.fence_override:
        return max(wanted, ZERO)
    room = held - on_its_way - others_remaining(lane, capabilities)
    return max(min(wanted, room), ZERO)


def fits(lane: Lane, order: LedgerOrder, capabilities: Capabilities) -> bool:
    """Whether *order*, one of ours and counted as live, still finds all it asks for (law 2)."""
    others = ZERO if lane.fence_override else others_remaining(lane, capabilities)
    room = position(lane) - own_remaining(lane) - others
    return room >= 0 and order.side is closing_side(lane)
