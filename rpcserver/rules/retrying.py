"""
Trying again what a close left open: whether, when, and with what. Pure.

Only a whole close is tried again: half of what is left is not half of what there was. What is not
known yet is never tried again (law 7), nor what somebody stopped or left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rpcserver.core.report import OperationReport, Outcome
from rpcserver.core.requests import CloseRequest, Execution, LadderStep
from rpcserver.domain.directive import Rule
from rpcserver.domain.ids import OperationId
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import OrderType
from rpcserver.domain.position import Position
from rpcserver.domain.principal import is_granted
from rpcserver.domain.rule import Retry

_AGAIN = (Outcome.PARTIAL, Outcome.REJECTED, Outcome.WAITING_MARKET)


class Attempt(NamedTuple):
    """The next attempt: what is asked, and when (wall)."""

    request: CloseRequest
    at: datetime


class Place(NamedTuple):
    """Where an operation stands in a row of attempts: the first call is number 0."""

    first: OperationId | None  # None: it is the first itself
    number: int


def place_of(rule: Rule, request: CloseRequest) -> Place | None:
    """The place of a close in *rule*'s row; None: whatever laid it down sees to it itself."""
    key = request.idempotency_key or ""
    if not key.startswith("directive:"):
        return Place(None, 0)
    mine, first, number = (*key.rsplit(":", 2), "", "")[:3]
    if mine != rule.name or not first.startswith("op-"):
        return None
    return Place(OperationId(first), int(number))


def next_attempt(
    rule: Rule, terms: Retry, report: OperationReport, first: OperationReport, number: int
) -> Attempt | None:
    """
    What follows the end of *report*, a close of the row that *first* began; None: nothing.

    *number*: of the attempt, from 1. Its key names it: in whatever life, it is made once.
    """
    left = left_open(rule, report)
    if not left or number > terms.times or report.finished_at is None:
        return None
    at = report.finished_at + timedelta(seconds=terms.every)
    ends = first.opened_at + timedelta(seconds=terms.lasting)
    if at >= ends:
        return None
    request = first.request
    # Of those positions alone, on their side: what was opened elsewhere meanwhile was meant.
    scope = msgspec.structs.replace(
        request.scope,
        accounts=tuple(dict.fromkeys(position.account_ref for position in left)),
        instruments=tuple(
            InstrumentSelector(asked=name, exact=name)
            for name in dict.fromkeys(position.instrument for position in left)
        ),
        positions=tuple(position.key for position in left),
        sides=tuple(position.side for position in left),
        everything=False,
        oldest_only=False,
    )
    execution = request.execution
    if terms.offset_ticks is not None:
        ticks = terms.offset_ticks * number
        execution = Execution(ladder=(LadderStep(type=OrderType.LIMIT, offset_ticks=ticks),))
    again = msgspec.structs.replace(
        request,
        request_id=f"retry-{number}",
        idempotency_key=f"{rule.name}:{first.operation_id}:{number}",
        digest=f"{request.digest}/{number}",
        scope=scope,
        execution=execution,
        check_hours=False,
        plan_hash=None,
        sequel=None,
        reason=f"rule {rule.rule_id}: attempt {number} after {first.operation_id}",
        deadline=min(request.deadline, (ends - at).total_seconds()),
    )
    return Attempt(again, at)


def left_open(rule: Rule, report: OperationReport) -> tuple[Position, ...]:
    """The positions of the rule's accounts, as they were, that a whole close is known to leave."""
    request = report.request
    if request.dry_run or not request.amount.is_whole or report.cancelled:
        return ()
    return tuple(
        leg.position
        for leg in report.legs
        if leg.outcome in _AGAIN
        and rule.covers(leg.position.account_ref)
        and is_granted(request.grants, leg.position.account_ref)
    )
