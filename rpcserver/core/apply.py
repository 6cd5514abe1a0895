"""
The only mutation: what each record and each passing fact does to the state.

Recovery is a fold of this function. Nothing here decides, and nothing here asserts about what a
venue did: an overfill is arithmetic like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.apply_operations import (
    operation_finished,
    operation_opened,
    scope_widened,
    stop,
)
from rpcserver.core.apply_passing import apply_passing
from rpcserver.core.ledger import (
    closing_side,
    ended,
    filled_by,
    filled_since,
    intended,
    is_overfilled,
    is_told_less,
    learned,
    of_report,
    order_of,
    own_orders,
    resolved,
)
from rpcserver.core.passing import Passing
from rpcserver.core.pruning import Pruned
from rpcserver.core.rearm import rearm
from rpcserver.core.recording import RecordBase, Removal
from rpcserver.core.records import (
    AccountFailed,
    AccountReopened,
    CancelIntended,
    ChangeIntended,
    ChangeWithdrawn,
    FencePassed,
    FenceRaised,
    FillCounted,
    GateClosed,
    GateOpened,
    LegEnded,
    Noted,
    OperationCancelled,
    OperationExpired,
    OperationFinished,
    OperationOpened,
    OperationPlanned,
    OperationSettled,
    OrderEnded,
    OrderIntended,
    OrderKnown,
    OrderUnknown,
    PlanCompleted,
    PlannedLeg,
    PositionAdopted,
    Record,
    Recovered,
    Resolved,
    ScopeWidened,
    SnapshotTaken,
)
from rpcserver.core.report import AccountFailure, Outcome
from rpcserver.core.standing import DirectiveLifted, DirectiveSet
from rpcserver.core.state import (
    Doubt,
    Lane,
    LedgerOrder,
    Leg,
    Operation,
    OrderState,
    Reading,
    SeenMarket,
    State,
)
from rpcserver.domain.ids import AccountRef, OperationId, PositionId, VenueOrderId
from rpcserver.domain.order import ZERO, OrderReport, RejectReason
from rpcserver.domain.position import Position, PositionKey

Change = Record | Passing


def apply(state: State, change: Change) -> None:
    """Let *change* have happened."""
    state.turn += 1
    if not isinstance(change, RecordBase):  # one class; what passes are many
        apply_passing(state, change)
        return
    for concern in change.concerns:
        if state.find_operation(concern.operation_id) is not None:
            state.operation(concern.operation_id).seq = concern.seq
    lane_key = getattr(change, "lane", None)
    if lane_key is not None and state.find_lane(lane_key) is None:
        if isinstance(change, LegEnded):
            _leg_ended(state, change)
        return  # a fold of what is unfinished meets records of lanes that are no more
    match change:
        case FillCounted():
            _fill_counted(state, change)
        case OrderIntended():
            _order_intended(state, change)
        case LegEnded():
            _leg_ended(state, change)
        case OrderKnown():
            _order_known(state, change)
        case OrderEnded():
            _order_ended(state, change)
        case OrderUnknown(lane=lane, client_order_id=name):
            _update(
                state,
                change.account,
                lane,
                name,
                change.mono,
                lambda o: _lost(o, change.mono),
            )
            if lane is not None:
                _hold_back(state.lane(lane), change)
                if change.retry_after:
                    state.patience[lane] = state.lane(lane).not_before
        case CancelIntended(lane=lane, venue_order_id=name):
            if lane is not None:
                _update(
                    state,
                    change.account,
                    lane,
                    name,
                    change.mono,
                    lambda o: msgspec.structs.replace(
                        o, canceling=True, cancel_at=change.mono, swept=True
                    ),
                )
        case FenceRaised():
            lane_at = state.lane(change.lane)
            lane_at.fence_until = change.deadline
            lane_at.sweeps += 1
            lane_at.proof = None
            lane_at.changed = state.turn
            _raise_fence(lane_at, change)
        case FencePassed():
            lane_at = state.lane(change.lane)
            lane_at.fence_until = None
            lane_at.fence_override = change.how == "override"
        case PositionAdopted():
            _position_adopted(state, change)
        case OperationOpened():
            operation_opened(state, change)
        case SnapshotTaken(after=False):
            operation = state.operation(change.operation_id)
            operation.unread -= 1
            operation.heard_at = change.mono
            part = state.part(change.operation_id, change.account)
            part.reading, part.snapshot, part.retry_at = Reading.READ, change, None
        case AccountFailed():
            operation = state.operation(change.operation_id)
            part = state.part(change.operation_id, change.account)
            operation.unread -= part.reading is Reading.READING
            operation.unplanned -= 1
            part.reading, part.snapshot, part.retry_at = Reading.FAILED, None, None
            operation.failures += (
                AccountFailure(
                    account=change.account.account,
                    venue=change.account.venue,
                    detail=change.detail,
                ),
            )
        case ScopeWidened():
            scope_widened(state, change)
        case AccountReopened():
            operation = state.operation(change.operation_id)
            operation.unread += 1
            operation.unplanned += 1
            part = state.part(change.operation_id, change.account)
            operation.heard_at = change.mono
            part.reading, part.retry_at = Reading.READING, change.mono
            part.heard_at = None
            part.reopened += 1
        case OperationPlanned():
            _operation_planned(state, change)
        case PlanCompleted():
            operation = state.operation(change.operation_id)
            operation.plan_hash = change.plan_hash
            operation.estimate = change.estimate
            if operation.request.dry_run:
                state.plans[change.plan_hash] = change.mono
        case OperationCancelled():
            stop(state.operation(change.operation_id), Outcome.CANCELLED, change)
        case OperationExpired():
            stop(state.operation(change.operation_id), Outcome.PARTIAL, change)
        case OperationFinished():
            operation_finished(state, change)
        case OperationSettled():
            state.drop_operation(change.operation_id)
        case GateClosed():
            state.lane(change.lane).gated = True
        case GateOpened():
            if not state.lane(change.lane).legs:
                state.drop_lane(change.lane)
        case Resolved(lane=lane, client_order_id=name):
            state.drop_loose(name)
            if lane is not None:
                _update(
                    state,
                    lane.account_ref,
                    lane,
                    name,
                    change.mono,
                    lambda o: resolved(o, change),
                )
        case Recovered():
            rearm(state, change)
        case DirectiveSet() | DirectiveLifted():
            state.note_directive(change)
        case ChangeIntended() | ChangeWithdrawn():
            pass  # what becomes of it the venue tells, if it left
        case SnapshotTaken() | Noted() | Pruned():
            pass  # evidence, not state


# --- operations --------------------------------------------------------------------------------


def _operation_planned(state: State, planned: OperationPlanned) -> None:
    operation = state.operation(planned.operation_id)
    part = state.part(planned.operation_id, planned.account)
    snapshot = part.snapshot
    assert snapshot is not None, "what is planned was read"
    positions = {position.key: position for position in snapshot.positions}
    if planned.last:
        operation.unplanned -= 1
        part.reading, part.snapshot = Reading.PLANNED, None
    if not part.open_legs:
        if part.last >= part.first:
            part.earlier += ((part.first, part.last),)
        part.first = operation.total + 1
    operation.total += len(planned.legs)
    part.last = operation.total
    part.open_legs += len(planned.legs)
    if planned.last and not part.last:
        _prove(operation, snapshot.taken_at)  # nothing there to close: the reading says so
    operation.more_matches += planned.more_matches
    orders: dict[PositionKey, list[OrderReport]] = {}
    for order in snapshot.orders:
        orders.setdefault(_key_of(planned.account, order), []).append(order)
    for leg in planned.legs:
        position = positions.get(leg.key) or _flat(leg.key, snapshot)
        at_work = state.find_lane(leg.key)
        instrument = at_work.instrument if at_work else snapshot.instruments[leg.key.instrument]
        state.add_leg(
            Leg(
                operation_id=planned.operation_id,
                number=leg.number,
                key=leg.key,
                position=position,
                instrument=instrument,
                market=snapshot.markets.get(leg.key.instrument),
                target=leg.target,
                planned=leg.quantity,
                cancels=leg.cancels,
                shrinks=dict(leg.shrinks),
                excluded=leg.excluded,
                joined=leg.joined,
                below_minimum=leg.below_minimum,
                remaining=leg.expected,
            )
        )
        if not (operation.request.dry_run or leg.excluded):
            _enter_lane(state, planned, leg, snapshot, orders.get(leg.key, []))


def _enter_lane(
    state: State,
    planned: OperationPlanned,
    leg: PlannedLeg,
    snapshot: SnapshotTaken,
    orders: list[OrderReport],
) -> None:
    instrument = leg.key.instrument
    if state.find_lane(leg.key) is None:
        state.add_lane(
            Lane(
                key=leg.key,
                instrument=snapshot.instruments[instrument],
                base=leg.expected,
                expected=leg.expected,
                changed=state.turn,
                stale=leg.unsettled,
                doubt=Doubt(quantity=leg.expected, since=planned.mono) if leg.unsettled else None,
                not_before=state.patience.get(leg.key, 0.0),
            )
        )
    lane = state.lane(leg.key)
    lane.legs += ((planned.operation_id, leg.number),)
    _share(state, lane, planned.operation_id)
    lane.proof = None
    if (market := snapshot.markets.get(instrument)) is not None:
        state.markets[leg.key.venue, instrument] = SeenMarket(market=market, seen_at=planned.mono)
    for report in orders:
        if order_of(lane, report.client_order_id, report.venue_order_id) is None:
            # One whose cancel is under way already, and that is in our way, goes for our sake, too.
            in_our_way = report.venue_order_id in {*leg.cancels, *leg.shrinks}
            is_swept = report.cancel_pending and in_our_way
            order = msgspec.structs.replace(of_report(report), swept=is_swept)
            lane.orders[order.key] = order
            state.index_order(leg.key, order)
    for name, order in list(state.loose.items()):
        # A client's order that was on its way when the plan was made counts in full (law 9).
        if (
            order.request is not None
            and state.loose_accounts[name] == leg.key.account_ref
            and order.request.instrument == instrument
            and order.request.holding == leg.key.holding
            and name not in lane.orders
            and order.venue_order_id not in lane.orders
        ):
            # What it filled may be in the position already: its next fill is read, not reckoned.
            lane.orders[name] = msgspec.structs.replace(order, blurred=True)
            state.index_order(leg.key, order)


def _share(state: State, lane: Lane, operation_id: OperationId) -> None:
    """An operation goes to work in *lane*: it and whoever did before are fellows from now on."""
    for name in lane.owners:
        if name != operation_id and state.find_operation(name) is not None:
            _befriend(state.operation(name), operation_id)
            _befriend(state.operation(operation_id), name)
    if operation_id not in lane.owners:
        lane.owners += (operation_id,)


def _befriend(operation: Operation, fellow: OperationId) -> None:
    if fellow not in operation.fellows:
        operation.fellows += (fellow,)


def _prove(operation: Operation, at: datetime) -> None:
    """An operation is as old as its oldest proof."""
    oldest = operation.oldest_proof
    operation.oldest_proof = min(oldest, at) if oldest else at


def _leg_ended(state: State, record: LegEnded) -> None:
    leg = state.leg(record.operation_id, record.number)
    leg.outcome = record.outcome
    leg.reason, leg.detail = record.reason, record.detail
    leg.remaining = record.remaining
    leg.unprotected = record.unprotected
    leg.proven_at = record.proven_at
    operation = state.operation(record.operation_id)
    operation.done += 1
    operation.counts[record.outcome] = operation.counts.get(record.outcome, 0) + 1
    state.part(record.operation_id, record.lane.account_ref).open_legs -= 1
    if record.proven_at is not None:
        _prove(operation, record.proven_at)
    if state.find_lane(record.lane) is None:
        return  # it was excluded: no lane was ever entered
    lane = state.lane(record.lane)
    leg.canceled = lane.canceled
    leg.orders = own_orders(lane)
    lane.legs = tuple(at for at in lane.legs if at != (record.operation_id, record.number))
    if not lane.legs and not lane.own_live:
        state.drop_lane(record.lane)


# --- orders ------------------------------------------------------------------------------------


def _order_intended(state: State, intent: OrderIntended) -> None:
    if intent.lane is None:
        state.put_loose(intent.account, intended(intent, state.loose.get(_name(intent))))
        return
    lane = state.lane(intent.lane)
    order = intended(intent, lane.orders.get(_name(intent)), turn=state.turn)
    lane.orders[order.key] = order
    lane.changed = state.turn
    lane.proof = None
    if intent.operation_id is not None:
        if not lane.started:
            lane.started, lane.started_at = True, intent.mono
        lane.attempts = max(lane.attempts, intent.attempt)
        lane.rejected = None
        for at in lane.legs:
            state.leg(*at).sent = True
    state.index_order(intent.lane, order)


def _fill_counted(state: State, counted: FillCounted) -> None:
    name = counted.client_order_id or counted.venue_order_id
    _update_loose(state, counted.account, name, lambda order: filled_by(order, counted))
    if counted.lane is None:
        return
    lane = state.lane(counted.lane)
    before = order_of(lane, counted.client_order_id, counted.venue_order_id)
    _note_removal(lane, name, counted.removed)
    if before is None:
        lane.expected = counted.expected  # a fold of one operation alone: it was another's
        return
    after = filled_by(before, counted)
    lane.doubt = None
    _replace(state, lane, before, after, counted.mono, filled_since(lane, before, counted.fills))
    if after.operation_id is not None:
        lane.overfilled |= is_overfilled(before, after)
        if after.filled > before.filled:
            lane.fruitless = 0
        elif not after.is_live and not before.canceling:
            _back_off(lane, before, counted.mono)
    _release(state, lane)


def _order_known(state: State, known: OrderKnown) -> None:
    report = known.report
    name = report.client_order_id or report.venue_order_id
    if known.lane is not None:
        lane = state.lane(known.lane)
        if order_of(lane, report.client_order_id, report.venue_order_id) is None:
            # Somebody's, found working where we want nothing to work; or an old one of ours, of
            # which the news is late: the position may hold what the next news says it filled.
            order = msgspec.structs.replace(of_report(report), blurred=True)
            lane.orders[order.key] = order
            lane.changed = state.turn
            lane.proof = None
            state.index_order(known.lane, order)
            return
    _update(
        state,
        known.account,
        known.lane,
        name,
        known.mono,
        lambda order: learned(order, report),
    )


def _hold_back(lane: Lane, unknown: OrderUnknown) -> None:
    """A copy of what may live was not taken: the next one waits for what the venue said of it."""
    if unknown.reason is not None:
        lane.rejected, lane.rejected_at = unknown.reason, unknown.mono
    lane.not_before = max(lane.not_before, unknown.mono + unknown.retry_after)


def _order_ended(state: State, record: OrderEnded) -> None:
    name = record.client_order_id or record.venue_order_id
    assert name is not None
    state.drop_loose(name)
    if record.lane is None:
        return
    lane = state.lane(record.lane)
    before = order_of(lane, record.client_order_id, record.venue_order_id)
    _note_removal(lane, name, record.removed)
    if before is None:
        return
    after = ended(before, record)
    _replace(state, lane, before, after, record.mono)
    if before.operation_id is not None:
        lane.rejected, lane.reject_detail = record.reason, record.detail
        lane.rejected_at = record.mono
        lane.limits_only |= record.reason is RejectReason.MARKET_ORDERS_BANNED
        if after.filled == 0 and not before.canceling:
            _back_off(lane, before, record.mono, record.retry_after)
        if record.retry_after:
            state.patience[lane.key] = lane.not_before  # whoever comes next gives it, too
    _release(state, lane)


def _update(
    state: State,
    account: AccountRef,
    lane_key: PositionKey | None,
    name: str,
    mono: float,
    change: Callable[[LedgerOrder], LedgerOrder],
) -> None:
    """Replace one order of a ledger, or of the clients' own, by what *change* makes of it."""
    _update_loose(state, account, name, change)
    if lane_key is None:
        return
    lane = state.lane(lane_key)
    before = order_of(lane, name, name)
    if before is None:
        return
    _replace(state, lane, before, change(before), mono)


