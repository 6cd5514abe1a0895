"""
The last look at an order, a cancel or a change, right before its first byte leaves.

It may have waited at the venue's door, for the message budget or for a call that hangs. What was
heard meanwhile is heard in time: an order that is not sent has done no harm.
"""

from __future__ import annotations

from rpcserver.core.commands import CancelOrder, ChangeOrder, SubmitOrder
from rpcserver.core.ending import unwanted_orders
from rpcserver.core.events import CancelUnsent, ChangeUnsent, OrderUnsent
from rpcserver.core.halts import halted_since
from rpcserver.core.ledger import fits, order_of
from rpcserver.core.records import OperationCancelled, OperationExpired, Record
from rpcserver.core.standing import DirectiveSet
from rpcserver.core.state import Lane, LedgerOrder, Leg, Operation, OrderState, State
from rpcserver.domain.capabilities import Capabilities
from rpcserver.domain.directive import Halt
from rpcserver.domain.position import PositionKey

Unsent = OrderUnsent | CancelUnsent | ChangeUnsent


def calls_off(record: Record) -> bool:
    """Whether something that waits to leave may be `called_off` by this."""
    match record:
        case OperationCancelled() | OperationExpired() | DirectiveSet(directive=Halt()):
            return True
        case _:
            return False


def objection(state: State, command: SubmitOrder | CancelOrder | ChangeOrder) -> Unsent | None:
    """What is so where an order message must not leave any more; None: let it go."""
    if (unsent := called_off(state, command)) is not None:
        return unsent
    if isinstance(command, SubmitOrder) and command.exit and not _is_of_use(state, command):
        return _unsent(command, "there is less to close than there was")  # laws 2 and 14
    return None


def called_off(state: State, command: SubmitOrder | CancelOrder | ChangeOrder) -> Unsent | None:
    """The same where nothing that may still happen will let it go."""
    if isinstance(command, CancelOrder | ChangeOrder) and command.fence is not None:
        return _fence_called_off(state, command, command.fence)
    if isinstance(command, CancelOrder):
        return None  # somebody asked for it, or it is for an order of ours (law 39)
    if isinstance(command, ChangeOrder):
        return _change_called_off(state, command)
    if command.exit:
        why = _exit_called_off(state, command)
        return _unsent(command, why) if why is not None else None
    admission = command.admission
    why = halted_since(state, admission, command.order) if admission is not None else None
    return _unsent(command, why, refused="halted") if why is not None else None


def _unsent(command: SubmitOrder, why: str, *, refused: str | None = None) -> OrderUnsent:
    return OrderUnsent(
        account=command.account,
        client_order_id=command.order.client_order_id,
        detail=why,
        refused=refused,
    )


def _fence_called_off(
    state: State, command: CancelOrder | ChangeOrder, fence: PositionKey
) -> CancelUnsent | None:
    """Nobody's order is taken away for an operation that was stopped (laws 16 and 39)."""
    lane = state.find_lane(fence)
    order = order_of(lane, command.venue_order_id) if lane is not None else None
    if lane is not None and order is not None and order.is_live:
        # Not whether one is under way: what waits here for long looks as if it were lost.
        work = _at_work(state, lane)
        if isinstance(command, ChangeOrder):
            sizes = {leg.shrinks.get(command.venue_order_id) for _, leg in work}
            wanted = command.quantity in sizes and command.quantity != order.quantity
        else:
            wanted = order.key in unwanted_orders(lane, work)
        if wanted:
            return None
    return CancelUnsent(
        account=command.account,
        venue_order_id=command.venue_order_id,
        detail="nobody wants it gone any more",
    )


def _at_work(state: State, lane: Lane) -> list[tuple[Operation, Leg]]:
    return [
        (operation, leg)
        for operation_id, number in lane.legs
        if (operation := state.find_operation(operation_id)) is not None
        and operation.stopped is None
        and (leg := state.find_leg(operation_id, number)) is not None
    ]


def _change_called_off(state: State, command: ChangeOrder) -> ChangeUnsent | None:
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


def _exit_called_off(state: State, command: SubmitOrder) -> str | None:
    """Why an order of an operation must not leave, whatever there is to close."""
    _, order = _known(state, command)
    if order is None or order.operation_id is None:
        return "nobody knows of it any more"
    operation = state.find_operation(order.operation_id)
    if operation is None or operation.finished or operation.stopped is not None:
        return "its operation has been stopped"  # law 39
    if order.state is not OrderState.INTENDED:
        return "the venue has it already"
    return None


def _is_of_use(state: State, command: SubmitOrder) -> bool:
    """Whether there is still as much to close."""
    lane, order = _known(state, command)
    told = state.venues.get(command.account.venue)
    capabilities = told.capabilities if told is not None else Capabilities()
    return lane is not None and order is not None and fits(lane, order, capabilities)


def _known(state: State, command: SubmitOrder) -> tuple[Lane | None, LedgerOrder | None]:
    name = command.order.client_order_id
    key = state.lane_of_order(command.account, name)
    lane = state.find_lane(key) if key is not None else None
    return lane, lane.orders.get(name) if lane is not None else None
