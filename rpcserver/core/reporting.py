"""From the state of an operation to its report: all a dialect needs to word an answer."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from rpcserver.core.ledger import ended, filled_by, intended, learned, own_orders, resolved
from rpcserver.core.records import (
    FillCounted,
    OrderEnd,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    OrderUnknown,
    Record,
    Resolved,
)
from rpcserver.core.report import LegReport, OperationReport, OrderLine, Placement
from rpcserver.core.state import LedgerOrder, Leg, Operation, OrderState, State


def report_of(state: State, operation: Operation) -> OperationReport:
    """Everything known of *operation* now, running or finished."""
    return OperationReport(
        operation_id=operation.operation_id,
        request=operation.request,
        opened_at=operation.opened_at,
        finished_at=operation.finished_at,
        took=operation.took,
        legs=tuple(
            _leg(state, state.leg(operation.operation_id, number))
            for number in range(1, operation.total + 1)
        ),
        failures=operation.failures,
        cancelled=operation.cancelled,
        error=operation.error,
        detail=operation.detail,
        plan_hash=operation.plan_hash,
        estimate=operation.estimate,
        more_matches=operation.more_matches,
        proven_at=operation.oldest_proof,
        placement=Placement(error=operation.unplaced, detail=operation.unplaced_detail)
        if operation.unplaced is not None
        else None,
    )


def _leg(state: State, leg: Leg) -> LegReport:
    orders, canceled = leg.orders, leg.canceled
    if leg.outcome is None and (lane := state.find_lane(leg.key)) is not None:
        orders, canceled = own_orders(lane), lane.canceled
    return LegReport(
        leg=leg.number,
        position=leg.position,
        instrument=leg.instrument,
        market=leg.market,
        target=leg.target,
        outcome=leg.outcome,
        reason=leg.reason,
        detail=leg.detail,
        closed=leg.closed,
        average_price=leg.value / leg.closed if leg.closed else None,
        fees=leg.fees,
        realized=leg.realized,
        remaining=leg.remaining,
        orders=tuple(map(_line, orders)),
        planned_cancels=leg.cancels,
        canceled=canceled,
        unprotected=leg.unprotected,
        proven_at=leg.proven_at,
        joined=leg.joined,
        planned_quantity=leg.planned,
    )


def placement_of(records: Iterable[Record]) -> Placement:
    """What became of the order that followed a close, by the records of that order alone."""
    if (order := own_order(records)) is None:
        return Placement(error="not_placed", detail="no order was sent")
    if order.state is OrderState.INTENDED:  # it may have left, and nobody has heard since
        order = msgspec.structs.replace(order, state=OrderState.UNKNOWN)
    line = _line(order)
    match order.end:
        case OrderEnd.REJECTED:
            return Placement(line=line, error="order_refused", detail=order.detail)
        case OrderEnd.UNSENT:
            return Placement(line=line, error="venue_unavailable", detail=order.detail)
        case OrderEnd.NEVER_EXISTED:
            return Placement(line=line, error="not_placed", detail="it never reached the venue")
        case None if order.state is not OrderState.LIVE:
            return Placement(line=line, error="outcome_unknown", detail="no answer came yet")
        case _:
            return Placement(line=line)


def own_order(records: Iterable[Record]) -> LedgerOrder | None:
    """A client's own order after everything that is recorded of it; None: it was never intended."""
    order: LedgerOrder | None = None
    for record in records:
        if isinstance(record, OrderIntended):
            order = intended(record, order)
        elif order is not None:
            order = _after(order, record)
    return order


def _after(order: LedgerOrder, record: Record) -> LedgerOrder:
    match record:
        case OrderKnown(report=report):
            return learned(order, report)
        case FillCounted():
            return filled_by(order, record)
        case OrderEnded():
            return ended(order, record)
        case Resolved():
            return resolved(order, record)
        case OrderUnknown():
            return msgspec.structs.replace(order, state=OrderState.UNKNOWN)
        case _:
            return order


def _line(order: LedgerOrder) -> OrderLine:
    assert order.client_order_id is not None
    return OrderLine(
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        filled=order.filled,
        average_price=order.average_price,
        limit_price=order.limit_price,
        status=_status(order),
        reject_reason=order.reason,
        detail=order.detail,
    )


def _status(order: LedgerOrder) -> str:
    if order.state is OrderState.ENDED and order.end is not None:
        return order.end.value
    if order.state is OrderState.UNKNOWN:
        return "unknown"
    return "partially_filled" if order.filled else "working"
