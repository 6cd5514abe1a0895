"""
What an operation does: it is admitted, its accounts are read, planned, started in waves, ended.

Everything that is one position's business is in `leg.py`; this file is about all of them together.
"""

from __future__ import annotations

from rpcserver.core.commands import ReadAccount
from rpcserver.core.decision import Admitted, Pen, Refused
from rpcserver.core.ending import end_unstarted
from rpcserver.core.events import CancelRequested, Requested, SnapshotFailed, SnapshotRead, VenueUp
from rpcserver.core.leg import look_at
from rpcserver.core.passing import OperationArmed, ReadEnded, ReadStarted, WaveStarted
from rpcserver.core.plan import estimate, oldest, plan_account, plan_hash
from rpcserver.core.records import (
    AccountFailed,
    AccountReopened,
    Concern,
    OperationCancelled,
    OperationExpired,
    OperationFinished,
    OperationOpened,
    OperationPlanned,
    PlanCompleted,
    PlannedLeg,
    ScopeWidened,
    SnapshotTaken,
)
from rpcserver.core.report import Outcome
from rpcserver.core.requests import CloseRequest, Dust
from rpcserver.core.sequel import follow, overtaken, sequel_of
from rpcserver.core.settling import circle_of, is_over, settle
from rpcserver.core.state import (
    KEY_LIFE,
    PLAN_LIFE,
    REPEAT_WINDOW,
    Operation,
    Part,
    Reading,
)
from rpcserver.core.telling import tell_of_bulk, tell_of_failure
from rpcserver.core.verifying import overhear
from rpcserver.domain.account import UNREAD, AccountSnapshot
from rpcserver.domain.ids import AccountRef, OperationId
from rpcserver.domain.principal import is_granted

READ_WINDOW = 10.0  # seconds in which no reading comes, and those that are missing are given up
READ_RETRY = 0.25
REOPENED_MAX = 3  # how often one account is planned again because more was opened there
LEGS_A_RECORD = 500
INSTANT = 1e-6  # seconds that a difference of two sums of the same times may be off by


# --- admission ---------------------------------------------------------------------------------


def requested(pen: Pen, event: Requested) -> Admitted | Refused:
    """Open an operation, or find the one this request names or joins (law 25)."""
    request = event.request
    if request.idempotency_key is not None:
        if (known := _by_key(pen, request)) is not None:
            return known
    elif event.join and (running := _running_twin(pen, request)) is not None:
        return Admitted(running, duplicate=True)
    elif (repeat := _repeats_a_partial(pen, request)) is not None:
        return repeat
    if (owing := request.owed_by) is not None and owing not in pen.draft.directives:
        # The race: it was taken back while its next attempt was on its way here.
        return Refused("unknown_directive", f"nothing stands under the name {owing}")
    pen.write(
        OperationOpened(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(Concern(event.operation_id, request.request_id, 1, 0, 0, 0),),
            operation_id=event.operation_id,
            request=request,
            overtakes=overtaken(pen, request),
        )
    )
    look_at_operation(pen, event.operation_id)
    return Admitted(event.operation_id, duplicate=False)


def _by_key(pen: Pen, request: CloseRequest) -> Admitted | Refused | None:
    assert request.idempotency_key is not None
    use = pen.draft.find_key(request.principal, request.idempotency_key)
    if use is None:
        return None
    if use.digest != request.digest:
        return Refused(
            "idempotency_conflict", f"this key named another call: operation {use.operation_id}"
        )
    if pen.now.wall - use.opened_at > KEY_LIFE:
        return Refused("idempotency_expired", f"this key named operation {use.operation_id}")
    return Admitted(use.operation_id, duplicate=True)


def _running_twin(pen: Pen, request: CloseRequest) -> OperationId | None:
    """A resend of the same frame over the same token joins the call that is still running."""
    for operation in pen.draft.operations.values():
        twin = operation.request
        if (
            not operation.finished
            and twin.token_id == request.token_id
            and twin.request_id == request.request_id
            and twin.digest == request.digest
        ):
            return operation.operation_id
    return None


