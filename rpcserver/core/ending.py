"""
How a leg ends: exactly one outcome each (law 19), from what is known and proven, with the evidence.

FLAT and REDUCED are only ever said of a position that was read at the venue after everything else
happened (law 18); what cannot be known is UNKNOWN, never failed and never flat (laws 7 and 20).
"""

from __future__ import annotations

from decimal import Decimal

from rpcserver.core.decision import Pen
from rpcserver.core.ledger import own_orders
from rpcserver.core.records import GateClosed, LegEnded
from rpcserver.core.report import Outcome
from rpcserver.core.state import Lane, LedgerOrder, Leg, Operation, OrderState
from rpcserver.domain.capabilities import ReduceOnly
from rpcserver.domain.ids import OperationId

Work = list[tuple[Operation, Leg]]


def legs_at_work(pen: Pen, lane: Lane) -> Work:
    """The legs of the lane with their operations, in the order they came."""
    return [
        (operation, pen.draft.leg(operation_id, number))
        for operation_id, number in lane.legs
        if (operation := pen.draft.find_operation(operation_id)) is not None
    ]


def strangers(lane: Lane) -> list[LedgerOrder]:
    """Orders in the lane's ledger that are not closing orders of ours."""
    return [order for order in lane.orders.values() if order.operation_id is None]


def missed_orders(lane: Lane) -> list[LedgerOrder]:
    """Orders of others that the venue had, and that a reading listed no more."""
    return [
        order
        for order in strangers(lane)
        if order.state is OrderState.UNKNOWN and order.venue_order_id is not None
    ]


def unwanted_orders(lane: Lane, work: Work) -> set[str]:
    """The live orders that must be gone before the legs may end (laws 3, 13 and 18)."""
    live = [order for order in strangers(lane) if order.is_live]
    if is_unwanted_report(work):
        return {order.key for order in live}
    named = {name for _, leg in work for name in leg.cancels}
    return {order.key for order in live if order.venue_order_id in named}


def is_unwanted_report(work: Work) -> bool:
    """Whether a leg closes the whole position, so that no order may work there at all."""
    return any(
        leg.target == 0 and operation.request.scope.strategy_tag is None for operation, leg in work
    )


def in_the_way(pen: Pen, lane: Lane, work: Work) -> bool:
    """Whether an unwanted order still lives that could open exposure."""
    if not strangers(lane):
        return False
    unwanted = unwanted_orders(lane, work)
    capabilities = pen.capabilities(lane.key.venue)
    reduce_only_holds = capabilities.reduce_only is ReduceOnly.AT_FILL
    return any(
        order.key in unwanted and not (reduce_only_holds and order.reduce_only)
        for order in strangers(lane)
    )


def conclude(pen: Pen, lane: Lane) -> None:
    """End every leg that reached its target; the others wait for what is in their way."""
    for operation, leg in legs_at_work(pen, lane):
        if operation.stopped is None and _reached(lane, leg) is not None:
            _end(pen, lane, operation, leg, _reached(lane, leg) or Outcome.UNKNOWN, "")


def end_legs(
    pen: Pen,
    lane: Lane,
    *,
    only: Leg | None = None,
    missed: tuple[Outcome, str] | None = None,
) -> None:
    """End the legs of the lane (or *only* one) by what is known; *missed*: why it fell short."""
    for operation, leg in legs_at_work(pen, lane):
        if only is not None and leg is not only:
            continue
        # An order that may still fill makes every proof of before worthless (laws 7 and 18).
        is_proven = lane.proof is not None and not lane.own_live
        reached = _reached(lane, leg) if is_proven else None
        if reached is not None and not in_the_way(pen, lane, [(operation, leg)]):
            _end(pen, lane, operation, leg, reached, "")
        elif missed is not None:
            _end(pen, lane, operation, leg, *missed)
        else:
            _end(pen, lane, operation, leg, *_stopped_short(pen, lane, operation, leg))
    if pen.draft.find_lane(lane.key) is not None and not lane.legs:
        _leave_gated(pen, lane)


def _reached(lane: Lane, leg: Leg) -> Outcome | None:
    """The successful outcome that the proven position is, if it is one."""
    remaining = lane.expected
    if remaining == 0:
        return Outcome.FLAT
    over = abs(remaining) - abs(leg.target)
    if leg.target != 0 and remaining * leg.target > 0 and over <= 0:
        return Outcome.REDUCED
    if remaining * leg.target >= 0 and over > 0 and _is_dust(lane, over):
        return Outcome.DUST if leg.target == 0 else Outcome.REDUCED
    return None


