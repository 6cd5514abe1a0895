"""What happened, as the items of the channels. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from rpcserver.apis.alerts import alert_item as told_alert
from rpcserver.apis.numbers import unsigned_zero
from rpcserver.apis.sandboxes import kind_among, kind_of_request
from rpcserver.core.entries import Entry, OperationRow
from rpcserver.core.progress import frames
from rpcserver.core.records import Noted, OperationFinished, OperationOpened, Record, Resolved
from rpcserver.core.requests import CloseRequest
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.domain.ids import AccountRef, VenueId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import Fill, OrderReport
from rpcserver.domain.position import Position
from rpcserver.wire.events import (
    AlertItem,
    AuditItem,
    ExecutionItem,
    OperationItem,
    OrderItem,
    PositionItem,
)


def position_item(
    position: Position, instrument: Instrument | None, *, sandbox: bool
) -> PositionItem:
    return PositionItem(
        position_id=position.position_id,
        venue=position.venue,
        account=position.account,
        instrument=position.instrument,
        side=position.side.value,
        quantity=position.quantity,
        average_price=position.average_price,
        market_price=position.market_price,
        unrealized_pnl=None if position.unrealized is None else unsigned_zero(position.unrealized),
        point_value=instrument.point_value if instrument and not instrument.inverse else None,
        currency=instrument.currency if instrument else "",
        product=position.product,
        sandbox=sandbox,
        updated_at=position.updated_at,
    )


def order_item(venue: VenueId, report: OrderReport, *, sandbox: bool) -> OrderItem:
    return OrderItem(
        order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        venue=venue,
        account=report.account,
        instrument=report.instrument,
        side=report.side.value,
        type=report.type.value,
        status=report.status.value,
        quantity=report.quantity,
        filled=report.filled,
        average_price=report.average_price,
        limit_price=report.limit_price,
        stop_price=report.stop_price,
        reduce_only=report.reduce_only,
        tag=report.tag,
        reject_reason=report.reject_reason.value if report.reject_reason else None,
        detail=report.detail,
        sandbox=sandbox,
        updated_at=report.updated_at,
    )


def execution_item(venue: VenueId, fill: Fill, *, sandbox: bool) -> ExecutionItem:
    return ExecutionItem(
        trade_id=fill.trade_id,
        order_id=fill.venue_order_id,
        client_order_id=fill.client_order_id,
        venue=venue,
        account=fill.account,
        instrument=fill.instrument,
        side=fill.side.value,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        realized_pnl=fill.realized,
        tag=fill.tag,
        sandbox=sandbox,
        at=fill.at,
    )


def opened_item(record: OperationOpened) -> OperationItem:
    request = record.request
    kind = kind_of_request(request)
    return OperationItem(
        operation_id=record.operation_id,
        api=request.api,
        principal=request.principal,
        status="running",
        dry_run=request.dry_run,
        reason=request.reason,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
        opened_at=record.at,
    )


def finished_item(record: OperationFinished, request: CloseRequest) -> OperationItem:
    kind = kind_of_request(request)
    return OperationItem(
        operation_id=record.operation_id,
        api=request.api,
        principal=request.principal,
        status="finished",
        success=record.success,
        flat=record.flat,
        legs=sum(record.counts.values()),
        dry_run=request.dry_run,
        reason=request.reason,
        error=record.error,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
        finished_at=record.at,
    )


def row_item(row: OperationRow) -> OperationItem:
    kind = kind_among(row.sandboxes, row.venues)
    return OperationItem(
        operation_id=row.operation_id,
        api=row.api,
        principal=row.principal,
        status="running" if row.finished_at is None else "finished",
        success=row.success,
        flat=row.flat,
        legs=row.legs,
        dry_run=row.dry_run,
        reason=row.reason,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
        opened_at=row.opened_at,
        finished_at=row.finished_at,
    )


def alert_item(entry: Entry, sandboxes: Mapping[VenueId, bool]) -> AlertItem | None:
    """The alert that *entry* is, or the word about one; None if it is neither."""
    record = entry.record
    if isinstance(record, Noted) and (record.alert or record.acknowledges is not None):
        return told_alert(entry.audit_seq, record, sandboxes=sandboxes)
    return None


def audit_item(entry: Entry, sandboxes: Mapping[VenueId, bool]) -> AuditItem:
    """Any record in one line; *sandboxes*, as far as is known."""
    record = entry.record
    told = frames(record)
    first = told[0] if told else None
    account = account_of(record)
    return AuditItem(
        audit_seq=entry.audit_seq,
        audit_hash=entry.audit_hash,
        kind=str(record.__struct_config__.tag),
        operation_ids=[concern.operation_id for concern in record.concerns],
        principal=_principal_of(record),
        remote=_remote_of(record),
        venue=account.venue if account else None,
        account=account.account if account else None,
        sandbox=sandboxes.get(account.venue, UNSET) if account else UNSET,
        instrument=first.instrument if first else None,
        detail=_detail_of(record),
        at=record.at,
    )


def account_of(record: Record) -> AccountRef | None:
    """The account a record is about, where it is about one."""
    account = getattr(record, "account", None)
    if isinstance(account, tuple):
        return AccountRef(*account)
    lane = getattr(record, "lane", None)
    return None if lane is None else AccountRef(lane.venue, lane.account)


def _principal_of(record: Record) -> str | None:
    if isinstance(record, OperationOpened):
        return record.request.principal
    return getattr(record, "principal", None)


def _remote_of(record: Record) -> str:
    if isinstance(record, OperationOpened):
        return record.request.remote
    return getattr(record, "remote", "")


def _detail_of(record: Record) -> str:
    match record:
        case OperationOpened(request=request):
            return f"{request.api} {request.args} {request.reason}".strip()
        case Noted(code=code, detail=detail):
            return f"{code}: {detail}"
        case DirectiveSet(directive=directive, reason=reason):
            return f"{directive.name}: {reason}"
        case DirectiveLifted(name=name, reason=reason):
            return f"{name}: {reason}"
        case Resolved(outcome=outcome, reason=reason):
            return f"{outcome.value}: {reason}"
        case _:
            return str(getattr(record, "detail", ""))


_items = msgspec.json.Encoder(decimal_format="string")


def encode_item(item: msgspec.Struct) -> msgspec.Raw:
    """An item's bytes, made once for everyone who gets it."""
    return msgspec.Raw(_items.encode(item))