def _update_loose(
    state: State, account: AccountRef, name: str, change: Callable[[LedgerOrder], LedgerOrder]
) -> None:
    """A client's own order is remembered beside the lanes that take it in: it outlives them."""
    if (loose := state.loose.get(name)) is None:
        return
    after = change(loose)
    if after.is_live:
        state.put_loose(account, after)
    else:
        state.drop_loose(name)


def _replace(
    state: State,
    lane: Lane,
    before: LedgerOrder,
    after: LedgerOrder,
    mono: float,
    since: Decimal = ZERO,
) -> None:
    """
    Put *after* in its place in the ledger, and let what it filled meanwhile count (law 5).

    *since*: what of it was filled after something had said that the position is smaller.
    """
    shown_as = after.venue_order_id if before.venue_order_id is None else None
    if shown_as not in (None, before.key) and lane.orders.pop(shown_as, None) is not None:
        # A nameless order that a reading showed turns out to be this one: it counts once.
        before = msgspec.structs.replace(before, blurred=True)
    lane.orders[before.key] = after
    lane.changed = state.turn
    lane.proof = None
    taken = after.filled - before.filled
    if before.blurred and taken:
        # The position may hold this already, and readings may lag it: they must repeat (law 40).
        lane.stale = True
        lane.doubt = Doubt(quantity=lane.expected, since=mono)
    else:
        _lower_ceiling(lane, before, taken, since)
        lane.expected += taken * before.side.sign
    if after.operation_id is not None:
        for at in lane.legs:
            leg = state.leg(*at)
            leg.closed += taken
            leg.value += after.value - before.value
            leg.fees += after.fees - before.fees
            leg.realized += after.realized - before.realized
    for at in lane.legs:
        state.leg(*at).remaining = lane.expected
    state.index_order(lane.key, after)


