"""
What venues tell of orders, turned into facts about the ledger.

Fills count once, by trade id, whatever order the news comes in (law 6); a fill during a cancel
counts (law 4); what filled before an order ended stays filled (law 5). Answers to questions and
news from the stream are the same thing here: a report is a report.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rpcserver.core.asking import ask
from rpcserver.core.decision import Pen
from rpcserver.core.events import (
    OrderUpdated,
    TradesRead,
)
from rpcserver.core.ledger import (
    filled_by,
    is_overfilled,
    learned,
    new_fills,
    order_of,
    own_remaining,
    removal,
)
from rpcserver.core.passing import CancelLapsed, CeilingLowered, PositionTraded, TradesSeen
from rpcserver.core.records import (
    FillCounted,
    OrderEnd,
    OrderEnded,
    OrderKnown,
)
from rpcserver.core.state import Lane, LedgerOrder
from rpcserver.domain.ids import AccountRef
from rpcserver.domain.order import ZERO, Fill, OrderReport, OrderStatus
from rpcserver.domain.position import PositionKey

_END = {
    OrderStatus.CANCELED: OrderEnd.CANCELED,
    OrderStatus.EXPIRED: OrderEnd.EXPIRED,
    OrderStatus.REJECTED: OrderEnd.REJECTED,
    OrderStatus.FILLED: OrderEnd.FILLED,
}
CANCEL_PATIENCE = 1.0  # seconds before a cancel that shows no effect is taken for lost
TRADED_STEP = 0.05  # seconds: how finely a position's last execution is remembered


def order_updated(pen: Pen, event: OrderUpdated) -> PositionKey | None:
    """Hold a report against the ledger; the lane it moved on, if any."""
    account, report = event.account, event.report
    if report.fills:
        _heard_of_trades(pen, _key_of(account, report))
    lane_key, order = find_order(pen, account, report.client_order_id, report.venue_order_id)
    if order is None:
        return stranger_appeared(pen, account, report)
    moved = settle_report(pen, account, lane_key, order, report)
    return lane_key if moved else None


def find_order(
    pen: Pen, account: AccountRef, *names: str | None
) -> tuple[PositionKey | None, LedgerOrder | None]:
    """An order by any of its names: in a lane, or among the clients' own."""
    lane_key = pen.draft.lane_of_order(account, *names)
    lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
    if lane is not None and (order := order_of(lane, *names)) is not None:
        return lane_key, order
    for name in names:
        if name is not None and (loose := pen.draft.find_loose(name)) is not None:
            return None, loose
    return None, None


def settle_report(
    pen: Pen,
    account: AccountRef,
    lane_key: PositionKey | None,
    order: LedgerOrder,
    report: OrderReport,
) -> bool:
    """Whether *report* says anything that was not known."""
    lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
    if report.client_order_id is None:  # some venues tell of no order by our name
        report = msgspec.structs.replace(report, client_order_id=order.client_order_id)
    fresh = new_fills(order, report.fills)
    if fresh or report.filled > order.filled:
        _count(pen, account, lane, order, report, fresh)
    elif report.status.is_terminal and order.is_live:
        pen.write(_ended_by(pen, account, lane, order, report))
    elif not report.status.is_terminal and learned(order, report) != order:
        pen.write(
            OrderKnown(
                at=pen.now.wall,
                mono=pen.now.mono,
                concerns=pen.concerns(lane) if lane else (),
                account=account,
                report=report,
                lane=lane_key,
            )
        )
        if lane_key is not None and _is_trimmed(order, report):
            # The venue itself took the rest off a reduce-only order: there is no more to close.
            left = own_remaining(pen.draft.lane(lane_key))
            pen.write(CeilingLowered(lane_key, left, report.updated_at))
    elif lane is not None and _shows_no_cancel(order, report, pen.now.mono):
        pen.write(CancelLapsed(lane.key, order.key))
    else:
        return False
    return True


def _is_trimmed(order: LedgerOrder, report: OrderReport) -> bool:
    """Whether a closing order of ours became smaller, which nobody had asked for."""
    return order.operation_id is not None and report.quantity < order.quantity


def _shows_no_cancel(order: LedgerOrder, report: OrderReport, mono: float) -> bool:
    """Whether a cancel or change of *order* seems to have been lost on its way."""
    return (
        order.canceling
        and not report.status.is_terminal
        and not report.cancel_pending
        and mono - order.cancel_at >= CANCEL_PATIENCE
    )