def _repeats_a_partial(pen: Pen, request: CloseRequest) -> Refused | None:
    """A half, and the same half once more without a key, would be the whole (law 38)."""
    if request.is_harmless_again or request.dry_run:
        return None
    before = pen.draft.find_partial(request.principal, request.digest)
    if before is None or pen.now.wall - before.at > REPEAT_WINDOW:
        return None
    return Refused(
        "repeat_partial",
        f"the same, not to be done twice, ended as {before.operation_id} less than a minute ago; "
        "send an idempotencyKey to mean it anew",
    )


def cancel_requested(pen: Pen, event: CancelRequested) -> None:
    """Stop what was not yet sent; what was sent is never unsent, and is followed to its proof."""
    operation = pen.draft.find_operation(event.operation_id)
    if operation is None or operation.finished or operation.stopped is not None:
        return
    pen.write(
        OperationCancelled(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation),),
            operation_id=event.operation_id,
            principal=event.principal,
        )
    )
    _stopped(pen, event.operation_id, "the operation was cancelled before it was read")


# --- the operation's own timer -----------------------------------------------------------------


def look_at_operation(pen: Pen, operation_id: OperationId) -> None:
    """Do what is due for the operation as a whole, and arm it for the time after."""
    operation = pen.draft.find_operation(operation_id)
    if operation is None or operation.finished:
        return
    if pen.now.mono >= operation.deadline and operation.stopped is None:
        _expire(pen, operation)
        operation = pen.draft.find_operation(operation_id)
        if operation is None or operation.finished:
            return  # nothing of it was at work: that was its end
    if operation.stopped is None:
        _read_accounts(pen, operation)
        start_wave(pen, operation_id)
    finish_if_done(pen, operation_id)
    _arm(pen, operation_id)


def _arm(pen: Pen, operation_id: OperationId) -> None:
    operation = pen.draft.find_operation(operation_id)
    if operation is None or operation.finished:
        return
    wakes = [] if operation.stopped else [operation.deadline]
    if operation.stopped is None and _may_start(operation):
        wakes.append(pen.now.mono)  # the next wave, as soon as this one is on its way
    if operation.stopped is None and operation.unread:
        wakes.append(_window_end(operation))
        for part in pen.draft.parts_of(operation):
            if part.retry_at is not None:
                wakes.append(part.retry_at)
    earliest = min(wakes, default=None)
    if earliest != operation.wake:
        pen.write(OperationArmed(operation_id, earliest))


def _may_start(operation: Operation) -> bool:
    if operation.request.dry_run or operation.started >= operation.total:
        return False
    return operation.plan_hash is not None or not operation.plans_as_a_whole


def _window(operation: Operation) -> float:
    return min(READ_WINDOW, operation.request.deadline / 2)


def _window_end(operation: Operation) -> float:
    """When nothing has been heard for so long that what is not read yet will not be."""
    return operation.heard_at + _window(operation)


def _expire(pen: Pen, operation: Operation) -> None:
    pen.write(
        OperationExpired(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation),),
            operation_id=operation.operation_id,
        )
    )
    _stopped(pen, operation.operation_id, "the deadline passed before it was read")


def _stopped(pen: Pen, operation_id: OperationId, unread: str) -> None:
    """Every account not planned is unknown, every leg at work is looked at, then the end."""
    operation = pen.draft.operation(operation_id)
    for part in pen.draft.parts_of(operation):
        if part.reading in (Reading.READING, Reading.READ):
            _fail_account(pen, operation_id, part.account, unread)
    for number in range(1, operation.total + 1):
        leg = pen.draft.find_leg(operation_id, number)
        if leg is None or leg.outcome is not None:
            continue
        if pen.draft.find_lane(leg.key) is None:
            end_unstarted(pen, operation_id, number)
        else:
            look_at(pen, leg.key)
    complete_plan(pen, operation_id)
    finish_if_done(pen, operation_id)
    _arm(pen, operation_id)


