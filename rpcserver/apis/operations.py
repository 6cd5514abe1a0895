"""Our own calls: operations, unknown orders, and whether anyone is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

import msgspec
from msgspec import UNSET, UnsetType

from rpcserver.apis.arguments import Args, Choices, NoArgs, words_of
from rpcserver.apis.defaults import defaults_told
from rpcserver.apis.legs import (
    audit_place,
    counts_of,
    detailed_leg,
    duration_ms,
    failure_answer,
    second_person,
)
from rpcserver.apis.queries import (
    Data,
    Nothing,
    ReadOperation,
    ReadOperations,
    Resolve,
)
from rpcserver.apis.registry import Ask, Asked, Registry
from rpcserver.apis.sandboxes import kind_among, sandbox_of
from rpcserver.core.entries import OperationRow
from rpcserver.core.report import OperationReport
from rpcserver.core.requests import OrderOutcome, ResolveRequest
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import ClientOrderId, OperationId
from rpcserver.domain.principal import Permission, Principal

registry = Registry()

PAGE_MAX: Final = 500


# --- operations ----------------------------------------------------------------------------------


class ListOperationsArgs(Args, frozen=True, kw_only=True):
    """The newest first; `before` pages on. `all` shows those of others too (risk or admin)."""

    before: str | UnsetType = UNSET
    limit: int = 50
    all: bool = False


class GetOperationArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """One operation; its legs after the leg `after`, `limit` of them."""

    operation_id: str
    after: int = 0
    limit: int = 100


class OperationAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One operation in a list."""

    operation_id: str
    api: str
    principal: str
    idempotency_key: str | None
    opened_at: datetime
    finished_at: datetime | None
    running: bool
    success: bool | None
    flat: bool | None
    dry_run: bool
    legs: int
    sandbox: bool | UnsetType = UNSET
    sandbox_venues: tuple[str, ...] | UnsetType = UNSET


def operation_answer(row: OperationRow) -> OperationAnswer:
    kind = kind_among(row.sandboxes, row.venues)
    return OperationAnswer(
        operation_id=row.operation_id,
        api=row.api,
        principal=row.principal,
        idempotency_key=row.idempotency_key,
        opened_at=row.opened_at,
        finished_at=row.finished_at,
        running=row.finished_at is None,
        success=None if row.dry_run else row.success,
        flat=None if row.dry_run else row.flat,
        dry_run=row.dry_run,
        legs=row.legs,
        sandbox=kind.sandbox,
        sandbox_venues=kind.sandbox_venues,
    )


def operation_page(report: OperationReport, after: int, limit: int) -> Data:
    """One operation and a page of its legs; `success` and `flat` are null until it has ended."""
    request, ended = report.request, report.finished_at is not None
    page = [leg for leg in report.legs if leg.leg > after][:limit]
    told = ended and not request.dry_run
    answer: dict[str, object] = {
        "success": True,
        "operation": {
            "operationId": report.operation_id,
            "api": request.api,
            "principal": request.principal,
            "idempotencyKey": request.idempotency_key,
            "reason": request.reason,
            "openedAt": report.opened_at,
            "finishedAt": report.finished_at,
            "running": not ended,
            "success": report.success if told else None,
            "flat": report.flat if told else None,
            "dryRun": request.dry_run,
            "cancelled": report.cancelled,
            "error": report.error,
            "detail": report.detail,
            "planHash": report.plan_hash,
            "provenAt": report.proven_at,
            "durationMs": duration_ms(report),
            "counts": counts_of(report.legs),
            "failures": [failure_answer(failure) for failure in report.failures],
            "total": len(report.legs),
            **audit_place(report),
            **second_person(report),
            **sandbox_of(report),
            **defaults_told(request),
        },
        "legs": [detailed_leg(leg) for leg in page],
    }
    if page and page[-1].leg < max(leg.leg for leg in report.legs):
        answer["next"] = page[-1].leg
    return answer


@registry.query("ListOperations", args=ListOperationsArgs)
def list_operations(args: ListOperationsArgs, asked: Asked) -> Ask:
    """The operations of the caller, or of everyone."""
    _check_page(args.limit)
    if args.all and not _sees_everyone(asked.principal):
        raise InvalidRequest("forbidden", "all: needs the risk or the admin role")

    def answer(rows: Sequence[OperationRow]) -> Data:
        listed = [operation_answer(row) for row in rows]
        more = {"next": rows[-1].operation_id} if len(rows) == args.limit else {}
        return {"operations": listed, "count": len(listed), **more, "success": True}

    principal = None if args.all else asked.principal.principal_id
    before = OperationId(args.before) if isinstance(args.before, str) else None
    return Ask(ReadOperations(principal, before, args.limit), answer)


@registry.query("GetOperation", args=GetOperationArgs)
def get_operation(args: GetOperationArgs, _asked: Asked) -> Ask:
    """One operation, running or ended, with its legs page by page."""
    _check_page(args.limit)
    if args.after < 0:
        raise InvalidRequest("invalid_argument", "after: 0 or the number of a leg")
    return Ask(
        ReadOperation(OperationId(args.operation_id)),
        lambda report: operation_page(report, args.after, args.limit),
    )


def _check_page(limit: int) -> None:
    if not 0 < limit <= PAGE_MAX:
        raise InvalidRequest("invalid_argument", f"limit: 1 to {PAGE_MAX}")


def _sees_everyone(principal: Principal) -> bool:
    return principal.may(Permission.OVERRIDE) or principal.may(Permission.ADMINISTER)


# --- what a person says --------------------------------------------------------------------------


class ResolveOrderArgs(Args, frozen=True, kw_only=True, rename="camel"):
    """What became of an order nobody can ask about: `filled` is how much of it."""

    choices: ClassVar[Choices] = {"outcome": words_of(OrderOutcome)}
    may_be_zero: ClassVar[frozenset[str]] = frozenset({"filled"})

    client_order_id: str | None
    outcome: str
    filled: Decimal = Decimal(0)
    reason: str | None


@registry.query(
    "ResolveOrder", args=ResolveOrderArgs, permission=Permission.OVERRIDE, read_only=False
)
def resolve_order(args: ResolveOrderArgs, asked: Asked) -> Ask:
    """Journal a person's word about an unknown order; a fresh read of the position follows."""
    outcome = OrderOutcome(args.outcome)
    if outcome is OrderOutcome.FILLED and args.filled == 0:
        raise InvalidRequest("missing_argument", "filled: how much of the order was filled")
    if outcome is OrderOutcome.NEVER_EXISTED and args.filled != 0:
        raise InvalidRequest("invalid_argument", "filled: an order that never was filled nothing")
    request = ResolveRequest(
        principal=asked.principal.principal_id,
        client_order_id=ClientOrderId((args.client_order_id or "").strip()),
        outcome=outcome,
        filled=args.filled,
        reason=args.reason or "",
        remote=asked.remote,
    )
    order_id = request.client_order_id
    return Ask(Resolve(request), lambda _: {"orderId": order_id, "success": True})


# --- liveness ------------------------------------------------------------------------------------


@registry.query("Ping", args=NoArgs)
def ping(_: NoArgs, asked: Asked) -> Ask:
    """The server's time, through the whole path a call takes."""
    now = asked.now
    epoch = round(now.timestamp() * 1000)
    return Ask(Nothing(), lambda _: {"success": True, "time": now, "epoch": epoch})
