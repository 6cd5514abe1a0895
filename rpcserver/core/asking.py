"""
Asking venues about orders, and for the cancel of ours: an answer that did not come is asked for
again, at growing intervals.

Nothing here concludes anything from silence.
"""

from __future__ import annotations

from rpcserver.core.commands import CancelOrder, QueryOrder
from rpcserver.core.decision import Pen
from rpcserver.core.passing import OrderAsked
from rpcserver.core.records import CancelIntended
from rpcserver.core.state import ASK_SHORTEST, Lane, LedgerOrder, OrderState
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.position import PositionKey

TAKE_BACK_LONGEST = 60.0  # seconds between cancels of what was left behind


def ask_about_orders(pen: Pen, lane: Lane) -> float | None:
    """Ask about every order of *lane* that is due; when the next one is."""
    earliest: float | None = None
    for order in list(lane.orders.values()):
        due = order.ask_at
        if due is None:
            continue
        if due <= pen.now.mono:
            ask(pen, lane.key.account_ref, lane.key, order)
            due = lane.orders[order.key].ask_at
            assert due is not None
        earliest = due if earliest is None else min(earliest, due)
    return earliest


def cancel(pen: Pen, lane: Lane, order: LedgerOrder, why: str) -> None:
    """Ask the venue to cancel *order*, one of ours, unless that is under way."""
    if order.state is not OrderState.LIVE or order.canceling or order.venue_order_id is None:
        return
    pen.write(
        CancelIntended(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            account=lane.key.account_ref,
            venue_order_id=order.venue_order_id,
            lane=lane.key,
            why=why,
        )
    )
    pen.order(CancelOrder(account=lane.key.account_ref, venue_order_id=order.venue_order_id))


def take_back(pen: Pen, lane: Lane, order: LedgerOrder) -> None:
    """
    Ask for the cancel of an order that fills for nobody any more, until it is gone (law 39).

    Nothing bounds that in time: the intervals grow with its age, so that no venue is stormed.
    """
    age = order.cancel_at - order.sent_at
    if pen.now.mono >= order.cancel_at + min(max(age / 4, ASK_SHORTEST), TAKE_BACK_LONGEST):
        cancel(pen, lane, order, "left_behind")


def ask(pen: Pen, account: AccountRef, lane: PositionKey | None, order: LedgerOrder) -> None:
    """
    Ask the venue about *order* now: by the venue's own name as soon as it has told it, for some
    venues know no order by ours.
    """
    pen.write(OrderAsked(lane, order.key, pen.now.mono))
    by_ours = order.venue_order_id is None
    pen.order(
        QueryOrder(
            account=account,
            client_order_id=order.client_order_id if by_ours else None,
            venue_order_id=None if by_ours else order.venue_order_id,
            asked=pen.now.mono,
        )
    )
