"""
What comes of what we sent: a submit refused, unsent or lost, an order nobody finds, a cancel late.

A submit that was refused does not exist; one whose answer was lost is unknown, and counts as live
until something proves its end (law 7).
"""

from __future__ import annotations

from rpcserver.core.asking import ask
from rpcserver.core.commands import QueryOrder
from rpcserver.core.decision import Pen
from rpcserver.core.events import (
    CancelLost,
    CancelRejected,
    CancelUnsent,
    OrderAbsent,
    OrderLost,
    OrderRejected,
    OrderUnsent,
)
from rpcserver.core.ledger import removal
from rpcserver.core.orders import find_order
from rpcserver.core.passing import OrderNotFound
from rpcserver.core.records import (
    OrderEnd,
    OrderEnded,
    OrderUnknown,
)
from rpcserver.core.state import Lane, LedgerOrder, OrderState
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.order import RejectReason
from rpcserver.domain.position import PositionKey


def order_rejected(pen: Pen, event: OrderRejected) -> PositionKey | None:
    """The venue refused a submit. A refused copy of an id says that the first one exists."""
    lane_key, order = find_order(pen, event.account, event.client_order_id)
    if order is None or not order.is_live:
        return None
    lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
    if event.reason is RejectReason.DUPLICATE_ID:
        _unknown(pen, event.account, lane, order, "the venue has an order of this id already")
        return lane_key
    if order.state is not OrderState.INTENDED:
        return lane_key  # it is known by now: the news overtook the answer
    if order.sends > 1:
        # The race: the first copy is still on its way, and may be taken where this one was not.
        detail = f"a second copy was refused: {event.detail}"
        _unknown(pen, event.account, lane, order, detail, event.reason)
        return lane_key
    _never_worked(pen, event, lane, order, OrderEnd.REJECTED, reason=event.reason)
    return lane_key


def order_unsent(pen: Pen, event: OrderUnsent) -> PositionKey | None:
    """Nothing left us. An order that was sent before under the same id stays unknown."""
    lane_key, order = find_order(pen, event.account, event.client_order_id)
    if order is None or order.state is not OrderState.INTENDED:
        return lane_key
    lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
    patience = event.retry_after or 0.0
    if order.sends > 1:
        _unknown(pen, event.account, lane, order, event.detail, None, patience)
        return lane_key
    _never_worked(pen, event, lane, order, OrderEnd.UNSENT, retry_after=patience)
    return lane_key


def order_lost(pen: Pen, event: OrderLost) -> PositionKey | None:
    """It left and no answer came."""
    lane_key, order = find_order(pen, event.account, event.client_order_id)
    if order is None or order.state is not OrderState.INTENDED:
        return lane_key
    lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
    _unknown(pen, event.account, lane, order, event.detail)
    return lane_key


def _never_worked(
    pen: Pen,
    event: OrderRejected | OrderUnsent,
    lane: Lane | None,
    order: LedgerOrder,
    end: OrderEnd,
    *,
    reason: RejectReason | None = None,
    retry_after: float = 0.0,
) -> None:
    pen.write(
        OrderEnded(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane) if lane else (),
            account=event.account,
            end=end,
            client_order_id=event.client_order_id,
            venue_order_id=None,
            reason=reason,
            detail=event.detail,
            lane=lane.key if lane else None,
            loose=order.key in pen.draft.loose,
            retry_after=retry_after,
        )
    )


def _unknown(
    pen: Pen,
    account: AccountRef,
    lane: Lane | None,
    order: LedgerOrder,
    detail: str,
    reason: RejectReason | None = None,
    retry_after: float = 0.0,
) -> None:
    assert order.client_order_id is not None
    pen.write(
        OrderUnknown(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane) if lane else (),
            account=account,
            client_order_id=order.client_order_id,
            detail=detail,
            lane=lane.key if lane else None,
            reason=reason,
            retry_after=retry_after,
        )
    )
    if lane is None:
        ask(pen, account, None, order)


# --- answers to questions ----------------------------------------------------------------------


def order_absent(pen: Pen, event: OrderAbsent) -> PositionKey | None:
    """Not found. Before the venue's settle time that says nothing (law 7)."""
    lane_key, order = find_order(pen, event.account, event.client_order_id, event.venue_order_id)
    if order is None or order.state is not OrderState.UNKNOWN:
        return None
    capabilities = pen.capabilities(event.account.venue)
    if event.asked < order.sent_at + capabilities.not_found_settle:
        return lane_key
    if lane_key is not None and order.operation_id is None and order.request is None:
        pen.write(_vanished(pen, event.account, lane_key, order))
        return lane_key
    expiry = capabilities.request_expiry
    expires_at = order.sent_at + expiry if expiry is not None else float("inf")
    if lane_key is not None:
        if order.absent_at is None or order.absent_at < expires_at <= event.asked:
            pen.write(OrderNotFound(lane_key, order.key, event.asked))
        return lane_key
    if event.asked < expires_at:
        # It may still be taken, and whoever closes there has to count it (laws 2 and 7).
        if order.absent_at is None:
            pen.write(OrderNotFound(None, order.key, event.asked))
            if expiry is None:
                _await_word(pen, event.account, order)
        return None
    pen.write(
        OrderEnded(
            at=pen.now.wall,
            mono=pen.now.mono,
            account=event.account,
            end=OrderEnd.NEVER_EXISTED,
            client_order_id=order.client_order_id,
            venue_order_id=None,
        )
    )
    return None


def _await_word(pen: Pen, account: AccountRef, order: LedgerOrder) -> None:
    """A client's own order is not found, where no request is ever too old: a person must say."""
    instrument = order.request.instrument if order.request is not None else "an order"
    detail = f"{instrument} in {account.account}: {order.key} was sent, and is not found"
    pen.alert("order_unknown", detail, account=account)


def _vanished(
    pen: Pen, account: AccountRef, lane_key: PositionKey, order: LedgerOrder
) -> OrderEnded:
    """Somebody's order that the venue lists no more, and does not know: the position tells more."""
    return OrderEnded(
        at=pen.now.wall,
        mono=pen.now.mono,
        concerns=pen.concerns(pen.draft.lane(lane_key)),
        account=account,
        end=OrderEnd.EXPIRED,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        detail="the venue knows it no more",
        removed=removal(order),
        lane=lane_key,
    )


def cancel_failed(
    pen: Pen, event: CancelRejected | CancelLost | CancelUnsent
) -> PositionKey | None:
    """Too late, unknown, lost or unsent: no error by itself. Ask what the order is (law 4)."""
    lane_key, order = find_order(pen, event.account, event.venue_order_id)
    if order is None:
        return None
    if order.is_live:
        pen.order(
            QueryOrder(
                account=event.account,
                client_order_id=None,
                venue_order_id=event.venue_order_id,
            )
        )
    return lane_key
