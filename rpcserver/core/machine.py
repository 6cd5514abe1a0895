"""
The core's whole interface: five functions.

```
decide(state, event, now) -> Decision      changes nothing
apply(state, change)                       the only mutation; recovery is a fold of apply
recover(state, now) -> Decision            after the fold: what was alive is asked about, never sent
next_deadline(state) -> mono | None        when to send `Woken`
frames(record)                             what its followers are told (progress.py)
```
"""

from __future__ import annotations

from typing import assert_never

from rpcserver.core.apply import apply
from rpcserver.core.asking import ask
from rpcserver.core.clients import (
    change_unsent,
    order_cancel_requested,
    order_change_requested,
    order_requested,
    order_resolved,
)
from rpcserver.core.decision import Admitted, Decision, Pen, Refused
from rpcserver.core.directives import directive_requested, lift_requested
from rpcserver.core.events import (
    CancelLost,
    CancelRejected,
    CancelRequested,
    CancelUnsent,
    ChangeUnsent,
    DirectiveRequested,
    Event,
    LiftRequested,
    MarketChanged,
    MarketUnread,
    Noticed,
    Now,
    OrderAbsent,
    OrderCancelRequested,
    OrderChangeRequested,
    OrderLost,
    OrderQueryFailed,
    OrderRejected,
    OrderRequested,
    OrderResolved,
    OrderUnsent,
    OrderUpdated,
    PositionChanged,
    Requested,
    SnapshotFailed,
    SnapshotRead,
    TradesFailed,
    TradesRead,
    VenueDown,
    VenueUp,
    Woken,
)
from rpcserver.core.ledger import lowered, position, rests_too_large
from rpcserver.core.leg import look_at
from rpcserver.core.operation import (
    account_verified,
    cancel_requested,
    finish_if_done,
    first_read,
    first_read_failed,
    look_at_operation,
    requested,
    widen_scopes,
)
from rpcserver.core.orders import order_updated, trades_read
from rpcserver.core.passing import (
    AccountArmed,
    CeilingLowered,
    MarketSeen,
    PositionHeard,
    PositionTold,
    VenueDescribed,
)
from rpcserver.core.progress import frames
from rpcserver.core.records import Recovered
from rpcserver.core.sent import (
    cancel_failed,
    order_absent,
    order_lost,
    order_rejected,
    order_unsent,
)
from rpcserver.core.settling import settle_if_over
from rpcserver.core.state import LooseKey, State, Timer
from rpcserver.core.unknown import watch_abandoned
from rpcserver.core.verifying import read_arrived, read_failed, start_read
from rpcserver.domain.ids import AccountRef, OperationId
from rpcserver.domain.position import PositionKey

__all__ = ["apply", "decide", "frames", "next_deadline", "recover"]


def decide(state: State, event: Event, now: Now) -> Decision:
    """What follows from *event*. Pure: *state* is as it was; apply the decision's changes."""
    pen = Pen(state, now)
    reply: Admitted | Refused | None = None
    match event:
        case OrderUpdated():
            _move(pen, order_updated(pen, event))
        case SnapshotRead(operation_id=None):
            _verified(pen, event)
        case SnapshotRead():
            first_read(pen, event)
        case Woken(only=only):
            _woken(pen, only)
        case Requested():
            reply = requested(pen, event)
        case CancelRequested():
            cancel_requested(pen, event)
        case OrderRequested():
            reply = order_requested(pen, event)
        case OrderChangeRequested():
            reply = order_change_requested(pen, event)
        case OrderCancelRequested():
            order_cancel_requested(pen, event)
        case OrderResolved():
            key, reply = order_resolved(pen, event)
            _move(pen, key)
        case DirectiveRequested():
            reply = directive_requested(pen, event)
        case LiftRequested():
            reply = lift_requested(pen, event)
        case SnapshotFailed(operation_id=None):
            read_failed(pen, event.account)
        case SnapshotFailed():
            first_read_failed(pen, event)
        case OrderRejected():
            _move(pen, order_rejected(pen, event))
        case OrderUnsent():
            _move(pen, order_unsent(pen, event))
        case OrderLost():
            _move(pen, order_lost(pen, event))
        case OrderAbsent():
            _move(pen, order_absent(pen, event))
        case CancelRejected() | CancelLost() | CancelUnsent():
            _move(pen, cancel_failed(pen, event))
        case ChangeUnsent():
            change_unsent(pen, event)
        case TradesRead():
            _move(pen, *trades_read(pen, event))
        case PositionChanged():
            _position_changed(pen, event)
        case MarketChanged():
            _market_changed(pen, event)
        case VenueUp():
            _venue_up(pen, event)
        case VenueDown():
            told = pen.capabilities(event.venue)
            pen.write(VenueDescribed(event.venue, told, False))
        case Noticed():
            pen.note(event)
        case OrderQueryFailed() | TradesFailed() | MarketUnread():
            pass  # silence says nothing: the question is asked again when it is due
        case _:
            raise AssertionError(f"no such event: {event!r}")
    _finish(pen)
    return pen.decision(reply)