def _lower_ceiling(lane: Lane, order: LedgerOrder, taken: Decimal, since: Decimal) -> None:
    """
    What our own order took off, where something had said that the position is smaller.

    Of an order that was on its way just then, that may have been the very reason; of one that was
    sent since, or of what it filled *since* by the venue's own clock, it cannot (laws 2 and 14).
    """
    if lane.ceiling is None or not is_told_less(lane) or order.side is not closing_side(lane):
        return
    if order.turn <= lane.told_turn and lane.ceiling >= abs(lane.expected) - taken:
        taken = min(since, taken)
    lane.ceiling = max(lane.ceiling - taken, ZERO)


def _back_off(lane: Lane, order: LedgerOrder, mono: float, retry_after: float = 0.0) -> None:
    """
    An attempt that filled nothing: the next one waits, longer each time (laws 28, 29).

    Slices that were on their way together are one attempt, however many of them are refused.
    """
    wait = max(retry_after, min(0.1 * 2 ** min(lane.fruitless, 6), 5.0))
    lane.not_before = max(lane.not_before, mono + wait)  # another one's patience is not cut short
    if order.sent_at >= lane.backed_off_at:
        lane.fruitless += 1
        lane.backed_off_at = mono


def _note_removal(lane: Lane, name: str, removed: Removal | None) -> None:
    """Remember what was canceled on the way, and whether it protected the position."""
    if removed is not None:
        lane.canceled += (VenueOrderId(name),)  # as its owner knows it
        lane.unprotected = lane.unprotected or removed is Removal.GUARD


