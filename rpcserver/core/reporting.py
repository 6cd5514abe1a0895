"""From the state of an operation to its report: all a dialect needs to word an answer."""

from __future__ import annotations

from rpcserver.core.ledger import own_orders
from rpcserver.core.report import LegReport, OperationReport, OrderLine
from rpcserver.core.state import LedgerOrder, Leg, Operation, OrderState, State


def report_of(state: State, operation: Operation) -> OperationReport:
    """Everything known of *operation* now, running or finished."""
    return OperationReport(
        operation_id=operation.operation_id,
        request=operation.request,
        opened_at=operation.opened_at,
        finished_at=operation.finished_at,
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
