"""
What people are told of an operation without asking: exits that failed, and exits of many at once.

One alert an account, so that it reaches exactly those who may know of that account.
"""

from __future__ import annotations

from rpcserver.core.decision import Pen
from rpcserver.core.report import Outcome
from rpcserver.core.requests import Dust
from rpcserver.core.state import Leg, Operation
from rpcserver.domain.ids import AccountId, AccountRef, VenueId

NAMED_MAX = 5  # positions an alert names; it counts the others


def tell_of_bulk(pen: Pen, operation: Operation, account: AccountRef, legs: int) -> None:
    """Many positions of one account are about to be closed at once."""
    if legs < pen.draft.bulk_exit or operation.request.dry_run:
        return
    request = operation.request
    pen.alert(
        "bulk_exit",
        f"{request.api} of {request.principal} closes {legs} positions in {account.account}",
        account=account,
        operation_id=operation.operation_id,
    )


def tell_of_failure(pen: Pen, operation: Operation) -> None:
    """An exit ended without having reached its target: never silence (law 28)."""
    if operation.request.dry_run:
        return
    missed: dict[AccountRef, list[Leg]] = {}
    for number in range(1, operation.total + 1):
        leg = pen.draft.find_leg(operation.operation_id, number)
        if leg is not None and _has_failed(operation, leg):
            missed.setdefault(leg.key.account_ref, []).append(leg)
    for account, legs in missed.items():
        named = ", ".join(_worded(leg) for leg in legs[:NAMED_MAX])
        more = f" and {len(legs) - NAMED_MAX} more" if len(legs) > NAMED_MAX else ""
        _tell(pen, operation, account, f"not closed: {named}{more}")
    for failure in operation.failures:
        account = AccountRef(VenueId(failure.venue), AccountId(failure.account))
        _tell(pen, operation, account, f"the account was not read: {failure.detail}")


def _has_failed(operation: Operation, leg: Leg) -> bool:
    """Whether nobody chose that it ended so."""
    if leg.outcome is Outcome.DUST:
        return operation.request.dust is not Dust.LEAVE
    return leg.outcome in (
        Outcome.PARTIAL,
        Outcome.REJECTED,
        Outcome.WAITING_MARKET,
        Outcome.UNKNOWN,
    )


def _worded(leg: Leg) -> str:
    assert leg.outcome is not None
    why = f" ({leg.reason})" if leg.reason else ""
    return f"{leg.key.instrument} {leg.outcome.value}{why}"


def _tell(pen: Pen, operation: Operation, account: AccountRef, what: str) -> None:
    pen.alert(
        "exit_failed",
        f"{operation.request.api} in {account.account}: {what}",
        account=account,
        operation_id=operation.operation_id,
    )
