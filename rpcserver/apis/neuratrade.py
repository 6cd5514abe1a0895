"""
The NeuraTrade dialect: `Liquidate` and `LiquidateAll`. Unlike NeuraTrade, they really close.

`error` holds NeuraTrade's texts; the code of protocol.md stands in `errorCode` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET

from rpcserver.apis.arguments import (
    CloseOptions,
    WordFilter,
    close_terms,
    refuse_filters,
    word,
    words,
)
from rpcserver.apis.legs import (
    STATUS_MIXED,
    STATUS_OK,
    STATUS_UNKNOWN,
    closing_ids,
    is_reached,
    ours,
    outcome_of,
    plan_answer,
    shown_legs,
)
from rpcserver.apis.names import accounts_of, selectors_of
from rpcserver.apis.numbers import text
from rpcserver.apis.refusals import refuse_plainly
from rpcserver.apis.registry import Asked, CloseTerms, Registry
from rpcserver.core.report import LegReport, OperationReport, Outcome
from rpcserver.core.requests import Scope
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import PositionId
from rpcserver.domain.position import PositionSide

registry = Registry()

NOT_FOUND: Final = "open position not found"
REQUIRED: Final = "position_id or symbol is required"
FAILED: Final = "failed to liquidate position"
UNKNOWN: Final = "liquidation outcome unknown"
CANCELLED: Final = "liquidation cancelled"

STATUS_NOT_FOUND: Final = 404
STATUS_CANCELLED: Final = 409
STATUS_FAILED: Final = 500


class PositionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A position as NeuraTrade keeps it; `size` is what was found, or what is still open."""

    position_id: str
    order_id: str
    exchange: str
    symbol: str
    side: str
    size: str
    entry_price: str
    status: str  # LIQUIDATED, OPEN, or UNKNOWN
    opened_at: datetime
    updated_at: datetime
    account: str


class LiquidateArgs(CloseOptions, frozen=True, kw_only=True, rename={}):
    """`position_id` (it wins) or `symbol`; or `all`."""

    position_id: WordFilter = UNSET
    symbol: WordFilter = UNSET
    all: bool = False


class LiquidateAllArgs(CloseOptions, frozen=True, kw_only=True, rename={}):
    """No args of its own: the filters of `Liquidate` are known here to be refused by name."""

    position_id: object = UNSET
    symbol: object = UNSET


def liquidate_answer(report: OperationReport, full: bool) -> Mapping[str, object]:
    """`data` is the one position, or with `all` the count and the list; then ours."""
    if report.request.dry_run:
        return plan_answer(report, full)
    answer = ours(report, full)
    if report.more_matches:
        answer["moreMatches"] = report.more_matches
    if report.error is not None:
        refusal = refuse_at_neuratrade(InvalidRequest(report.error, report.detail))
        return {**answer, **refusal}
    dialect = _single(report) if _is_single(report) else _several(report, full)
    return {**dialect, **answer, **dialect}  # theirs first, and theirs where both have a word


def refuse_at_neuratrade(error: InvalidRequest) -> Mapping[str, object]:
    """NeuraTrade's texts for what it refuses too; the plain words for the rest."""
    plain = refuse_plainly(error)
    if plain["statusCode"] == STATUS_NOT_FOUND:
        return {**plain, **_failure(NOT_FOUND, error.detail, STATUS_NOT_FOUND, code=error.code)}
    return {**plain, **_failure(error.detail, error.detail, plain["statusCode"], code=error.code)}


def _is_single(report: OperationReport) -> bool:
    scope = report.request.scope
    return scope.oldest_only or scope.position_id is not None


def _single(report: OperationReport) -> dict[str, object]:
    legs = [leg for leg in report.legs if not leg.position.is_flat]
    if not legs:
        if report.failures:
            return _failure(UNKNOWN, report.failures[0].detail, STATUS_UNKNOWN)
        return {
            "success": False,
            **_failure(NOT_FOUND, "", STATUS_NOT_FOUND, code="position_not_found"),
        }
    record = _record(report, legs[0])
    if report.success:
        return {"status": "success", "data": record, "statusCode": STATUS_OK}
    return _failed(legs[0]) | {"data": record}


