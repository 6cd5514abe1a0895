"""
The plan: from what an account holds to legs with absolute targets (law 38), cancels and sizes.

Positions and orders are filtered by the same rules (`scoping.py`) from the same reading, and what
no rule selects is not touched (law 13).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from hashlib import sha256

import msgspec

from rpcserver.core.records import PlannedLeg, SnapshotTaken
from rpcserver.core.requests import Amount, CloseRequest, Rounding, Scope
from rpcserver.core.scoping import is_excluded, selects, takes_orders
from rpcserver.core.state import Lane, State
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.ids import AccountRef, InstrumentId, OperationId, VenueOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO, OrderReport, OrderType
from rpcserver.domain.position import Position, PositionKey

_STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


def plan_account(
    state: State,
    request: CloseRequest,
    snapshot: SnapshotTaken,
    capabilities: Capabilities,
    *,
    issued: float,
    first_number: int,
    only: PositionKey | None = None,
    without: Collection[PositionKey] = (),
) -> tuple[PlannedLeg, ...]:
    """
    The legs of one account, in their order of work, numbered from *first_number*.

    *issued*: when the reading was asked for (monotonic). *only*: of all that the request selects,
    this one position. *without*: these have had their leg.
    """
    orders = _orders_by_key(snapshot)
    legs = []
    for position in _in_order_of_work(snapshot.positions, state, capabilities):
        instrument = snapshot.instruments[position.instrument]
        key = position.key
        if not selects(request.scope, position, instrument):
            continue
        working = orders.pop(key, [])
        lane = state.find_lane(key)
        expected = _expected(state, position)
        # Of a position that somebody is closing already, the target is counted from what it was
        # when that began: two half closes are not one whole (law 38).
        base = lane.base if lane is not None else expected
        joins = _at_work(lane)
        if is_excluded(request.scope, instrument):
            legs.append(
                PlannedLeg(number=0, key=key, target=expected, expected=expected, excluded=True)
            )
            continue
        legs.append(
            _plan_position(
                request,
                position,
                instrument,
                working,
                capabilities,
                base=base,
                expected=expected,
                joined=lane is not None,
                joins=joins,
            )
        )
    legs += _orders_alone(state, request.scope, snapshot, orders)
    if only is not None:
        legs = [leg for leg in legs if leg.key == only]
    legs = [leg for leg in legs if leg.key not in without]
    lagging = _lagging(state, snapshot, issued, capabilities.position_settle)
    return tuple(
        msgspec.structs.replace(leg, number=number, unsettled=leg.key in lagging)
        for number, leg in enumerate(legs, start=first_number)
    )


def _lagging(
    state: State, snapshot: SnapshotTaken, issued: float, settle: float
) -> set[PositionKey]:
    """The positions that a reading may show as they were before an execution there was (law 40)."""
    if state.recovered_at > issued - settle:
        return {position.key for position in snapshot.positions}  # nobody listened meanwhile
    heard = set(state.traded_since(snapshot.account, issued - settle))
    told = state.told_since(snapshot.account, issued)
    # The race: it waited for other accounts, and the stream has said otherwise meanwhile.
    heard |= {
        p.key for p in snapshot.positions if told.get(p.key, p.signed_quantity) != p.signed_quantity
    }
    since = snapshot.taken_at - timedelta(seconds=settle)
    return heard | {
        _key_of(snapshot.account, order)
        for order in snapshot.orders
        if order.filled > 0 and order.updated_at > since
    }


def oldest(snapshots: Iterable[SnapshotTaken], scope: Scope) -> tuple[Position | None, int]:
    """Of all positions that *scope* selects, the one opened first, and how many others match."""
    matches = [
        position
        for snapshot in snapshots
        for position in snapshot.positions
        if selects(scope, position, snapshot.instruments[position.instrument])
    ]
    if not matches:
        return None, 0
    first = min(matches, key=lambda position: (position.opened_at, position.position_id))
    return first, len(matches) - 1


def plan_hash(legs: Iterable[PlannedLeg]) -> str:
    """A digest over legs, sizes and cancels, not over prices: the same plan, the same hash."""
    lines = sorted(
        "|".join(
            (
                *map(_word, leg.key),
                str(leg.target.normalize()),
                str(leg.quantity.normalize()),
                ",".join(sorted(leg.cancels)),
                ",".join(
                    f"{name}={left.normalize()}" for name, left in sorted(leg.shrinks.items())
                ),
                "excluded" if leg.excluded else "",
            )
        )
        for leg in legs
    )
    return sha256("\n".join(lines).encode()).hexdigest()[:32]


def estimate(legs: Iterable[PlannedLeg], capabilities: Mapping[str, Capabilities]) -> float:
    """Seconds the plan is thought to take, from each venue's message budget."""
    messages: dict[str, int] = {}
    for leg in legs:
        if not leg.excluded:
            count = len(leg.cancels) + len(leg.shrinks) + (1 if leg.quantity else 0)
            messages[leg.key.venue] = messages.get(leg.key.venue, 0) + count
    longest = 0.0
    for venue, count in messages.items():
        told = capabilities.get(venue)
        if told is not None and told.message_budget:
            longest = max(longest, count / told.message_budget)
        settle = told.position_settle if told is not None else 0.0
        longest = max(longest, settle if count else 0.0)
    return longest


def _expected(state: State, position: Position) -> Decimal:
    """What is thought to be held: whoever works there already knows more than a first reading."""
    lane = state.find_lane(position.key)
    return lane.expected if lane is not None else position.signed_quantity


def _in_order_of_work(
    positions: Iterable[Position], state: State, capabilities: Capabilities
) -> Iterable[Position]:
    """Shorts are bought back before longs are sold where margin asks for it (law 17)."""
    if not capabilities.buys_first:
        return positions
    return sorted(positions, key=lambda position: _expected(state, position) > 0)


