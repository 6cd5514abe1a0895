"""Progress: what a follower of an operation is told. A pure function of one record each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.records import (
    AccountFailed,
    AccountReopened,
    CancelIntended,
    FencePassed,
    FenceRaised,
    FillCounted,
    GateClosed,
    GateOpened,
    LegEnded,
    OperationCancelled,
    OperationExpired,
    OperationOpened,
    OperationPlanned,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    OrderUnknown,
    PlanCompleted,
    PositionAdopted,
    Record,
    Recovered,
    Resolved,
    ScopeWidened,
    SnapshotTaken,
)
from rpcserver.domain.ids import AccountRef, OperationId
from rpcserver.domain.order import OrderSide
from rpcserver.domain.position import PositionKey

_ONE = Decimal(1)


class Progress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One step of one operation, as everyone who follows it is told. None: nothing to say."""

    operation_id: OperationId
    request_id: str  # of the call that created the operation
    seq: int
    event: str
    at: datetime
    done: int
    total: int
    leg: int | None = None
    venue: str | None = None
    account: str | None = None
    instrument: str | None = None
    side: str | None = None  # of the position: "long" or "short"
    quantity: Decimal | None = None
    filled: Decimal | None = None
    remaining: Decimal | None = None  # of the position, unsigned
    average_price: Decimal | None = None
    price: Decimal | None = None
    order_id: str | None = None
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None


def frames(record: Record) -> tuple[Progress, ...]:
    """What *record* tells the followers of each operation it concerns; often one, or none."""
    if not record.concerns or (first := _told(record)) is None:
        return ()
    if len(record.concerns) == 1:
        return (first,)
    return tuple(
        msgspec.structs.replace(
            first,
            operation_id=concern.operation_id,
            request_id=concern.request_id,
            seq=concern.seq,
            leg=concern.leg or None,
            done=concern.done,
            total=concern.total,
        )
        for concern in record.concerns
    )


def _told(record: Record) -> Progress | None:
    match record:
        case FillCounted():
            return _filled(record)
        case LegEnded():
            return _leg_ended(record)
        case OrderIntended(order=order):
            return _about_order(
                record,
                "sending",
                record.lane,
                order_id=order.client_order_id,
                quantity=order.quantity,
                price=order.limit_price,
                side=_side_closed_by(order.side),
            )
        case OrderKnown(report=report):
            return _about_order(
                record,
                "working",
                record.lane,
                order_id=report.client_order_id or report.venue_order_id,
                quantity=report.quantity,
                price=report.limit_price,
            )
        case OrderUnknown():
            return _about_order(
                record,
                "unknown",
                record.lane,
                order_id=record.client_order_id,
                detail=record.detail,
            )
        case OrderEnded():
            return _about_order(
                record,
                record.end.value,
                record.lane,
                order_id=record.client_order_id or record.venue_order_id,
                reason=record.reason.value if record.reason else None,
                detail=record.detail or None,
            )
        case FenceRaised():
            return _about_order(
                record,
                "canceling",
                record.lane,
                quantity=Decimal(len(record.cancels) + len(record.shrinks)),
            )
        case CancelIntended():
            return _about_order(
                record, "canceling", record.lane, quantity=_ONE, reason=record.why or None
            )
        case FencePassed():
            return _about_order(record, "fence_passed", record.lane, reason=record.how)
        case PositionAdopted():
            return _about_order(
                record, "position_adopted", record.lane, remaining=abs(record.quantity)
            )
        case GateClosed():
            return _about_order(record, "gate_closed", record.lane)
        case GateOpened():
            return _about_order(record, "gate_opened", record.lane)
        case Resolved():
            return _about_order(
                record,
                "resolved",
                record.lane,
                order_id=record.client_order_id,
                reason=record.outcome.value,
                detail=record.reason,
            )
        case SnapshotTaken():
            return _about_account(
                record,
                "verified" if record.after else "snapshot",
                record.account,
                quantity=Decimal(len(record.positions)),
            )
        case AccountReopened():
            return _about_account(
                record, "found_more", record.account, quantity=Decimal(record.found)
            )
        case ScopeWidened():
            return _about_account(
                record, "scope_widened", record.unread, quantity=Decimal(len(record.accounts))
            )
        case AccountFailed():
            return _about_account(record, "account_failed", record.account, detail=record.detail)
        case OperationPlanned():
            return _about_account(
                record, "planned", record.account, quantity=Decimal(len(record.legs))
            )
        case OperationOpened():
            return _about_operation(record, "opened")
        case PlanCompleted():
            return _about_operation(record, "plan_completed")
        case OperationCancelled():
            return _about_operation(record, "cancel_requested")
        case OperationExpired():
            return _about_operation(record, "deadline_passed")
        case Recovered():
            return _about_operation(record, "recovered")
        case _:
            return None  # the final frame speaks for the end; the rest takes no place in a sequence


