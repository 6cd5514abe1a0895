"""
When a finished operation is let go, so that no recovery folds it any more.

Those that worked in one lane stay together to the end: a record of the lane belongs to whoever was
at work there just then, so that only all of their records tell all of what they did (laws 6, 16, 37
and 38).
"""

from __future__ import annotations

from rpcserver.core.decision import Pen
from rpcserver.core.records import OperationSettled
from rpcserver.core.state import Operation
from rpcserver.domain.ids import OperationId


def circle_of(pen: Pen, operation: Operation) -> list[Operation]:
    """*operation*, all that shared a lane with it, all that shared one with those, and so on."""
    found = {operation.operation_id: operation}
    to_ask = [operation]
    while to_ask:
        for name in to_ask.pop().fellows:
            fellow = pen.draft.find_operation(name)
            if fellow is not None and name not in found:
                found[name] = fellow
                to_ask.append(fellow)
    return list(found.values())


def is_over(pen: Pen, operation: Operation) -> bool:
    """Whether nothing of its circle's work goes on, once *operation* itself has finished."""
    circle = circle_of(pen, operation)
    return all(each.finished or each is operation for each in circle) and not any(
        _holds_a_lane(pen, each) for each in circle
    )


def settle(pen: Pen, operation: Operation) -> None:
    """Let *operation*, which has finished, go."""
    pen.write(
        OperationSettled(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=(pen.concern(operation),),
            operation_id=operation.operation_id,
        )
    )


def settle_if_over(pen: Pen, operation_id: OperationId) -> None:
    """Let a finished operation and its circle go, if none of them has anything left to do."""
    operation = pen.draft.find_operation(operation_id)
    if operation is not None and operation.finished and is_over(pen, operation):
        for each in circle_of(pen, operation):
            settle(pen, each)


def _holds_a_lane(pen: Pen, operation: Operation) -> bool:
    """Whether a lane it worked in is still there: an order may be alive, or others go on."""
    for number in range(1, operation.total + 1):
        leg = pen.draft.find_leg(operation.operation_id, number)
        lane = pen.draft.find_lane(leg.key) if leg is not None else None
        if lane is not None and operation.operation_id in lane.owners:
            return True
    return False