# --- one position ------------------------------------------------------------------------------


def _plan_position(
    request: CloseRequest,
    position: Position,
    instrument: Instrument,
    working: list[OrderReport],
    capabilities: Capabilities,
    *,
    base: Decimal,
    expected: Decimal,
    joined: bool,
    joins: tuple[OperationId, ...],
) -> PlannedLeg:
    held = abs(base)
    quantity = _amount(request, position, instrument, held)
    sign = -1 if base < 0 else 1
    target = (held - quantity) * sign
    # A remainder smaller than a lot cannot be sold; it is no target, only what will be left.
    whole = quantity == held
    cancels, shrinks = (
        ([order.venue_order_id for order in working], {})
        if whole
        else _protect(request.scope, working, position, abs(target), capabilities)
    )
    return PlannedLeg(
        number=0,
        key=position.key,
        target=ZERO if whole else target,
        expected=expected,
        quantity=instrument.round_down(max(abs(expected) - abs(target), ZERO)),
        cancels=tuple(cancels),
        shrinks=shrinks,
        joined=joined,
        joins=joins,
        below_minimum=not whole and quantity == 0,
    )


def _amount(
    request: CloseRequest, position: Position, instrument: Instrument, held: Decimal
) -> Decimal:
    """How much of *held* the request wants closed, unsigned; zero: less than a lot was asked."""
    amount = request.amount
    available = held
    if request.scope.strategy_tag is not None:
        tagged = sum(
            (
                abs(claim.quantity)
                for claim in position.tags
                if claim.tag == request.scope.strategy_tag
            ),
            ZERO,
        )
        available = min(held, tagged)
    asked = _asked(amount, position.instrument)
    if asked is not None:
        return min(instrument.round_down(asked), available)
    if amount.fraction is not None and amount.fraction != 1:
        to_lot = ROUND_CEILING if amount.rounding is Rounding.UP else ROUND_DOWN
        lots = (amount.fraction * available / instrument.lot).to_integral_value(rounding=to_lot)
        return min(lots * instrument.lot, available)
    return available


def _asked(amount: Amount, instrument: InstrumentId) -> Decimal | None:
    return amount.quantities.get(instrument, amount.quantity)


def _protect(
    scope: Scope,
    working: list[OrderReport],
    position: Position,
    left: Decimal,
    capabilities: Capabilities,
) -> tuple[list[VenueOrderId], dict[VenueOrderId, Decimal]]:
    """
    What a partial close does to the orders that guard the position: none may outgrow what is left.

    Stops come before targets; the members of an OCO group share one allowance. Where the venue
    cannot change an order in place, it is canceled, and the leg says so if it is not flat.
    """
    cancels: list[VenueOrderId] = []
    shrinks: dict[VenueOrderId, Decimal] = {}
    groups: dict[str, list[OrderReport]] = {}
    for order in sorted(working, key=lambda order: order.type not in _STOPS):
        if scope.strategy_tag is not None and order.tag == scope.strategy_tag:
            cancels.append(order.venue_order_id)
        elif order.side is position.closing_side:
            groups.setdefault(order.oco_id or order.venue_order_id, []).append(order)
    for group in groups.values():
        largest = max(order.remaining for order in group)
        allowed = min(largest, left)
        left -= allowed
        for order in group:
            if order.remaining <= allowed:
                continue
            if allowed > 0 and capabilities.change_orders:
                shrinks[order.venue_order_id] = order.filled + allowed
            else:
                cancels.append(order.venue_order_id)
    return cancels, shrinks


# --- orders without a position -----------------------------------------------------------------


def _orders_alone(
    state: State,
    scope: Scope,
    snapshot: SnapshotTaken,
    orders: Mapping[PositionKey, list[OrderReport]],
) -> list[PlannedLeg]:
    """
    Working orders in scope where nothing is held: they could open exposure after a "flat" (law 18).

    A filter that speaks of a position (its side, its profit, its id) selects no order by itself.
    """
    held = {position.key for position in snapshot.positions}
    orders = dict(orders)
    for key in state.lanes_of(snapshot.account):
        if state.find_lane(key) is not None:
            orders.setdefault(key, [])  # somebody works there: what it leaves behind is ours too
    legs = []
    for key, working in orders.items():
        lane = state.find_lane(key)
        instrument = lane.instrument if lane else snapshot.instruments[key.instrument]
        if key in held or not takes_orders(scope, instrument):
            continue
        if scope.strategy_tag:
            working = [order for order in working if order.tag == scope.strategy_tag]
            if not working:
                continue
        legs.append(
            PlannedLeg(
                number=0,
                key=key,
                target=ZERO,
                expected=lane.expected if lane is not None else ZERO,
                cancels=tuple(order.venue_order_id for order in working),
                joined=lane is not None,
                joins=_at_work(lane),
            )
        )
    return legs


def _at_work(lane: Lane | None) -> tuple[OperationId, ...]:
    """Every operation that works in *lane*, or has: the lane is a fold of all of them."""
    return lane.owners if lane is not None else ()


def _orders_by_key(snapshot: SnapshotTaken) -> dict[PositionKey, list[OrderReport]]:
    orders: dict[PositionKey, list[OrderReport]] = {}
    for order in snapshot.orders:
        orders.setdefault(_key_of(snapshot.account, order), []).append(order)
    return orders


def _key_of(account: AccountRef, order: OrderReport) -> PositionKey:
    return PositionKey(
        account.venue, account.account, order.instrument, order.holding, order.product
    )


def _word(part: object) -> str:
    return str(getattr(part, "value", part))