def _is_dust(lane: Lane, quantity: Decimal) -> bool:
    """Whether *quantity* is less than the smallest order."""
    lots = lane.instrument.round_down(quantity)
    return lots < lane.instrument.minimum or lots == 0


def _stopped_short(pen: Pen, lane: Lane, operation: Operation, leg: Leg) -> tuple[Outcome, str]:
    why = "cancelled" if operation.stopped is Outcome.CANCELLED else "deadline_passed"
    own = [o for o in own_orders(lane) if o.operation_id == operation.operation_id]
    untouched = not lane.attempts and not lane.sweeps
    if untouched or (len(lane.legs) > 1 and not own):
        return operation.stopped or Outcome.PARTIAL, why
    live = [order for order in own if order.is_live] if len(lane.legs) > 1 else lane.own_live
    if any(order.state is not OrderState.LIVE for order in live):
        return Outcome.UNKNOWN, "order_unknown"
    if live:
        return Outcome.UNKNOWN, "order_alive"
    if lane.proof is None:
        return Outcome.UNKNOWN, "position_unproven"
    if in_the_way(pen, lane, [(operation, leg)]):
        return Outcome.PARTIAL, "orders_remain"
    if lane.rejected is not None:
        return Outcome.REJECTED, lane.rejected.value
    if operation.stopped is Outcome.CANCELLED and not leg.closed:
        return Outcome.CANCELLED, why
    return Outcome.PARTIAL, why


def _end(
    pen: Pen, lane: Lane, operation: Operation, leg: Leg, outcome: Outcome, reason: str
) -> None:
    unprotected = lane.unprotected and lane.expected != 0 and outcome is not Outcome.FLAT
    detail = lane.reject_detail if outcome in (Outcome.REJECTED, Outcome.WAITING_MARKET) else ""
    pen.write(
        LegEnded(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation, leg.number, ended=True),),
            operation_id=operation.operation_id,
            number=leg.number,
            lane=lane.key,
            outcome=outcome,
            reason=reason,
            detail=detail,
            held=leg.position.signed_quantity,
            remaining=lane.expected,
            closed=leg.closed,
            average_price=leg.value / leg.closed if leg.closed else None,
            unprotected=unprotected,
            proven_at=lane.proof if outcome is not Outcome.UNKNOWN else None,
        )
    )
    if unprotected:
        pen.alert(
            "unprotected",
            f"{lane.key.instrument} in {lane.key.account} is {lane.expected}, unguarded",
            lane=lane,
            operation_id=operation.operation_id,
        )


def _leave_gated(pen: Pen, lane: Lane) -> None:
    """No operation works here any more, but an order may still be alive: no new risk until then."""
    pen.write(
        GateClosed(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            lane=lane.key,
        )
    )
    pen.alert(
        "order_unknown",
        f"{lane.key.instrument} in {lane.key.account}: an order's end is unknown",
        lane=lane,
    )


def end_unstarted(pen: Pen, operation_id: OperationId, number: int) -> bool:
    """End a leg for which nothing needs to be sent; False: it has work to do."""
    operation = pen.draft.operation(operation_id)
    leg = pen.draft.leg(operation_id, number)
    if (found := _nothing_to_send(pen, operation, leg)) is None:
        return False
    outcome, reason = found
    pen.write(
        LegEnded(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation, number, ended=True),),
            operation_id=operation_id,
            number=number,
            lane=leg.key,
            outcome=outcome,
            reason=reason,
            held=leg.position.signed_quantity,
            remaining=leg.remaining,
        )
    )
    return True


def _nothing_to_send(pen: Pen, operation: Operation, leg: Leg) -> tuple[Outcome, str] | None:
    if leg.excluded:
        return Outcome.EXCLUDED, "excluded"
    if leg.below_minimum:
        return Outcome.REJECTED, "below_minimum"
    request = operation.request
    prices = request.execution.limit_prices
    if prices and leg.planned and leg.key.instrument not in prices:
        return Outcome.REJECTED, "limit_price_missing"
    lane = pen.draft.find_lane(leg.key)
    if lane is None:
        return operation.stopped or Outcome.PARTIAL, "cancelled"
    closed = leg.market is not None and not leg.market.phase.takes_orders
    if closed and not request.wait_for_open and not lane.attempts and not lane.sweeps:
        return Outcome.WAITING_MARKET, "market_closed"
    return None
