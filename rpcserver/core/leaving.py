"""
The last look at a closing order, right before its first byte leaves.

It may have waited at the venue's door, for the message budget or for a call that hangs. What was
heard meanwhile is heard in time: an order that is not sent has done no harm.
"""

from __future__ import annotations

from rpcserver.core.commands import SubmitOrder
from rpcserver.core.ledger import fits
from rpcserver.core.state import OrderState, State
from rpcserver.domain.capabilities import Capabilities


def objection(state: State, command: SubmitOrder) -> str | None:
    """Why an order of ours must not be sent any more; None: let it go, as any other's."""
    if not command.exit:
        return None
    name = command.order.client_order_id
    key = state.lane_of_order(command.account, name)
    lane = state.find_lane(key) if key is not None else None
    order = lane.orders.get(name) if lane is not None else None
    if lane is None or order is None or order.operation_id is None:
        return "nobody knows of it any more"
    operation = state.find_operation(order.operation_id)
    if operation is None or operation.finished or operation.stopped is not None:
        return "its operation has been stopped"  # law 39
    if order.state is not OrderState.INTENDED:
        return "the venue has it already"
    told = state.venues.get(command.account.venue)
    if not fits(lane, order, told.capabilities if told is not None else Capabilities()):
        return "there is less to close than there was"  # laws 2 and 14
    return None
