"""CrossTrade's reads of one order's life and of single executions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, WordFilter, word, words
from rpcserver.apis.crosstrade_orders import (
    ORDER_STATES,
    OrderArgs,
    execution_answer,
    order_answer,
)
from rpcserver.apis.names import accounts_named
from rpcserver.apis.numbers import number, price
from rpcserver.apis.paging import Paged, page
from rpcserver.apis.queries import (
    Data,
    FoundFill,
    FoundOrder,
    Lifecycle,
    ReadExecutions,
    ReadLifecycle,
    ReadOrder,
)
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.core.entries import Entry
from rpcserver.core.records import (
    CancelIntended,
    ChangeIntended,
    ChangeWithdrawn,
    FillCounted,
    OrderEnd,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    OrderUnknown,
    Resolved,
    encode_record,
)
from rpcserver.domain.errors import InvalidRequest

registry = Registry()

EVENTS_MAX: Final = 2000
EVENTS_DEFAULT: Final = 200

_END_STATES: Mapping[OrderEnd, str] = {
    OrderEnd.CANCELED: "Cancelled",
    OrderEnd.EXPIRED: "Cancelled",
    OrderEnd.REJECTED: "Rejected",
    OrderEnd.FILLED: "Filled",
    OrderEnd.NEVER_EXISTED: "NeverExisted",
    OrderEnd.UNSENT: "Unsent",
}
assert _END_STATES.keys() == set(OrderEnd), "an order's end has no word"


class ExecutionArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One execution, by the venue's id of it."""

    account: WordFilter = UNSET
    execution_id: str | None


class LifecycleArgs(OrderArgs, frozen=True, kw_only=True, rename="camel"):
    """One order by either id; the newest `limit` events of it."""

    include_fills: bool = True
    include_raw: bool = False
    limit: int = EVENTS_DEFAULT


class OrderFillsArgs(Paged, frozen=True, kw_only=True, rename="camel"):
    """The executions of one order, by the venue's id of it or ours."""

    account: WordFilter = UNSET
    order_id: str | None


# --- one order -----------------------------------------------------------------------------------


class StatusAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What matters of one order."""

    order_id: str
    account: str
    instrument: str
    order_state: str
    quantity: int | float
    filled: int | float
    remaining: int | float
    average_fill_price: float
    is_terminal: bool
    venue_order_id: str
    reject_reason: str | None
    detail: str
    success: bool = True


def status_answer(found: FoundOrder) -> StatusAnswer:
    whole = order_answer(found)
    return StatusAnswer(
        order_id=whole.order_id,
        account=whole.account,
        instrument=whole.instrument,
        order_state=whole.order_state,
        quantity=whole.quantity,
        filled=whole.filled,
        remaining=whole.remaining,
        average_fill_price=whole.average_fill_price,
        is_terminal=found.report.status.is_terminal,
        venue_order_id=whole.venue_order_id,
        reject_reason=whole.reject_reason,
        detail=whole.detail,
    )


@registry.query("GetOrderStatus", args=OrderArgs)
def get_order_status(args: OrderArgs, asked: Asked) -> Ask:
    """What the venue says of one order now."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    order_id = word(args.order_id) or ""

    def answer(found: FoundOrder | None) -> Data:
        return _unknown_order(order_id) if found is None else status_answer(found)

    return Ask(ReadOrder(asked.refs(accounts), order_id), answer)


