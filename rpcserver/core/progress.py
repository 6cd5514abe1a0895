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
            return _step(
                record,
                "sending",
                record.lane,
                order_id=order.client_order_id,
                quantity=order.quantity,
                price=order.limit_price,
                side=_side_closed_by(order.side),
            )
        case OrderKnown(report=report):
            return _step(
                record,
                "working",
                record.lane,
                order_id=report.client_order_id or report.venue_order_id,
                quantity=report.quantity,
                price=report.limit_price,
            )
        case OrderUnknown():
            return _step(
                record,
                "unknown",
                record.lane,
                order_id=record.client_order_id,
                detail=record.detail,
            )
        case OrderEnded():
            return _step(
                record,
                record.end.value,
                record.lane,
                order_id=record.client_order_id or record.venue_order_id,
                reason=record.reason.value if record.reason else None,
                detail=record.detail or None,
            )
        case FenceRaised():
            return _step(
                record,
                "canceling",
                record.lane,
                quantity=Decimal(len(record.cancels) + len(record.shrinks)),
            )
        case CancelIntended():
            return _step(record, "canceling", record.lane, quantity=_ONE, reason=record.why or None)
        case FencePassed():
            return _step(record, "fence_passed", record.lane, reason=record.how)
        case PositionAdopted():
            return _step(record, "position_adopted", record.lane, remaining=abs(record.quantity))
        case GateClosed():
            return _step(record, "gate_closed", record.lane)
        case GateOpened():
            return _step(record, "gate_opened", record.lane)
        case Resolved():
            return _step(
                record,
                "resolved",
                record.lane,
                order_id=record.client_order_id,
                reason=record.outcome.value,
                detail=record.reason,
            )
        case SnapshotTaken():
            return _step(
                record,
                "verified" if record.after else "snapshot",
                account=record.account,
                quantity=Decimal(len(record.positions)),
            )
        case AccountReopened():
            return _step(
                record, "found_more", account=record.account, quantity=Decimal(record.found)
            )
        case ScopeWidened():
            return _step(
                record,
                "scope_widened",
                account=record.unread,
                quantity=Decimal(len(record.accounts)),
            )
        case AccountFailed():
            return _step(record, "account_failed", account=record.account, detail=record.detail)
        case OperationPlanned():
            return _step(
                record, "planned", account=record.account, quantity=Decimal(len(record.legs))
            )
        case OperationOpened():
            return _step(record, "opened")
        case PlanCompleted():
            return _step(record, "plan_completed")
        case OperationCancelled():
            return _step(record, "cancel_requested")
        case OperationExpired():
            return _step(record, "deadline_passed")
        case Recovered():
            return _step(record, "recovered")
        case _:
            return None  # the final frame speaks for the end; the rest takes no place in a sequence


def _filled(record: FillCounted) -> Progress:
    return _step(
        record,
        "filled",
        record.lane,
        account=record.account,
        side=_side_closed_by(record.fills[0].side) if record.fills else None,
        quantity=record.quantity,
        filled=record.filled,
        remaining=abs(record.expected),
        average_price=record.average_price,
        order_id=record.client_order_id or record.venue_order_id,
    )


def _leg_ended(record: LegEnded) -> Progress:
    return _step(
        record,
        "leg_ended",
        record.lane,
        filled=record.closed,
        remaining=abs(record.remaining),
        average_price=record.average_price,
        outcome=record.outcome.value,
        reason=record.reason or None,
        detail=record.detail or None,
    )


def _step(
    record: Record,
    event: str,
    lane: PositionKey | None = None,
    *,
    account: AccountRef | None = None,
    side: str | None = None,
    quantity: Decimal | None = None,
    filled: Decimal | None = None,
    remaining: Decimal | None = None,
    average_price: Decimal | None = None,
    price: Decimal | None = None,
    order_id: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    detail: str | None = None,
) -> Progress:
    """One step in the first operation it concerns; *account*: where no lane says it."""
    concern = record.concerns[0]
    where = account or (lane.account_ref if lane else None)
    return Progress(
        operation_id=concern.operation_id,
        request_id=concern.request_id,
        seq=concern.seq,
        event=event,
        at=record.at,
        done=concern.done,
        total=concern.total,
        leg=concern.leg or None,
        venue=where.venue if where else None,
        account=where.account if where else None,
        instrument=lane.instrument if lane else None,
        side=side,
        quantity=quantity,
        filled=filled,
        remaining=remaining,
        average_price=average_price,
        price=price,
        order_id=order_id,
        outcome=outcome,
        reason=reason,
        detail=detail,
    )


def _side_closed_by(side: OrderSide) -> str:
    return "long" if side is OrderSide.SELL else "short"
