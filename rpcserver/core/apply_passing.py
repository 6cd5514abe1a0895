"""What passing facts do to the state: timers, reads, markets. The other half of `apply`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from rpcserver.core.ledger import lowered
from rpcserver.core.passing import (
    AccountArmed,
    CancelLapsed,
    CeilingLowered,
    KeyRemembered,
    LaneArmed,
    MarketSeen,
    OperationArmed,
    OrderAsked,
    OrderMissed,
    OrderNotFound,
    PartialRemembered,
    Passing,
    PositionDoubted,
    PositionHeard,
    PositionRead,
    PositionTold,
    PositionTraded,
    ReadEnded,
    ReadStarted,
    TradesAsked,
    TradesSeen,
    VenueDescribed,
    WaveStarted,
)
from rpcserver.core.state import (
    Doubt,
    Ended,
    KeyUse,
    Lane,
    OrderState,
    SeenMarket,
    State,
    VenueState,
)
from rpcserver.domain.position import PositionKey


def apply_passing(state: State, fact: Passing) -> None:
    """Let *fact* have happened."""
    match fact:
        case LaneArmed():
            state.lane(fact.lane).wake = fact.wake
            state.arm(fact.lane, fact.wake)
        case PositionRead():
            lane = state.lane(fact.lane)
            lane.ceiling = None
            lane.doubt = None
            lane.stale = False
            lane.proof = fact.taken_at
        case PositionDoubted():
            lane = state.lane(fact.lane)
            lane.doubt = Doubt(quantity=fact.quantity, since=fact.mono)
            _lower(lane, lowered(lane, fact.quantity), state.turn)
        case TradesAsked():
            account = state.account(fact.account)
            account.trades_asked, account.trades_since = fact.mono, fact.since
        case TradesSeen():
            lane = state.lane(fact.lane)
            if lane.doubt is not None:
                lane.doubt = msgspec.structs.replace(lane.doubt, trades_read=True)
        case CeilingLowered():
            lane = state.lane(fact.lane)
            _lower(lane, fact.ceiling, state.turn, fact.at)
            lane.proof = None
        case PositionTold():
            lane = state.lane(fact.lane)
            lane.told, lane.heard_turn = fact.quantity, state.turn
            if lane.doubt is not None and lane.doubt.quantity != fact.quantity:
                lane.doubt = Doubt(quantity=lane.doubt.quantity, since=fact.mono)
        case OrderAsked():
            _mark(state, fact.lane, fact.order, asked_at=fact.mono)
        case OrderNotFound():
            _mark(state, fact.lane, fact.order, absent_at=fact.asked)
            if fact.lane is not None:
                state.lane(fact.lane).proof = None  # the proof must be younger than this answer
        case ReadStarted():
            if fact.operation_id is None:
                account = state.account(fact.account)
                account.reading = True
                account.issued = state.turn
                account.started_at = fact.mono
                account.wake = None
            else:
                part = state.part(fact.operation_id, fact.account)
                part.retry_at, part.issued = None, fact.mono
        case ReadEnded(operation_id=None):
            account = state.account(fact.account)
            account.reading = False
            account.failures = account.failures + 1 if fact.failed else 0
        case ReadEnded(operation_id=operation_id, retry_at=retry_at):
            if operation_id is not None and retry_at is not None:
                part = state.part(operation_id, fact.account)
                part.retry_at = retry_at
                if fact.heard_at is not None:
                    part.heard_at = part.heard_at or fact.heard_at
                    state.operation(operation_id).heard_at = fact.heard_at
        case OperationArmed():
            state.operation(fact.operation_id).wake = fact.wake
            state.arm(fact.operation_id, fact.wake)
        case KeyRemembered():
            state.keys[fact.principal, fact.key] = KeyUse(
                operation_id=fact.operation_id, digest=fact.digest, opened_at=fact.opened_at
            )
        case PartialRemembered():
            state.partials[fact.principal, fact.digest] = Ended(
                operation_id=fact.operation_id, at=fact.ended_at
            )
        case CancelLapsed():
            lane = state.lane(fact.lane)
            if (order := lane.orders.get(fact.order)) is not None:
                lane.orders[fact.order] = msgspec.structs.replace(
                    order, canceling=False, shrink_to=None
                )
        case AccountArmed():
            state.account(fact.account).wake = fact.wake
            state.arm(fact.account, fact.wake)
        case PositionHeard():
            state.note_told(fact.position, fact.quantity, fact.mono)
        case PositionTraded():
            state.note_traded(fact.position, fact.mono)
        case OrderMissed():
            lane = state.lane(fact.lane)
            if (order := lane.orders.get(fact.order)) is not None:
                lane.orders[fact.order] = msgspec.structs.replace(
                    order, state=OrderState.UNKNOWN, sent_at=fact.mono, asked_at=None
                )
                lane.proof = None
        case MarketSeen():
            state.markets[fact.venue, fact.market.instrument] = SeenMarket(
                market=fact.market, seen_at=fact.mono
            )
        case VenueDescribed():
            state.venues[fact.venue] = VenueState(capabilities=fact.capabilities, up=fact.up)
        case WaveStarted():
            operation = state.operation(fact.operation_id)
            operation.started = fact.started
            operation.wave = min(operation.wave * 2, 512)


def _lower(lane: Lane, ceiling: Decimal, turn: int, at: datetime | None = None) -> None:
    """Something says that no more than *ceiling* is there; the lowest word counts, and its turn."""
    if lane.ceiling is None or ceiling < lane.ceiling:
        lane.ceiling, lane.told_turn, lane.told_at = ceiling, turn, at


def _mark(
    state: State,
    lane_key: PositionKey | None,
    name: str,
    *,
    asked_at: float | None = None,
    absent_at: float | None = None,
) -> None:
    """A poll is no change of the position: the turn of the lane stays."""
    if lane_key is None:
        if (loose := state.loose.get(name)) is not None:
            state.put_loose(
                state.loose_accounts[name],
                msgspec.structs.replace(
                    loose,
                    asked_at=asked_at if asked_at is not None else loose.asked_at,
                    absent_at=absent_at if absent_at is not None else loose.absent_at,
                ),
            )
        return
    lane = state.lane(lane_key)
    if (order := lane.orders.get(name)) is not None:
        lane.orders[name] = msgspec.structs.replace(
            order,
            asked_at=asked_at if asked_at is not None else order.asked_at,
            absent_at=absent_at if absent_at is not None else order.absent_at,
        )
