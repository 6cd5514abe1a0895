"""A restart is one more lost answer: every timer is armed again, every open order asked about."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from rpcserver.core.records import Recovered
from rpcserver.core.state import Doubt, LedgerOrder, Operation, OrderState, Reading, State

RECOVERED_FENCE = 5.0  # seconds a fence that stood at the crash is given anew
PROOF_LONGEST = 30.0  # seconds a stopped operation may take over several lives: it is owed its end


def rearm(state: State, recovered: Recovered) -> None:
    """Arm every timer again, by what is left of each deadline on the wall clock."""
    mono = recovered.mono
    state.recovered_at = mono
    state.patience.clear()  # by the clock of an earlier life
    for operation_id in list(state.operations):
        operation = state.operation(operation_id)
        if operation.finished:
            continue
        ends_at = operation.opened_at + timedelta(seconds=operation.request.deadline)
        left = (ends_at - recovered.at).total_seconds()
        operation.recovered = True
        operation.heard_at = mono
        operation.deadline = mono + min(max(left, 0.0), operation.request.deadline)
        operation.stopped_at = mono if _may_prove(operation, recovered) else float("-inf")
        for part in state.parts_of(operation):
            if part.reading is Reading.READING:
                part.retry_at, part.heard_at = mono, None
        operation.wake = mono
        state.arm(operation_id, mono)
    for market, seen in state.markets.items():
        # Seen by the clock of an earlier life: how long ago is not known.
        state.markets[market] = msgspec.structs.replace(seen, seen_at=float("-inf"))
    for key in list(state.lanes):
        lane = state.lane(key)
        if lane.stale or lane.doubt is not None:  # it was in doubt, and is so from now on
            lane.doubt = Doubt(quantity=lane.expected, since=mono)
        lane.stale = True
        lane.proof = None
        lane.not_before = lane.rejected_at = lane.backed_off_at = mono
        lane.started_at = mono
        lane.sweeps = min(lane.sweeps, 1)  # cancels may have been lost with the process
        if lane.fence_until is not None:
            lane.fence_until = mono + RECOVERED_FENCE
        lane.orders = {name: _unasked(order, mono) for name, order in lane.orders.items()}
        lane.wake = mono
        state.arm(key, mono)
    for name, order in list(state.loose.items()):
        state.put_loose(state.loose_accounts[name], _unasked(order, mono))


def _may_prove(operation: Operation, recovered: Recovered) -> bool:
    """Whether what a stopped operation left is waited for anew: not in ever so many short lives."""
    stopped = operation.stopped_wall
    return stopped is None or (recovered.at - stopped).total_seconds() < PROOF_LONGEST


def _unasked(order: LedgerOrder, mono: float) -> LedgerOrder:
    """What an order is after a restart: one more lost answer."""
    if not order.is_live:
        return order
    state = OrderState.LIVE if order.operation_id is None and order.venue_order_id else None
    return msgspec.structs.replace(
        order,
        state=state or OrderState.UNKNOWN,
        asked_at=None,
        first_sent_at=float("-inf"),  # how long ago is not known: longer than any window
        sent_at=mono,
        absent_at=None,
        cancel_at=float("-inf"),
        canceling=False,  # whether a cancel or a change left is unknown: it is asked for again
        shrink_to=None,
    )