# --- reading -----------------------------------------------------------------------------------


def _read_accounts(pen: Pen, operation: Operation) -> None:
    """Read what is due, and give up what could not be read in its window."""
    if not operation.unread:
        return
    operation_id = operation.operation_id
    late = pen.now.mono >= _window_end(operation)
    for part in pen.draft.parts_of(operation):
        account = part.account
        if part.reading is not Reading.READING:
            continue
        if late:
            _fail_account(pen, operation_id, account, "it could not be read in time")
        elif part.retry_at is not None and part.retry_at <= pen.now.mono:
            pen.write(ReadStarted(account, operation_id, pen.now.mono))
            pen.order(ReadAccount(account=account, operation_id=operation_id, markets=True))
    if late:
        complete_plan(pen, operation_id)


def _fail_account(pen: Pen, operation_id: OperationId, account: AccountRef, detail: str) -> None:
    pen.write(
        AccountFailed(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(pen.draft.operation(operation_id)),),
            operation_id=operation_id,
            account=account,
            detail=detail,
        )
    )


def widen_scopes(pen: Pen, event: VenueUp) -> None:
    """
    Operations that wait for a venue nobody had ever read find its accounts, and read them.

    Pressed while the venue was down, "everything" means what is there when it comes back (law 19).
    """
    unread = AccountRef(event.venue, UNREAD)
    for operation in list(pen.draft.operations.values()):
        part = pen.draft.find_part(operation.operation_id, unread)
        if operation.finished or part is None or part.reading is not Reading.READING:
            continue
        pen.write(
            ScopeWidened(
                at=pen.now.wall,
                mono=pen.now.mono,
                concerns=(pen.concern(pen.draft.operation(operation.operation_id)),),
                operation_id=operation.operation_id,
                unread=unread,
                accounts=tuple(
                    account
                    for account in event.accounts
                    if is_granted(operation.request.grants, account)
                ),
            )
        )
        look_at_operation(pen, operation.operation_id)


def first_read_failed(pen: Pen, event: SnapshotFailed) -> None:
    """Try again until the window closes: a failed read is no news of any position."""
    assert event.operation_id is not None
    part = pen.draft.find_part(event.operation_id, event.account)
    if part is None or part.reading is not Reading.READING:
        return
    retry = pen.now.mono + READ_RETRY
    pen.write(ReadEnded(event.account, event.operation_id, True, retry))
    look_at_operation(pen, event.operation_id)


def first_read(pen: Pen, event: SnapshotRead) -> None:
    """Journal what was found *before*, and plan it."""
    assert event.operation_id is not None
    snapshot = event.snapshot
    operation = pen.draft.find_operation(event.operation_id)
    part = pen.draft.find_part(event.operation_id, snapshot.account)
    if operation is None or part is None or part.reading is not Reading.READING:
        return
    if (settled := _read_again_at(pen, operation, part, snapshot)) is not None:
        pen.write(ReadEnded(snapshot.account, event.operation_id, False, settled, pen.now.mono))
        look_at_operation(pen, event.operation_id)
        return
    overhear(pen, snapshot)
    operation = pen.draft.operation(event.operation_id)
    pen.write(_before(pen, operation, snapshot))
    if not operation.plans_as_a_whole:
        legs = _legs_of(pen, event.operation_id, snapshot.account)
        _write_plan(pen, event.operation_id, snapshot.account, legs)
    complete_plan(pen, event.operation_id)
    look_at_operation(pen, event.operation_id)