def _count(
    pen: Pen,
    account: AccountRef,
    lane: Lane | None,
    order: LedgerOrder,
    report: OrderReport,
    fresh: Sequence[Fill],
) -> None:
    counted = FillCounted(
        at=pen.now.wall,
        mono=pen.now.mono,
        concerns=pen.concerns(lane) if lane else (),
        account=account,
        fills=tuple(fresh),
        status=report.status,
        quantity=report.quantity,
        filled=report.filled,
        average_price=report.average_price,
        client_order_id=order.client_order_id,
        venue_order_id=report.venue_order_id,
        lane=lane.key if lane else None,
        loose=order.key in pen.draft.loose,
        detail=report.detail,
        removed=removal(order, report),
    )
    after = filled_by(order, counted)
    if lane is not None:
        taken = ZERO if order.blurred else after.filled - order.filled
        counted = msgspec.structs.replace(counted, expected=lane.expected + taken * order.side.sign)
    pen.write(counted)
    if is_overfilled(order, after) and order.operation_id is not None:
        _overfilled(pen, lane, after)


def _overfilled(pen: Pen, lane: Lane | None, order: LedgerOrder) -> None:
    """More was filled than was asked: recorded and told, never asserted away."""
    detail = f"order {order.key} of {order.quantity} filled {order.filled}"
    pen.alert("overfill", detail, lane=lane, operation_id=order.operation_id)


def _ended_by(
    pen: Pen, account: AccountRef, lane: Lane | None, order: LedgerOrder, report: OrderReport
) -> OrderEnded:
    return OrderEnded(
        at=pen.now.wall,
        mono=pen.now.mono,
        concerns=pen.concerns(lane) if lane else (),
        account=account,
        end=_END[report.status],
        client_order_id=order.client_order_id,
        venue_order_id=report.venue_order_id,
        filled=report.filled,
        average_price=report.average_price,
        removed=removal(order, report),
        reason=report.reject_reason,
        detail=report.detail,
        lane=lane.key if lane else None,
        loose=order.key in pen.draft.loose,
    )


def stranger_appeared(pen: Pen, account: AccountRef, report: OrderReport) -> PositionKey | None:
    """A working order nobody told us of, where somebody closes: it counts at once (law 2)."""
    key = _key_of(account, report)
    lane = pen.draft.find_lane(key)
    if lane is None or report.status.is_terminal:
        return None
    pen.write(
        OrderKnown(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            account=account,
            report=report,
            lane=key,
        )
    )
    return key


def _heard_of_trades(pen: Pen, key: PositionKey) -> None:
    heard_at = pen.draft.traded_at(key)
    if heard_at is None or pen.now.mono - heard_at > TRADED_STEP:
        pen.write(PositionTraded(key, pen.now.mono))


def _key_of(account: AccountRef, report: OrderReport) -> PositionKey:
    return PositionKey(
        account.venue, account.account, report.instrument, report.holding, report.product
    )


# --- executions, as the venue lists them --------------------------------------------------------


def trades_read(pen: Pen, event: TradesRead) -> list[PositionKey]:
    """Count what the stream did not tell; the lanes of the account that doubted."""
    by_order: dict[str, list[Fill]] = {}
    for fill in event.fills:
        by_order.setdefault(fill.client_order_id or fill.venue_order_id, []).append(fill)
    for fills in by_order.values():
        first = fills[0]
        lane_key, order = find_order(
            pen, event.account, first.client_order_id, first.venue_order_id
        )
        if order is None:
            continue
        fresh = new_fills(order, fills)
        if not fresh:
            continue
        if order.operation_id is None and order.named != order.filled:
            # It had filled before we first saw it: which of these were in that, it must say itself.
            ask(pen, event.account, lane_key, order)
            continue
        lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
        _count(pen, event.account, lane, order, _report_of_trades(order, first, fresh), fresh)
    doubting = []
    for key in pen.draft.lanes_of(event.account):
        lane = pen.draft.find_lane(key)
        if lane is not None and lane.doubt is not None:
            pen.write(TradesSeen(key))
            doubting.append(key)
    return doubting


def _report_of_trades(order: LedgerOrder, first: Fill, fresh: Sequence[Fill]) -> OrderReport:
    """What executions alone say of an order: nothing of its end, unless it is all filled."""
    filled = order.named + sum(fill.quantity for fill in fresh)
    status = OrderStatus.FILLED if filled >= order.quantity else OrderStatus.PARTIALLY_FILLED
    return OrderReport(
        venue_order_id=first.venue_order_id,
        client_order_id=order.client_order_id,
        account=first.account,
        instrument=first.instrument,
        side=order.side,
        type=order.type,
        status=status,
        quantity=order.quantity,
        filled=max(filled, order.filled),
        created_at=first.at,
        updated_at=first.at,
    )