def _filled(record: FillCounted) -> Progress:
    concern = record.concerns[0]
    lane = record.lane
    return Progress(
        operation_id=concern.operation_id,
        request_id=concern.request_id,
        seq=concern.seq,
        event="filled",
        at=record.at,
        done=concern.done,
        total=concern.total,
        leg=concern.leg or None,
        venue=record.account.venue,
        account=record.account.account,
        instrument=lane.instrument if lane else None,
        side=_side_closed_by(record.fills[0].side) if record.fills else None,
        quantity=record.quantity,
        filled=record.filled,
        remaining=abs(record.expected),
        average_price=record.average_price,
        order_id=record.client_order_id or record.venue_order_id,
    )


def _leg_ended(record: LegEnded) -> Progress:
    concern = record.concerns[0]
    return Progress(
        operation_id=concern.operation_id,
        request_id=concern.request_id,
        seq=concern.seq,
        event="leg_ended",
        at=record.at,
        done=concern.done,
        total=concern.total,
        leg=concern.leg or None,
        venue=record.lane.venue,
        account=record.lane.account,
        instrument=record.lane.instrument,
        filled=record.closed,
        remaining=abs(record.remaining),
        average_price=record.average_price,
        outcome=record.outcome.value,
        reason=record.reason or None,
        detail=record.detail or None,
    )


def _about_order(
    record: Record,
    event: str,
    lane: PositionKey | None,
    *,
    order_id: str | None = None,
    side: str | None = None,
    quantity: Decimal | None = None,
    remaining: Decimal | None = None,
    price: Decimal | None = None,
    reason: str | None = None,
    detail: str | None = None,
) -> Progress:
    concern = record.concerns[0]
    return Progress(
        operation_id=concern.operation_id,
        request_id=concern.request_id,
        seq=concern.seq,
        event=event,
        at=record.at,
        done=concern.done,
        total=concern.total,
        leg=concern.leg or None,
        venue=lane.venue if lane else None,
        account=lane.account if lane else None,
        instrument=lane.instrument if lane else None,
        side=side,
        quantity=quantity,
        remaining=remaining,
        price=price,
        order_id=order_id,
        reason=reason,
        detail=detail,
    )


def _about_account(
    record: Record,
    event: str,
    account: AccountRef,
    *,
    quantity: Decimal | None = None,
    detail: str | None = None,
) -> Progress:
    concern = record.concerns[0]
    return Progress(
        operation_id=concern.operation_id,
        request_id=concern.request_id,
        seq=concern.seq,
        event=event,
        at=record.at,
        done=concern.done,
        total=concern.total,
        venue=account.venue,
        account=account.account,
        quantity=quantity,
        detail=detail,
    )


def _about_operation(record: Record, event: str) -> Progress:
    concern = record.concerns[0]
    return Progress(
        operation_id=concern.operation_id,
        request_id=concern.request_id,
        seq=concern.seq,
        event=event,
        at=record.at,
        done=concern.done,
        total=concern.total,
    )


def _side_closed_by(side: OrderSide) -> str:
    return "long" if side is OrderSide.SELL else "short"
