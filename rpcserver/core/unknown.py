"""
What is not known yet: orders whose fate is unknown, positions that read otherwise than expected.

Both are left by evidence only (laws 7 and 40); time alone proves nothing.
"""

from __future__ import annotations

from rpcserver.core.asking import ask_about_orders
from rpcserver.core.commands import QueryTrades, SubmitOrder
from rpcserver.core.decision import Pen
from rpcserver.core.ledger import fits
from rpcserver.core.passing import LaneArmed
from rpcserver.core.records import GateOpened, OrderEnd, OrderEnded, OrderIntended
from rpcserver.core.state import Lane, LedgerOrder, Operation, OrderState
from rpcserver.core.verifying import trades_since, want_read
from rpcserver.domain.capabilities import IdMemory
from rpcserver.domain.position import PositionKey

SENDS_MAX = 5  # of one order, under one id
TRADES_RETRY = 1.0  # seconds before trades that were not told are asked for again


def settle_unknown(pen: Pen, lane: Lane, operation: Operation | None) -> float | None:
    """
    Orders that were asked about in vain. Until they are known nothing new is sent (law 7).

    One that is not found after the settle time, with position and fills unchanged, was never
    taken. It is sent again, under the same id, only where the venue makes a second copy harmless;
    elsewhere it waits for evidence, or for a person: above all where the venue knows no order by
    the name we gave it, so that not finding it says nothing. *operation* None: nothing is sent
    again.
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
    for order in lost:
        assert order.absent_at is not None
        expiry = capabilities.request_expiry
        expired = expiry is not None and order.absent_at >= order.sent_at + expiry
        remembered = capabilities.id_memory is IdMemory.FOR_EVER or (
            capabilities.id_memory is IdMemory.WINDOW
            and pen.now.mono - order.first_sent_at < capabilities.id_window
        )
        wanted = operation is not None and _is_at_work(pen, order)
        # Nobody waits for what is not wanted any more; but a venue that lets requests expire may
        # still take a late one until then, and whoever closes next would close twice (law 7).
        given_up = not wanted and expiry is None and capabilities.id_memory is not IdMemory.NEVER
        if expired or given_up:
            _never_existed(pen, lane, order)
        elif wanted and remembered and order.sends < SENDS_MAX and fits(lane, order, capabilities):
            _send_again(pen, lane, order)
    return None


def _is_at_work(pen: Pen, order: LedgerOrder) -> bool:
    """Whether the operation that sent *order* may still send it (law 39)."""
    if order.operation_id is None:
        return False
    owner = pen.draft.find_operation(order.operation_id)
    return owner is not None and not owner.finished and owner.stopped is None


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


def _send_again(pen: Pen, lane: Lane, order: LedgerOrder) -> None:
    assert order.request is not None
    pen.write(
        OrderIntended(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            account=lane.key.account_ref,
            order=order.request,
            lane=lane.key,
            operation_id=order.operation_id,
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
        pen.order(QueryTrades(account=lane.key.account_ref, since=trades_since(pen, lane)))
        return pen.now.mono + TRADES_RETRY
    return want_read(pen, lane)


def watch_abandoned(pen: Pen, key: PositionKey) -> None:
    """
    A lane that no operation works in, because an order of one that ended may still be alive.

    It is asked about, and whatever proves its end opens the gate.
    """
    lane = pen.draft.lane(key)
    asked = ask_about_orders(pen, lane)
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