def _read_again_at(
    pen: Pen, operation: Operation, part: Part, snapshot: AccountSnapshot
) -> float | None:
    """
    When to read again, because this reading may lag an execution we heard of (law 40).

    A whole close of what it shows may be planned all the same: such a lane doubts its position
    before it sends. What it does not show, and the sizes of a partial close, cannot be planned.
    Whoever trades without end is not waited for: patience ends in the middle of the window.
    """
    first = pen.now.mono if part.heard_at is None else part.heard_at
    if pen.now.mono >= first + _window(operation) / 2:
        return None
    settle = pen.capabilities(part.account.venue).position_settle
    since = _issued(part) - settle + INSTANT
    heard = pen.draft.traded_since(part.account, since)
    if pen.draft.recovered_at > since:
        return pen.draft.recovered_at + settle  # an earlier life may have heard of anything
    request = operation.request
    if request.amount.is_whole and not request.scope.strategy_tag:
        held = {position.key for position in snapshot.positions}
        heard = {
            key: at
            for key, at in heard.items()
            if key not in held and pen.draft.find_lane(key) is None
        }
    return max(heard.values()) + settle if heard else None


def _issued(part: Part) -> float:
    """When the reading was asked for; long ago, if it was by an earlier life."""
    return float("-inf") if part.issued is None else part.issued


def _before(pen: Pen, operation: Operation, snapshot: AccountSnapshot) -> SnapshotTaken:
    at_work = {
        key.instrument: lane.instrument
        for key in pen.draft.lanes_of(snapshot.account)
        if (lane := pen.draft.find_lane(key)) is not None
    }
    return SnapshotTaken(
        at=pen.now.wall,
        mono=pen.now.mono,
        concerns=(pen.concern(operation),),
        operation_id=operation.operation_id,
        account=snapshot.account,
        taken_at=snapshot.taken_at,
        positions=snapshot.positions,
        orders=snapshot.orders,
        # What others work on may be planned though this reading no longer shows it; whoever folds
        # this operation alone must know what it is.
        instruments=at_work | dict(snapshot.instruments),
        markets=snapshot.markets,
    )


def account_verified(pen: Pen, snapshot: AccountSnapshot, operation_ids: set[OperationId]) -> None:
    """Journal what is there *after*, for each operation whose last leg in the account has ended."""
    for operation_id in sorted(operation_ids):
        operation = pen.draft.find_operation(operation_id)
        if operation is None or operation.finished:
            continue
        part = pen.draft.find_part(operation_id, snapshot.account)
        if part is not None and part.reading is Reading.PLANNED and not part.open_legs:
            keys = {
                leg.key
                for number in range(part.first, part.last + 1)
                if (leg := pen.draft.find_leg(operation_id, number)) is not None
            }
            pen.write(
                SnapshotTaken(
                    at=pen.now.wall,
                    mono=pen.now.mono,
                    concerns=(pen.concern(operation),),
                    operation_id=operation_id,
                    after=True,
                    account=snapshot.account,
                    taken_at=snapshot.taken_at,
                    positions=tuple(p for p in snapshot.positions if p.key in keys),
                    orders=tuple(
                        order
                        for order in snapshot.orders
                        if any(order.instrument == key.instrument for key in keys)
                    ),
                )
            )
            _look_for_more(pen, operation_id, snapshot)


def _look_for_more(pen: Pen, operation_id: OperationId, snapshot: AccountSnapshot) -> None:
    """
    What was opened in scope meanwhile is closed as well, or told: it is not flat (laws 9 and 18).

    Bounded: against a program that opens without end nobody wins by closing without end.
    """
    operation = pen.draft.operation(operation_id)
    account = snapshot.account
    part = pen.draft.part(operation_id, account)
    scope = operation.request.scope
    whatever_is_held = operation.request.amount.is_whole and scope.pnl is None
    if not whatever_is_held or operation.plans_as_a_whole or operation.stopped is not None:
        return
    legs = _plan(pen, operation, part, _before(pen, operation, snapshot))
    found = sum(bool(leg.expected or leg.cancels) for leg in legs if not leg.excluded)
    if not found:
        return
    pen.write(
        AccountReopened(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation),),
            operation_id=operation_id,
            account=account,
            found=found,
        )
    )
    if part.reopened == REOPENED_MAX:
        _fail_account(pen, operation_id, account, "more was opened while it was being closed")
    look_at_operation(pen, operation_id)


