"""
What is not known yet: orders whose fate is unknown, positions that read otherwise than expected.

Both are left by evidence only (laws 7 and 40); time alone proves nothing.
"""

from __future__ import annotations

from rpcserver.core.asking import ask_about_orders, take_back
from rpcserver.core.commands import SubmitOrder
from rpcserver.core.decision import Pen
from rpcserver.core.ledger import fits, own_remaining, position
from rpcserver.core.opening import takes_no_orders, watch_market
from rpcserver.core.passing import LaneArmed
from rpcserver.core.records import GateOpened, OrderEnd, OrderEnded, OrderIntended
from rpcserver.core.state import Lane, LedgerOrder, Leg, Operation, OrderState
from rpcserver.core.verifying import TRADES_RETRY, ask_for_trades, want_read
from rpcserver.domain.capabilities import Capabilities, IdMemory
from rpcserver.domain.ids import OperationId
from rpcserver.domain.position import PositionKey

SENDS_MAX = 5  # of one order by one operation, under one id


def settle_unknown(pen: Pen, lane: Lane, at_work: tuple[Operation, Leg] | None) -> float | None:
    """
    Orders that were asked about in vain. Until they are known nothing new is sent (law 7).

    One that is not found after the settle time, with position and fills unchanged, was not taken
    *yet*: where requests expire, it never will be once they have; elsewhere a late one may still
    land, and whoever closed anew would close twice. It is sent again, under the same id, only where
    the venue makes a second copy harmless; elsewhere it waits for evidence, or for a person: above
    all where the venue knows no order by the name we gave it, so that not finding it says nothing.
    *at_work*: the leg that says how; None: nothing is sent again.
    """
    lost = [
        order
        for order in lane.own_live
        if order.state is OrderState.UNKNOWN and order.absent_at is not None
    ]
    if not lost:
        return None
    if lane.doubt is not None:
        return resolve_doubt(pen, lane)
    if lane.proof is None:
        read_at = pen.draft.account(lane.key.account_ref).started_at
        if len(lost) < len(lane.own_live) and read_at >= min(o.absent_at or 0.0 for o in lost):
            return None  # what is in play may fill: one reading for each time they are not found
        return want_read(pen, lane)
    capabilities = pen.capabilities(lane.key.venue)
    is_closed = at_work is not None and takes_no_orders(pen, lane)
    is_early = pen.now.mono < lane.not_before  # the venue asked for patience (law 29)
    for order in lost:
        assert order.absent_at is not None
        expiry = capabilities.request_expiry
        if expiry is not None and order.absent_at >= order.sent_at + expiry:
            if not _may_work_nameless(lane, order):
                _never_existed(pen, lane, order)
        elif is_closed or is_early:
            continue
        elif at_work is not None and _is_harmless_twice(pen, order, capabilities):
            sender = _sender_of(pen, lane, order, *at_work)
            if sender is not None and fits(lane, order, capabilities):
                _send_again(pen, lane, order, sender)
    if is_closed:
        return watch_market(pen, lane)
    return lane.not_before if is_early else None


def _may_work_nameless(lane: Lane, order: LedgerOrder) -> bool:
    """
    Whether a nameless order that was found working after *order* was sent is just like it.

    Where the venue knows no order by the name we gave it, that may be the very one.
    """
    known = list(lane.orders.values())
    return any(
        other.client_order_id is None
        and other.is_live
        and (other.side, other.type, other.quantity, other.limit_price)
        == (order.side, order.type, order.quantity, order.limit_price)
        for other in known[known.index(order) + 1 :]
    )


def _is_harmless_twice(pen: Pen, order: LedgerOrder, capabilities: Capabilities) -> bool:
    """Whether the venue still refuses a second order of this name, whatever became of the first."""
    return capabilities.id_memory is IdMemory.FOR_EVER or (
        capabilities.id_memory is IdMemory.WINDOW
        and pen.now.mono - order.first_sent_at < capabilities.id_window
    )


def _sender_of(
    pen: Pen, lane: Lane, order: LedgerOrder, operation: Operation, leg: Leg
) -> OperationId | None:
    """
    On whose behalf *order* may be sent again (law 39); None: nobody's.

    What an operation left behind that may send no more is taken over by the one at work, if it is
    just what that one would send: so the exit goes on, though nobody knows what became of it.
    """
    owner = pen.draft.find_operation(order.operation_id) if order.operation_id else None
    if owner is not None and not owner.finished and owner.stopped is None:
        return owner.operation_id if order.sends < SENDS_MAX else None
    request, execution = operation.request, operation.request.execution
    is_wanted = (
        not execution.limit_prices
        and not execution.ladder
        and position(lane) - own_remaining(lane) >= abs(leg.target)
        and order.request is not None
        and order.request.tag == request.scope.strategy_tag
    )
    return operation.operation_id if is_wanted else None


def _never_existed(pen: Pen, lane: Lane, order: LedgerOrder) -> None:
    pen.write(
        OrderEnded(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            account=lane.key.account_ref,
            end=OrderEnd.NEVER_EXISTED,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            lane=lane.key,
        )
    )


def _send_again(pen: Pen, lane: Lane, order: LedgerOrder, sender: OperationId) -> None:
    assert order.request is not None
    pen.write(
        OrderIntended(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            account=lane.key.account_ref,
            order=order.request,
            lane=lane.key,
            operation_id=sender,
            attempt=order.attempt,
            resend=True,
            step=order.step,
        )
    )
    pen.order(SubmitOrder(account=lane.key.account_ref, order=order.request, exit=True))


def resolve_doubt(pen: Pen, lane: Lane) -> float | None:
    """Wait for the trades and for the settle time, then read again (law 40)."""
    assert lane.doubt is not None
    settled = lane.doubt.since + pen.capabilities(lane.key.venue).position_settle
    if pen.now.mono < settled:
        return settled
    if not lane.doubt.trades_read:
        ask_for_trades(pen, lane)
        return pen.now.mono + TRADES_RETRY
    return want_read(pen, lane)


def watch_abandoned(pen: Pen, key: PositionKey) -> None:
    """
    A lane that no operation works in, because an order of one that ended may still be alive.

    It is asked about, its cancel is asked for as long as it works (law 39), and whatever proves its
    end opens the gate.
    """
    lane = pen.draft.lane(key)
    asked = ask_about_orders(pen, lane)
    for order in lane.own_live:
        take_back(pen, lane, order)
    settled = settle_unknown(pen, lane, None)
    if lane.own_live:
        wake = min((at for at in (asked, settled) if at is not None), default=None)
        if wake != lane.wake:
            pen.write(LaneArmed(key, wake))
        return
    pen.write(GateOpened(at=pen.now.wall, mono=pen.now.mono, concerns=pen.concerns(lane), lane=key))
    pen.alert(
        "order_settled",
        f"{key.instrument} in {key.account}: the unknown order is known to have ended",
        lane=lane,
    )
