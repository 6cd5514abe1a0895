"""
The last look at an order or a change, right before its first byte leaves.

It may have waited at the venue's door, for the message budget or for a call that hangs. What was
heard meanwhile is heard in time: an order that is not sent has done no harm.
"""

from __future__ import annotations

from rpcserver.core.commands import ChangeOrder, SubmitOrder
from rpcserver.core.events import ChangeUnsent, OrderUnsent
from rpcserver.core.halts import halted_since
from rpcserver.core.ledger import fits
from rpcserver.core.state import OrderState, State
from rpcserver.domain.capabilities import Capabilities


def objection(
    state: State, command: SubmitOrder | ChangeOrder
) -> OrderUnsent | ChangeUnsent | None:
    """What is known where an order or a change must not leave any more; None: let it go."""
    if isinstance(command, ChangeOrder):
        return _change_objection(state, command)
    refused = None
    if command.exit:
        why = _exit_objection(state, command)
    elif (why := _halted(state, command)) is not None:
        refused = "halted"
    if why is None:
        return None
    return OrderUnsent(
        account=command.account,
        client_order_id=command.order.client_order_id,
        detail=why,
        refused=refused,
    )


def _change_objection(state: State, command: ChangeOrder) -> ChangeUnsent | None:
    if (admission := command.admission) is None:
        return None  # it makes an order smaller
    if (why := halted_since(state, admission, admission.request.order)) is None:
        return None
    return ChangeUnsent(
        request=admission.request,
        venue_order_id=command.venue_order_id,
        refused="halted",
        detail=why,
    )


def _halted(state: State, command: SubmitOrder) -> str | None:
    """Why a client's own order must not leave: it was let in before somebody halted new risk."""
    admission = command.admission
    return halted_since(state, admission, command.order) if admission is not None else None


def _exit_objection(state: State, command: SubmitOrder) -> str | None:
    """Why an order of an operation must not leave."""
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
