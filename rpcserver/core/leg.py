"""
What a leg does next. The heart of the project: everything that closes a position is decided here.

A leg's work happens in its lane, and is decided by looking, not by remembering where one was:
after every event the lane is looked at, and the first thing below that is not yet so is done.

1. Orders whose fate is unknown are asked about (law 7), never resent blindly.
2. After a restart the account is read before anything is sent (law 24).
3. What conflicts with the close is canceled or shrunk, and waited for: the fence (law 3).
4. A read that disagrees with the ledger is doubted until it repeats (laws 14 and 40).
5. What may be sent is sent: the reservation of `ledger.closable` (laws 1, 2, 9, 38).
6. What lives is followed: asked about, repriced along its ladder (laws 12, 28).
7. The venue is read, after everything else, and only then the leg ends (law 18).

A lane that was stopped (its operations were cancelled or their deadline passed) sends nothing,
cancels what lives, and waits a bounded time for proof (law 39).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from rpcserver.core.asking import ask_about_orders, cancel, take_back
from rpcserver.core.commands import ReadMarket, SubmitOrder
from rpcserver.core.decision import Pen
from rpcserver.core.ending import (
    conclude,
    end_legs,
    in_the_way,
    legs_at_work,
    missed_orders,
)
from rpcserver.core.fence import pass_fence
from rpcserver.core.ledger import closable, closing_side, rests_too_large
from rpcserver.core.opening import MARKET_POLL, takes_no_orders, watch_market
from rpcserver.core.passing import LaneArmed
from rpcserver.core.pricing import (
    NeedsMarket,
    Unpriced,
    next_step_after,
    price_of,
    step_of,
    takes_market_orders,
)
from rpcserver.core.records import (
    OrderIntended,
)
from rpcserver.core.report import Outcome
from rpcserver.core.state import Lane, LedgerOrder, Leg, Operation, OrderState
from rpcserver.core.unknown import resolve_doubt, settle_unknown
from rpcserver.core.verifying import want_read
from rpcserver.domain.capabilities import ReduceOnly
from rpcserver.domain.ids import client_order_id
from rpcserver.domain.order import (
    ZERO,
    OrderRequest,
    OrderType,
    RejectReason,
    TimeInForce,
)
from rpcserver.domain.position import PositionKey

PROOF_SECONDS = 5.0  # how long a stopped lane waits for the proof of what it left
FRUITLESS_MAX = 8  # attempts in a row that filled nothing
ATTEMPTS_MAX = 500
SLICES_AT_ONCE = 20
LOOK_INTERVAL = 1.0  # seconds between readings that might show what rests to be too large

_TRANSIENT = frozenset(
    # Refusals that the same close may survive: time, another leg, or another price may help.
    {
        RejectReason.INSUFFICIENT_MARGIN,
        RejectReason.PRICE_OUT_OF_BAND,
        RejectReason.REDUCE_ONLY,
        RejectReason.NO_LIQUIDITY,
        RejectReason.MARKET_ORDERS_BANNED,
        RejectReason.DUPLICATE_ID,
        RejectReason.MARKET_CLOSED,
    }
)
_REFUSALS_MAX = 4


class _Wait(NamedTuple):
    """Nothing is sent for now. `until` None: something else will happen first."""

    until: float | None


def look_at(pen: Pen, key: PositionKey) -> None:
    """Do the next thing for the lane, and arm it for the time after."""
    if pen.draft.find_lane(key) is None:
        return
    lane = pen.draft.lane(key)
    asked = ask_about_orders(pen, lane)
    wake = _next(pen, lane)
    if pen.draft.find_lane(key) is None:
        return
    wakes = [at for at in (asked, wake) if at is not None]
    earliest = min(wakes, default=None)
    if earliest != lane.wake:
        pen.write(LaneArmed(key, earliest))


def driving(working: list[tuple[Operation, Leg]]) -> tuple[Operation, Leg]:
    """The leg that says how: the target nearest zero; of equals a plain market close, the last."""

    def urgency(at: tuple[int, tuple[Operation, Leg]]) -> tuple[Decimal, bool, int]:
        index, (operation, leg) = at
        execution = operation.request.execution
        return (abs(leg.target), bool(execution.limit_prices or execution.ladder), -index)

    return min(enumerate(working), key=urgency)[1]


def _next(pen: Pen, lane: Lane) -> float | None:
    """One step; when to look again, or None: something will happen first."""
    legs = legs_at_work(pen, lane)
    if not legs:
        return None
    working = [(operation, leg) for operation, leg in legs if operation.stopped is None]
    if not working:
        return _stop(pen, lane, legs)
    left = _let_go(pen, lane, legs)
    _take_back(pen, lane)
    wake = _work(pen, lane, working)
    return min((at for at in (left, wake) if at is not None), default=None)


def _work(pen: Pen, lane: Lane, working: list[tuple[Operation, Leg]]) -> float | None:
    """The first thing that is not yet so."""
    begun = [(operation, leg) for operation, leg in working if leg.number <= operation.started]
    if not begun:
        return None
    operation, leg = driving(begun)
    if lane.stale and missed_orders(lane):
        return None  # they are asked about
    if lane.stale:
        return want_read(pen, lane) if lane.doubt is None else resolve_doubt(pen, lane)
    if (wake := pass_fence(pen, lane, begun)) is not None:
        return wake
    if lane.overfilled:
        return _give_up(pen, lane, Outcome.PARTIAL, "overfilled")
    if any(order.state is OrderState.UNKNOWN for order in lane.own_live):
        return settle_unknown(pen, lane, (operation, leg))
    if missed_orders(lane):
        return None  # they may have filled: they are asked about
    if lane.doubt is not None and not lane.in_play:
        return resolve_doubt(pen, lane)
    if lane.expected * leg.target < 0:
        return _give_up(pen, lane, Outcome.PARTIAL, "position_flipped")
    quantity = _sendable(pen, lane, leg)
    if quantity > 0:
        return _send(pen, lane, operation, leg, quantity)
    if own := lane.own_live:
        if rests_too_large(lane):
            return _look_again(pen, lane)
        return _follow(pen, lane, operation, own)
    if in_the_way(pen, lane, begun):
        return None  # they are asked about; the deadline ends the wait
    if lane.proof is None:
        return want_read(pen, lane)
    conclude(pen, lane)
    return None


# --- sending -----------------------------------------------------------------------------------


def _sendable(pen: Pen, lane: Lane, leg: Leg) -> Decimal:
    """What may be sent now, in whole lots; below the smallest order it is nothing (law 11)."""
    if lane.sign == 0:
        return ZERO
    free = closable(lane, leg.target, pen.capabilities(lane.key.venue))
    quantity = lane.instrument.round_down(free)
    return quantity if quantity >= lane.instrument.minimum else ZERO


def _send(pen: Pen, lane: Lane, operation: Operation, leg: Leg, quantity: Decimal) -> float | None:
    if (wait := _not_yet(pen, lane, operation)) is not None:
        return wait.until
    side = closing_side(lane)
    elapsed = pen.now.mono - lane.started_at if lane.started else 0.0
    step = step_of(operation.request, elapsed)
    seen = pen.draft.find_market(lane.key.venue, lane.key.instrument)
    price = price_of(operation.request, lane, side, step, seen, pen.now.mono)
    if isinstance(price, Unpriced):
        return _give_up(pen, lane, Outcome.REJECTED, "limit_price_missing")
    if isinstance(price, NeedsMarket):
        pen.order(ReadMarket(venue=lane.key.venue, instrument=lane.key.instrument))
        return pen.now.mono + MARKET_POLL
    capabilities = pen.capabilities(lane.key.venue)
    largest = lane.instrument.maximum or quantity
    for _ in range(1 if lane.fruitless else SLICES_AT_ONCE):  # after a refusal one asks for all
        slice_ = min(quantity, largest)
        if slice_ < lane.instrument.minimum:
            break
        attempt = lane.attempts + 1
        order = OrderRequest(
            client_order_id=client_order_id(operation.operation_id, leg.number, attempt),
            account=lane.key.account,
            instrument=lane.key.instrument,
            side=side,
            quantity=slice_,
            type=price.type,
            limit_price=price.limit,
            time_in_force=(TimeInForce.IOC if price.type is OrderType.MARKET else TimeInForce.GTC),
            # A second belt, never the proof; a spot balance has nothing to flip into.
            reduce_only=(
                capabilities.reduce_only is not ReduceOnly.NONE and lane.instrument.base is None
            ),
            holding=lane.key.holding,
            product=lane.key.product,
            tag=operation.request.scope.strategy_tag,
        )
        pen.write(
            OrderIntended(
                at=pen.now.wall,
                mono=pen.now.mono,
                concerns=pen.concerns(lane),
                account=lane.key.account_ref,
                order=order,
                lane=lane.key,
                operation_id=operation.operation_id,
                attempt=attempt,
                step=price.step,
            )
        )
        pen.order(SubmitOrder(account=lane.key.account_ref, order=order, exit=True))
        quantity -= slice_
    return _next_step(lane, operation, price.step)


def _not_yet(pen: Pen, lane: Lane, operation: Operation) -> _Wait | None:
    """Why nothing may be sent now; gives the lane up where there is no next attempt."""
    if takes_no_orders(pen, lane):
        return _Wait(_market_closed(pen, lane))
    if lane.rejected is not None and (
        lane.rejected not in _TRANSIENT
        or lane.fruitless > _REFUSALS_MAX
        or (lane.rejected is RejectReason.PRICE_OUT_OF_BAND and _is_fixed(operation))
    ):
        return _Wait(_give_up(pen, lane, Outcome.REJECTED, lane.rejected.value))
    if lane.fruitless >= FRUITLESS_MAX or lane.attempts >= ATTEMPTS_MAX:
        return _Wait(_give_up(pen, lane, Outcome.PARTIAL, "attempts_exhausted"))
    if pen.now.mono < lane.not_before:
        return _Wait(lane.not_before)
    if lane.rejected is RejectReason.REDUCE_ONLY and lane.proof is None:
        return _Wait(want_read(pen, lane))  # it may be smaller than we think
    return None


def _market_closed(pen: Pen, lane: Lane) -> float | None:
    """A closed market is waited out where the request says so; nothing is stormed (law 31)."""
    waits = [
        operation for operation, _ in legs_at_work(pen, lane) if operation.request.wait_for_open
    ]
    if not waits:
        outcome = Outcome.PARTIAL if _has_filled(lane) else Outcome.WAITING_MARKET
        return _give_up(pen, lane, outcome, "market_closed")
    return watch_market(pen, lane)


def _has_filled(lane: Lane) -> bool:
    return any(order.filled > 0 for order in lane.orders.values() if order.operation_id is not None)


def _is_fixed(operation: Operation) -> bool:
    return bool(operation.request.execution.limit_prices)


# --- following ---------------------------------------------------------------------------------


def _follow(pen: Pen, lane: Lane, operation: Operation, own: list[LedgerOrder]) -> float | None:
    """Reprice what rests when its next rung is due, or when someone more urgent has joined."""
    request = operation.request
    elapsed = pen.now.mono - lane.started_at
    step = step_of(request, elapsed)
    at_market = not request.execution.limit_prices and not request.execution.ladder
    seen = pen.draft.find_market(lane.key.venue, lane.key.instrument)
    # In an auction a limit stands in for the market order: it rests until one would be taken.
    to_market = at_market and takes_market_orders(lane, seen)
    for order in own:
        outdated = order.step < step or to_market
        if order.type is not OrderType.MARKET and outdated:
            cancel(pen, lane, order, "repriced")
    return _next_step(lane, operation, step)


def _look_again(pen: Pen, lane: Lane) -> float | None:
    """Something says that less is held than rests: a reading that agrees gets it canceled."""
    at = pen.draft.account(lane.key.account_ref).started_at + LOOK_INTERVAL
    if pen.now.mono < at:
        return at
    return want_read(pen, lane)


def _next_step(lane: Lane, operation: Operation, step: int) -> float | None:
    after = next_step_after(operation.request, step)
    return lane.started_at + after if after is not None else None


# --- stopping ----------------------------------------------------------------------------------


def _let_go(pen: Pen, lane: Lane, legs: list[tuple[Operation, Leg]]) -> float | None:
    """Where others go on, a stopped leg ends when its own orders have, or in a bounded time."""
    wakes = []
    for operation, leg in legs:
        if operation.stopped is None:
            continue
        until = operation.stopped_at + PROOF_SECONDS
        own = [o for o in lane.own_live if o.operation_id == operation.operation_id]
        if own and pen.now.mono < until:
            wakes.append(until)
            for order in own:
                cancel(pen, lane, order, "stopped")
        else:
            end_legs(pen, lane, only=leg)
    return min(wakes, default=None)


def _take_back(pen: Pen, lane: Lane) -> None:
    """What an operation that has ended left behind fills for nobody: it is canceled (law 39)."""
    owners = {operation_id for operation_id, _ in lane.legs}
    for order in lane.own_live:
        if order.operation_id not in owners:
            take_back(pen, lane, order)


def _stop(pen: Pen, lane: Lane, legs: list[tuple[Operation, Leg]]) -> float | None:
    """Nothing new is sent; what lives is canceled and followed to its proof (law 39)."""
    until = max(operation.stopped_at for operation, _ in legs) + PROOF_SECONDS
    untouched = not lane.attempts and not lane.sweeps
    if pen.now.mono >= until or untouched:
        end_legs(pen, lane)
        return None
    for order in lane.own_live:
        cancel(pen, lane, order, "stopped")
    if lane.own_live:
        wake = settle_unknown(pen, lane, None)
        return until if wake is None else min(wake, until)
    if lane.doubt is not None:
        wake = resolve_doubt(pen, lane)
        return until if wake is None else min(wake, until)
    if lane.proof is None:
        wake = want_read(pen, lane)
        return until if wake is None else min(wake, until)
    if missed_orders(lane):
        return until  # what became of somebody's order is being asked: its answer ends the wait
    end_legs(pen, lane)
    return None


def _give_up(pen: Pen, lane: Lane, outcome: Outcome, reason: str) -> float | None:
    """End what cannot be reached; what was touched is read once more before."""
    if lane.own_live:
        for order in lane.own_live:
            cancel(pen, lane, order, reason)
        return None
    touched = bool(lane.attempts or lane.sweeps)
    if touched and lane.doubt is not None:
        return resolve_doubt(pen, lane)
    if touched and lane.proof is None:
        return want_read(pen, lane)
    end_legs(pen, lane, missed=(outcome, reason))
    return None