class EventFill(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of a step."""

    id: str
    price: float
    quantity: int | float


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One step of an order's life. `source`: `api_received`, `operation`, `venue` or `person`."""

    timestamp: datetime
    epoch: float  # milliseconds
    source: str
    event: str
    order_state: str | None
    order_id: str
    audit_seq: int | None = None  # its place in the audit; None: not the journal's word
    quantity: int | float | UnsetType = UNSET
    filled: int | float | UnsetType = UNSET
    average_fill_price: float | UnsetType = UNSET
    limit_price: float | UnsetType = UNSET
    stop_price: float | UnsetType = UNSET
    fills: Sequence[EventFill] | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    raw: msgspec.Raw | UnsetType = UNSET


def lifecycle_answer(
    found: Lifecycle, order_id: str, *, fills: bool, raw: bool, limit: int, now: datetime
) -> Data:
    """Every step the journal holds, then what the venue says now; the newest *limit* of them."""
    report = found.report
    known_as = order_id
    if report is not None:
        known_as = report.client_order_id or report.venue_order_id
    events = [_event(entry, known_as, fills=fills, raw=raw) for entry in found.entries]
    if report is not None:
        events.append(
            EventAnswer(
                timestamp=report.updated_at,
                epoch=_epoch(report.updated_at),
                source="venue",
                event="OrderState",
                order_state=ORDER_STATES[report.status],
                order_id=known_as,
                quantity=number(report.quantity),
                filled=number(report.filled),
                average_fill_price=price(report.average_price) or 0.0,
                detail=report.detail or UNSET,
            )
        )
    shown = events[-limit:]
    answer: dict[str, object] = {
        "success": True,
        "orderId": known_as,
        "originalOrderId": order_id,
        "venueOrderId": None if report is None else report.venue_order_id,
        "account": found.account.account,
        "asOf": now,
        "count": len(shown),
        "events": shown,
    }
    return answer | ({"total": len(events)} if len(shown) < len(events) else {})


def _event(entry: Entry, order_id: str, *, fills: bool, raw: bool) -> EventAnswer:
    record = entry.record
    plain = EventAnswer(
        timestamp=record.at,
        epoch=_epoch(record.at),
        source="venue",
        event="OrderUpdate",
        order_state=None,
        order_id=order_id,
        audit_seq=entry.audit_seq,
        raw=msgspec.Raw(encode_record(record)) if raw else UNSET,
    )
    more: dict[str, object] = {}
    match record:
        case OrderIntended(order=order):
            more = {
                "source": "api_received" if record.operation_id is None else "operation",
                "event": "PlaceOrder" if record.operation_id is None else "ClosingOrder",
                "quantity": number(order.quantity),
                **_prices(order.limit_price, order.stop_price),
            }
        case ChangeIntended():
            more = {
                "source": "api_received",
                "event": "Change",
                **({} if record.quantity is None else {"quantity": number(record.quantity)}),
                **_prices(record.limit_price, record.stop_price),
            }
        case ChangeWithdrawn():
            more = {"source": "api_received", "event": "ChangeWithdrawn", "detail": record.detail}
        case CancelIntended():
            by_person = record.principal is not None
            more = {"source": "api_received" if by_person else "operation", "event": "Cancel"}
            more |= {"detail": record.why} if record.why else {}
        case OrderKnown(report=report):
            more = {
                "order_state": ORDER_STATES[report.status],
                "quantity": number(report.quantity),
                "filled": number(report.filled),
                **_prices(report.limit_price, report.stop_price),
            }
        case FillCounted():
            more = {
                "event": "ExecutionUpdate",
                "order_state": ORDER_STATES[record.status],
                "quantity": number(record.quantity),
                "filled": number(record.filled),
                "average_fill_price": price(record.average_price) or 0.0,
            }
            if fills:
                more["fills"] = [
                    EventFill(
                        id=fill.trade_id, price=float(fill.price), quantity=number(fill.quantity)
                    )
                    for fill in record.fills
                ]
        case OrderEnded():
            more = {"order_state": _END_STATES[record.end], "filled": number(record.filled)}
            more |= {"detail": record.detail} if record.detail else {}
        case OrderUnknown():
            more = {"event": "NoAnswer", "order_state": "Unknown", "detail": record.detail}
        case Resolved():
            more = {"source": "person", "event": "ResolveOrder", "detail": record.reason}
        case _:
            pass
    return msgspec.structs.replace(plain, **more)


def _prices(limit: Decimal | None, stop: Decimal | None) -> dict[str, object]:
    named = {"limit_price": price(limit), "stop_price": price(stop)}
    return {name: value for name, value in named.items() if value is not None}


@registry.query("GetOrderLifecycle", args=LifecycleArgs)
def get_order_lifecycle(args: LifecycleArgs, asked: Asked) -> Ask:
    """One order from its intent to its end, as the journal and the venue tell it."""
    if not 0 < args.limit <= EVENTS_MAX:
        raise InvalidRequest("invalid_argument", f"limit: 1 to {EVENTS_MAX}")
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    order_id = word(args.order_id) or ""

    def answer(found: Lifecycle | None) -> Data:
        if found is None:
            return _unknown_order(order_id)
        return lifecycle_answer(
            found,
            order_id,
            fills=args.include_fills,
            raw=args.include_raw,
            limit=args.limit,
            now=asked.now,
        )

    return Ask(ReadLifecycle(asked.refs(accounts), order_id), answer)


def _unknown_order(order_id: str) -> Data:
    return refuse_plainly(InvalidRequest("unknown_order", f"no order {order_id!r}"))


def _epoch(at: datetime) -> float:
    return round(at.timestamp() * 1000, 1)


# --- executions ----------------------------------------------------------------------------------


@registry.query("GetExecution", args=ExecutionArgs)
def get_execution(args: ExecutionArgs, asked: Asked) -> Ask:
    """One execution."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    name = word(args.execution_id) or ""

    def answer(found: Sequence[FoundFill]) -> Data:
        for each in found:
            if each.fill.trade_id == name:
                return {**msgspec.to_builtins(execution_answer(each)), "success": True}
        return refuse_plainly(InvalidRequest("unknown_execution", f"no execution {name!r}"))

    return Ask(ReadExecutions(asked.refs(accounts)), answer)


@registry.query("GetExecutionsByOrderId", args=OrderFillsArgs)
def get_executions_by_order_id(args: OrderFillsArgs, asked: Asked) -> Ask:
    """The executions of one order, oldest first; an order that has none has an empty list."""
    accounts = accounts_named(asked, words(args.account, UNSET, "account"))
    name = word(args.order_id) or ""

    def answer(found: Sequence[FoundFill]) -> Data:
        of_order = [
            each for each in found if name in (each.fill.venue_order_id, each.fill.client_order_id)
        ]
        shown, more = page(of_order, args, lambda each: each.fill.trade_id)
        return {"executions": [execution_answer(fill) for fill in shown], **more, "success": True}

    return Ask(ReadExecutions(asked.refs(accounts)), answer)