def _release(state: State, lane: Lane) -> None:
    """An abandoned lane that nothing can change any more is let go by GateOpened, not here."""
    if lane.gated and not lane.own_live:
        lane.wake = 0.0
        state.arm(lane.key, lane.wake)


def _raise_fence(lane: Lane, fence: FenceRaised) -> None:
    for name, order in lane.orders.items():
        if order.venue_order_id is None:
            continue
        if order.venue_order_id in fence.cancels:
            lane.orders[name] = msgspec.structs.replace(
                order,
                canceling=True,
                shrink_to=None,
                swept=True,
                cancel_at=fence.mono,
                sent_at=fence.mono,
                asked_at=fence.mono,
            )
        elif order.venue_order_id in fence.shrinks:
            lane.orders[name] = msgspec.structs.replace(
                order,
                canceling=True,
                cancel_at=fence.mono,
                shrink_to=fence.shrinks[order.venue_order_id],
                sent_at=fence.mono,
                asked_at=fence.mono,
            )


def _lost(order: LedgerOrder, mono: float) -> LedgerOrder:
    """It left no later than now: from now on it must show itself within the settle time."""
    if not order.is_live:
        return order
    return msgspec.structs.replace(
        order, state=OrderState.UNKNOWN, sent_at=mono, asked_at=None, absent_at=None
    )


def _name(intent: OrderIntended) -> str:
    return intent.order.client_order_id


def _key_of(account: AccountRef, order: OrderReport) -> PositionKey:
    return PositionKey(
        account.venue, account.account, order.instrument, order.holding, order.product
    )


def _flat(key: PositionKey, snapshot: SnapshotTaken) -> Position:
    """A leg without a position: only its working orders are of interest."""
    return Position(
        position_id=PositionId(""),
        venue=key.venue,
        account=key.account,
        instrument=key.instrument,
        holding=key.holding,
        product=key.product,
        signed_quantity=ZERO,
        average_price=ZERO,
        opened_at=snapshot.taken_at,
        updated_at=snapshot.taken_at,
    )


def _position_adopted(state: State, adopted: PositionAdopted) -> None:
    lane = state.lane(adopted.lane)
    lane.base = lane.expected = adopted.quantity
    lane.ceiling = None
    lane.doubt = None
    lane.stale = False
    lane.proof = adopted.taken_at
    for name, order in lane.orders.items():
        if order.is_live:
            lane.orders[name] = msgspec.structs.replace(order, blurred=True)
    for at in lane.legs:
        state.leg(*at).remaining = adopted.quantity