# --- planning ----------------------------------------------------------------------------------


def _legs_of(pen: Pen, operation_id: OperationId, account: AccountRef) -> tuple[PlannedLeg, ...]:
    part = pen.draft.part(operation_id, account)
    assert part.snapshot is not None, "what is planned was read"
    return _plan(pen, pen.draft.operation(operation_id), part, part.snapshot)


def _plan(
    pen: Pen, operation: Operation, part: Part, snapshot: SnapshotTaken
) -> tuple[PlannedLeg, ...]:
    """The legs of what *snapshot* shows; what had its leg and is not flat gets no other."""
    had = {
        leg.key
        for first, last in (*part.earlier, (part.first, part.last))
        for number in range(first, last + 1)
        if (leg := pen.draft.find_leg(operation.operation_id, number)) is not None
        and leg.outcome is not Outcome.FLAT
    }
    return plan_account(
        pen.draft,
        operation.request,
        snapshot,
        pen.capabilities(part.account.venue),
        issued=_issued(part),
        first_number=operation.total + 1,
        without=had,
    )


def _write_plan(
    pen: Pen,
    operation_id: OperationId,
    account: AccountRef,
    legs: tuple[PlannedLeg, ...],
    more_matches: int = 0,
) -> None:
    chunks = [legs[at : at + LEGS_A_RECORD] for at in range(0, len(legs), LEGS_A_RECORD)] or [()]
    for index, chunk in enumerate(chunks, start=1):
        operation = pen.draft.operation(operation_id)
        concern = pen.concern(operation)
        pen.write(
            OperationPlanned(
                at=pen.now.wall,
                mono=pen.now.mono,
                concerns=(
                    Concern(
                        operation_id,
                        concern.request_id,
                        concern.seq,
                        0,
                        operation.done,
                        operation.total + len(chunk),
                    ),
                ),
                operation_id=operation_id,
                account=account,
                legs=chunk,
                last=index == len(chunks),
                more_matches=more_matches,
            )
        )
    tell_of_bulk(pen, pen.draft.operation(operation_id), account, len(legs))


def complete_plan(pen: Pen, operation_id: OperationId) -> None:
    """When every account has been read or given up: the hash, the estimate, and what was asked."""
    operation = pen.draft.operation(operation_id)
    if operation.plan_hash is not None or operation.unread:
        return
    if operation.plans_as_a_whole and not operation.is_planned:
        if not _plan_as_a_whole(pen, operation):
            return
        operation = pen.draft.operation(operation_id)
    legs = _planned_again(pen, operation)
    pen.write(
        PlanCompleted(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation),),
            operation_id=operation_id,
            plan_hash=plan_hash(legs),
            estimate=estimate(
                legs, {venue: told.capabilities for venue, told in pen.draft.venues.items()}
            ),
        )
    )


def _plan_as_a_whole(pen: Pen, operation: Operation) -> bool:
    """Plan every account at once; False: the plan is not the one that was asked for."""
    request = operation.request
    operation_id = operation.operation_id
    only, others = None, 0
    snapshots = {
        part.account: part.snapshot
        for part in pen.draft.parts_of(operation)
        if part.snapshot is not None
    }
    if request.scope.oldest_only:
        only, others = oldest(snapshots.values(), request.scope)
    plans: dict[AccountRef, tuple[PlannedLeg, ...]] = {}
    total = operation.total
    for account, snapshot in snapshots.items():
        legs = plan_account(
            pen.draft,
            request,
            snapshot,
            pen.capabilities(account.venue),
            issued=_issued(pen.draft.part(operation_id, account)),
            first_number=total + 1,
            only=only.key if only is not None else None,
        )
        plans[account] = legs
        total += len(legs)
    if request.plan_hash is not None:
        made_at = pen.draft.find_plan(request.plan_hash)
        if made_at is None or pen.now.mono - made_at > PLAN_LIFE:
            _finish(pen, operation, "plan_expired", "ask for a new plan with dryRun")
            return False
        if plan_hash(leg for legs in plans.values() for leg in legs) != request.plan_hash:
            _finish(pen, operation, "plan_changed", "the accounts are not as they were planned")
            return False
    for index, (account, legs) in enumerate(plans.items()):
        _write_plan(pen, operation_id, account, legs, others if index == 0 else 0)
    return True


