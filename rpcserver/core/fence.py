"""
The fence: what conflicts with a close is canceled or shrunk, and waited for (law 3).

When its deadline passes, `on_fence` decides: wait on, close what no live order can touch, or
override.
"""

from __future__ import annotations

from decimal import Decimal

from rpcserver.core.commands import CancelOrder, ChangeOrder
from rpcserver.core.decision import Pen
from rpcserver.core.ending import strangers, unwanted_orders
from rpcserver.core.ledger import is_harmless
from rpcserver.core.records import FencePassed, FenceRaised
from rpcserver.core.requests import OnFence
from rpcserver.core.state import Lane, Leg, Operation
from rpcserver.domain.ids import VenueOrderId

FENCE_SECONDS = 5.0  # how long cancels are waited for; NinjaTrader waits as long
SWEEPS_MAX = 5


def pass_fence(pen: Pen, lane: Lane, begun: list[tuple[Operation, Leg]]) -> float | None:
    """Cancel and shrink what conflicts, and wait for it; None: nothing is in the way any more."""
    if not strangers(lane) and lane.fence_until is None:
        return None
    cancels, shrinks = _conflicts(lane, begun)
    if (cancels or shrinks) and lane.sweeps < SWEEPS_MAX:
        _raise_fence(pen, lane, cancels, shrinks)
    if lane.fence_until is None:
        return None
    capabilities = pen.capabilities(lane.key.venue)
    if not any(
        order.canceling and order.is_live and not is_harmless(order, capabilities)
        for order in strangers(lane)
    ):
        pen.write(_passed(pen, lane, clear=True, how="clear"))
        return None
    if pen.now.mono < lane.fence_until:
        return lane.fence_until
    policies = {operation.request.on_fence for operation, _ in begun}
    if OnFence.OVERRIDE in policies:
        pen.write(_passed(pen, lane, clear=False, how="override"))
        return None
    if policies == {OnFence.WAIT}:
        return max(operation.deadline for operation, _ in begun)
    pen.write(_passed(pen, lane, clear=False, how="uncontested"))
    return None


def _conflicts(
    lane: Lane, begun: list[tuple[Operation, Leg]]
) -> tuple[tuple[VenueOrderId, ...], dict[VenueOrderId, Decimal]]:
    """The orders to cancel, and those to shrink, that nobody has asked the venue for yet."""
    unwanted = unwanted_orders(lane, begun)
    shrinks: dict[VenueOrderId, Decimal] = {}
    for _, leg in begun:
        for name, left in leg.shrinks.items():
            shrinks[name] = min(left, shrinks.get(name, left))
    cancel_now: list[VenueOrderId] = []
    shrink_now: dict[VenueOrderId, Decimal] = {}
    for order in strangers(lane):
        known_as = order.venue_order_id
        if known_as is None or not order.is_live:
            continue
        if order.key in unwanted:
            if not order.canceling or order.shrink_to is not None:
                cancel_now.append(known_as)
        elif order.quantity > shrinks.get(known_as, order.quantity) and not order.canceling:
            shrink_now[known_as] = shrinks[known_as]
    return tuple(cancel_now), shrink_now


def _raise_fence(
    pen: Pen,
    lane: Lane,
    cancels: tuple[VenueOrderId, ...],
    shrinks: dict[VenueOrderId, Decimal],
) -> None:
    pen.write(
        FenceRaised(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane),
            lane=lane.key,
            cancels=cancels,
            shrinks=shrinks,
            deadline=pen.now.mono + FENCE_SECONDS,
        )
    )
    account = lane.key.account_ref
    for name in cancels:
        pen.order(CancelOrder(account=account, venue_order_id=name, fence=lane.key))
    for name, quantity in shrinks.items():
        pen.order(
            ChangeOrder(account=account, venue_order_id=name, quantity=quantity, fence=lane.key)
        )


def _passed(pen: Pen, lane: Lane, *, clear: bool, how: str) -> FencePassed:
    return FencePassed(
        at=pen.now.wall,
        mono=pen.now.mono,
        concerns=pen.concerns(lane),
        lane=lane.key,
        clear=clear,
        how=how,
    )