def _several(report: OperationReport, full: bool) -> dict[str, object]:
    held = [leg for leg in report.legs if not leg.position.is_flat]
    shown = [leg for leg in shown_legs(report, full) if not leg.position.is_flat]
    done = [leg for leg in held if leg.outcome is Outcome.FLAT]
    data: dict[str, object] = {
        "count": len(done),
        "positions": [_record(report, leg) for leg in shown if leg.outcome is Outcome.FLAT],
    }
    rest = [leg for leg in shown if leg.outcome is not Outcome.FLAT]
    if rest:
        data["remaining"] = [_record(report, leg) for leg in rest]
    if report.success:
        return {"status": "success", "data": data, "statusCode": STATUS_OK}
    missed = [leg for leg in held if not is_reached(report, leg)]
    if len(held) == 1 and missed and not report.failures:
        return _failed(missed[0]) | {"data": data}
    failed = f"failed to liquidate {len(missed)} of {len(held)} positions"
    if report.failures:
        unread = ", ".join(failure.account for failure in report.failures)
        failed = UNKNOWN if not held else f"{failed}; not read: {unread}"
    status = STATUS_MIXED if len(missed) < len(held) else STATUS_FAILED
    if any(outcome_of(leg) is Outcome.UNKNOWN for leg in missed) or report.failures:
        status = STATUS_MIXED if len(missed) < len(held) else STATUS_UNKNOWN
    return _failure(failed, "", status) | {"data": data}


def _failed(leg: LegReport) -> dict[str, object]:
    """The error of one leg that did not reach its target."""
    match outcome_of(leg):
        case Outcome.UNKNOWN:
            return _failure(UNKNOWN, leg.detail, STATUS_UNKNOWN)
        case Outcome.CANCELLED:
            return _failure(CANCELLED, leg.detail, STATUS_CANCELLED)
        case _:
            return _failure(FAILED, leg.detail, STATUS_FAILED)


def _failure(
    error: str, detail: str, status_code: object, *, code: str | None = None
) -> dict[str, object]:
    failure = {"status": "error", "error": error, "detail": detail, "statusCode": status_code}
    return failure if code is None else failure | {"errorCode": code}


def _record(report: OperationReport, leg: LegReport) -> PositionRecord:
    position, outcome = leg.position, outcome_of(leg)
    is_done = outcome is Outcome.FLAT
    orders = closing_ids((leg,))
    return PositionRecord(
        position_id=position.position_id,
        order_id=orders[-1] if orders else "",
        exchange=position.venue,
        symbol=position.instrument,
        side="BUY" if position.side is PositionSide.LONG else "SELL",
        size=text(position.quantity if is_done else abs(leg.remaining)),
        entry_price=text(position.average_price, like=leg.instrument.tick),
        status=_status_word(outcome),
        opened_at=position.opened_at,
        updated_at=leg.proven_at or report.finished_at or position.updated_at,
        account=position.account,
    )


def _status_word(outcome: Outcome) -> str:
    match outcome:
        case Outcome.FLAT:
            return "LIQUIDATED"
        case Outcome.UNKNOWN:
            return "UNKNOWN"
        case _:
            return "OPEN"


@registry.closing(
    "Liquidate", args=LiquidateArgs, answer=liquidate_answer, refuse=refuse_at_neuratrade
)
def liquidate(args: LiquidateArgs, asked: Asked) -> CloseTerms:
    """Close one position, by its id or the oldest of a symbol; or with `all` every one."""
    position_id, symbol = word(args.position_id), word(args.symbol)
    if args.all:
        if position_id is not None or symbol is not None:
            raise InvalidRequest("unexpected_filter", "all takes no position_id and no symbol")
        return close_terms(args, asked, Scope(accounts=asked.refs(accounts_of(asked))))
    if position_id is None and symbol is None:
        raise InvalidRequest("filter_required", REQUIRED)
    accounts = accounts_of(asked)
    if position_id is not None:
        scope = Scope(accounts=asked.refs(accounts), position_id=PositionId(position_id))
        return close_terms(args, asked, scope, must_match=True)
    selectors = selectors_of(asked, accounts, words(args.symbol, UNSET, "symbol"))
    scope = Scope(accounts=asked.refs(accounts), instruments=selectors, oldest_only=True)
    return close_terms(args, asked, scope, must_match=True)


@registry.closing(
    "LiquidateAll", args=LiquidateAllArgs, answer=liquidate_answer, refuse=refuse_at_neuratrade
)
def liquidate_all(args: LiquidateAllArgs, asked: Asked) -> CloseTerms:
    """Close every position of every account of the caller."""
    refuse_filters(args, "LiquidateAll", "Liquidate")
    return close_terms(args, asked, Scope(accounts=asked.refs(accounts_of(asked))))
