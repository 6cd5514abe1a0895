"""What becomes of an operation as a whole: it is opened, widened, stopped, finished."""

from __future__ import annotations

import msgspec

from rpcserver.core.records import (
    OperationCancelled,
    OperationExpired,
    OperationFinished,
    OperationOpened,
    ScopeWidened,
)
from rpcserver.core.report import Outcome
from rpcserver.core.reporting import report_of
from rpcserver.core.state import Ended, KeyUse, Operation, Part, State


def operation_opened(state: State, opened: OperationOpened) -> None:
    request = opened.request
    operation = Operation(
        operation_id=opened.operation_id,
        request=request,
        opened_at=opened.at,
        since=opened.mono,
        heard_at=opened.mono,
        deadline=opened.mono + request.deadline,
        seq=opened.concerns[0].seq,
        unread=len(request.scope.accounts),
        unplanned=len(request.scope.accounts),
        wake=opened.mono,
    )
    for earlier in opened.overtakes:  # not there where one is folded alone
        if state.find_operation(earlier) is not None:
            state.operation(earlier).overtaken = opened.operation_id
    state.forget_old(opened.at, opened.mono)
    state.add_operation(operation)
    for account in request.scope.accounts:
        state.add_part(opened.operation_id, Part(account=account, retry_at=opened.mono))
    state.arm(operation.operation_id, operation.wake)
    if request.idempotency_key is not None:
        state.keys[request.principal, request.idempotency_key] = KeyUse(
            operation_id=opened.operation_id, digest=request.digest, opened_at=opened.at
        )


def scope_widened(state: State, widened: ScopeWidened) -> None:
    operation = state.operation(widened.operation_id)
    request = operation.request
    known = [account for account in request.scope.accounts if account != widened.unread]
    new = [account for account in widened.accounts if account not in known]
    scope = msgspec.structs.replace(request.scope, accounts=(*known, *new))
    operation.request = msgspec.structs.replace(request, scope=scope)
    operation.unread += len(new) - 1
    operation.unplanned += len(new) - 1
    state.drop_part(widened.operation_id, widened.unread)
    for account in new:
        state.add_part(widened.operation_id, Part(account=account, retry_at=widened.mono))


def operation_finished(state: State, finished: OperationFinished) -> None:
    operation = state.operation(finished.operation_id)
    operation.finished = True
    operation.finished_at = finished.at
    operation.took = None if operation.recovered else finished.mono - operation.since
    operation.error, operation.detail = finished.error, finished.detail
    operation.unplaced, operation.unplaced_detail = finished.unplaced, finished.unplaced_detail
    operation.oldest_proof = finished.proven_at
    operation.wake = None
    request = operation.request
    if not request.is_harmless_again and not request.dry_run and finished.unplaced is None:
        state.partials[request.principal, request.digest] = Ended(
            operation_id=operation.operation_id, at=finished.at
        )
    state.keep_report(operation.operation_id, lambda: report_of(state, operation))
    if finished.settled:
        state.drop_operation(finished.operation_id)


def stop(
    operation: Operation, how: Outcome, stopped: OperationCancelled | OperationExpired
) -> None:
    """Nothing more is sent for *operation*. Its lanes are looked at by the same decision."""
    operation.stopped = operation.stopped or how
    operation.stopped_at = stopped.mono
    operation.stopped_wall = operation.stopped_wall or stopped.at
    operation.cancelled = operation.cancelled or how is Outcome.CANCELLED
    operation.wake = None