def _planned_again(pen: Pen, operation: Operation) -> list[PlannedLeg]:
    """The plan as it stands in the legs, for its hash and estimate."""
    return [
        PlannedLeg(
            number=leg.number,
            key=leg.key,
            target=leg.target,
            expected=leg.position.signed_quantity,
            quantity=leg.planned,
            cancels=leg.cancels,
            shrinks=leg.shrinks,
            excluded=leg.excluded,
        )
        for number in range(1, operation.total + 1)
        if (leg := pen.draft.find_leg(operation.operation_id, number)) is not None
    ]


# --- starting and ending -----------------------------------------------------------------------


def start_wave(pen: Pen, operation_id: OperationId) -> None:
    """Set the next legs to work: a wave at a time, so that the first order leaves at once."""
    operation = pen.draft.find_operation(operation_id)
    if operation is None or operation.finished or not _may_start(operation):
        return
    first, last = operation.started + 1, min(operation.started + operation.wave, operation.total)
    pen.write(WaveStarted(operation_id, last))
    for number in range(first, last + 1):
        leg = pen.draft.find_leg(operation_id, number)
        if leg is None or leg.outcome is not None:
            continue  # ended before a restart
        if not end_unstarted(pen, operation_id, number):
            look_at(pen, leg.key)


def finish_if_done(pen: Pen, operation_id: OperationId) -> None:
    """End the operation when every account is planned or failed and every leg has ended."""
    operation = pen.draft.find_operation(operation_id)
    if operation is None or operation.finished or operation.plan_hash is None:
        return
    if operation.is_planned and (operation.done == operation.total or operation.request.dry_run):
        _finish(pen, operation)


def _finish(pen: Pen, operation: Operation, error: str | None = None, detail: str = "") -> None:
    tell_of_failure(pen, operation)
    counts = operation.counts
    dust_is_fine = operation.request.dust is Dust.LEAVE
    clean = error is None and not operation.failures

    def all_in(*outcomes: Outcome) -> bool:
        fine = outcomes + ((Outcome.DUST,) if dust_is_fine else ())
        return sum(counts.get(outcome, 0) for outcome in fine) == operation.total

    dry_run = operation.request.dry_run
    circle = circle_of(pen, operation)
    settled = is_over(pen, operation)
    flat = clean and not dry_run and all_in(Outcome.FLAT)
    sequel = sequel_of(pen, operation, flat=flat)
    unplaced = sequel if isinstance(sequel, Refused) else None
    pen.write(
        OperationFinished(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation),),
            operation_id=operation.operation_id,
            success=clean
            and unplaced is None
            and (dry_run or operation.total > 0 or not operation.request.must_match)
            and (dry_run or all_in(Outcome.FLAT, Outcome.REDUCED, Outcome.EXCLUDED)),
            flat=flat,
            counts=counts.copy(),
            proven_at=operation.oldest_proof if clean else None,
            error=error,
            detail=detail,
            unplaced=unplaced.code if unplaced is not None else None,
            unplaced_detail=unplaced.detail if unplaced is not None else "",
            settled=settled,
        )
    )
    for fellow in circle[1:] if settled else ():
        settle(pen, fellow)
    follow(pen, sequel)