def recover(state: State, now: Now) -> Decision:
    """
    After the fold: every timer is armed anew. What was alive is asked about before all else.

    It is a step of every operation taken up again: a restart makes unknown what was on its way,
    and whoever folds the operation alone must learn of that (law 37).
    """
    pen = Pen(state, now)
    operations = state.operations.values()
    recovered = Recovered(
        at=now.wall,
        mono=now.mono,
        concerns=tuple(pen.concern(operation) for operation in operations),
        unfinished=sum(not operation.finished for operation in operations),
    )
    return Decision((recovered,), ())


def next_deadline(state: State) -> float | None:
    """When `Woken` is due (monotonic); None: nothing waits for time."""
    return state.next_wake()


def _move(pen: Pen, *keys: PositionKey | None) -> None:
    """Look at lanes that something happened to."""
    for key in keys:
        lane = pen.draft.find_lane(key) if key is not None else None
        if key is None or lane is None:
            continue
        if lane.legs:
            look_at(pen, key)
        else:
            watch_abandoned(pen, key)


def _finish(pen: Pen) -> None:
    """End every operation whose last leg this decision ended, or whose last order."""
    for operation_id in sorted(pen.concerned):
        finish_if_done(pen, operation_id)
        settle_if_over(pen, operation_id)


def _verified(pen: Pen, event: SnapshotRead) -> None:
    moved = read_arrived(pen, event.snapshot)
    touched: set[OperationId] = set()
    for key in moved:
        lane = pen.draft.find_lane(key)
        if lane is None:
            continue
        touched |= {operation_id for operation_id, _ in lane.legs}
        if lane.legs:
            look_at(pen, key)
        else:
            watch_abandoned(pen, key)
    account_verified(pen, event.snapshot, touched)


def _woken(pen: Pen, only: Timer | None) -> None:
    for timer in list(pen.draft.due(pen.now.mono)) if only is None else [only]:
        if isinstance(timer, PositionKey):
            _move(pen, timer)
        elif isinstance(timer, AccountRef):
            if pen.draft.lanes_of(timer):
                start_read(pen, timer)
            else:
                pen.write(AccountArmed(timer, None))
        elif isinstance(timer, LooseKey):
            name = timer.client_order_id
            if (order := pen.draft.loose.get(name)) is not None:
                ask(pen, pen.draft.loose_accounts[name], None, order)
        elif isinstance(timer, str):
            look_at_operation(pen, timer)
        else:
            assert_never(timer)


def _position_changed(pen: Pen, event: PositionChanged) -> None:
    """
    The stream may lag or lead: it lowers what may be sent, and never raises it.

    Whatever it says, a reading that was asked for before and differs is older than that (law 2).
    """
    key, told = event.position.key, event.position.signed_quantity
    if any(not op.is_planned and not op.finished for op in pen.draft.operations.values()):
        pen.write(PositionHeard(key, told, pen.now.mono))
    lane = pen.draft.find_lane(key)
    if lane is None:
        return
    if lane.doubt is not None or pen.draft.account(key.account_ref).reading:
        pen.write(PositionTold(key, told, pen.now.mono))
        lane = pen.draft.lane(key)
    if lane.sign == 0 or told * lane.sign >= position(lane):
        return
    pen.write(CeilingLowered(key, lowered(lane, told), event.position.updated_at))
    if not lane.own_live or rests_too_large(lane):
        _move(pen, key)


def _market_changed(pen: Pen, event: MarketChanged) -> None:
    pen.write(MarketSeen(event.venue, event.market, pen.now.mono))
    instrument = event.market.instrument
    _move(
        pen,
        *(
            key
            for key in pen.draft.lane_keys()
            if key.instrument == instrument and key.venue == event.venue
        ),
    )


def _venue_up(pen: Pen, event: VenueUp) -> None:
    """What happened while it was away is unknown: everything alive there is looked at."""
    pen.write(VenueDescribed(event.venue, event.capabilities, True))
    widen_scopes(pen, event)
    _move(pen, *(key for key in pen.draft.lane_keys() if key.venue == event.venue))
    for name, account in pen.draft.loose_accounts.items():
        if account.venue == event.venue:
            ask(pen, account, None, pen.draft.loose[name])
