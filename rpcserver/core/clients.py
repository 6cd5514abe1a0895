"""
What clients ask for beside closing: orders of their own, cancels, a word about an unknown order.

While an operation runs, new risk in its scope is refused (law 9), and so is every other order
there: the engine alone reduces what it closes, so that nothing is reduced twice (law 26).
"""

from __future__ import annotations

from rpcserver.core.commands import CancelOrder, ChangeOrder, SubmitOrder
from rpcserver.core.decision import Pen, Refused
from rpcserver.core.events import (
    ChangeUnsent,
    OrderCancelRequested,
    OrderChangeRequested,
    OrderRequested,
    OrderResolved,
)
from rpcserver.core.halts import admission, reducing_only, refused_by_halt
from rpcserver.core.orders import find_order
from rpcserver.core.records import (
    CancelIntended,
    ChangeIntended,
    ChangeWithdrawn,
    OrderIntended,
    Resolved,
)
from rpcserver.core.requests import OrderOutcome, PlaceRequest
from rpcserver.core.scoping import covers
from rpcserver.core.state import OrderState
from rpcserver.domain.ids import OperationId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import OrderRequest
from rpcserver.domain.position import PositionKey
from rpcserver.domain.principal import is_granted


def order_requested(pen: Pen, event: OrderRequested) -> Refused | None:
    """Send a client's own order, unless something closes there or new risk is halted."""
    if (refused := gate(pen, event)) is not None:
        return refused
    send_order(pen, event, reducing_only(pen, event))
    return None


def send_order(pen: Pen, event: OrderRequested, order: OrderRequest) -> None:
    """Let an order that no operation owns, and that is let in, be sent once it is durable."""
    request = event.request
    pen.write(
        OrderIntended(
            at=pen.now.wall,
            mono=pen.now.mono,
            account=request.account,
            order=order,
            principal=request.principal,
            remote=request.remote,
        )
    )
    pen.order(
        SubmitOrder(
            account=request.account, order=order, exit=False, admission=admission(pen, event)
        )
    )


def gate(pen: Pen, event: OrderRequested, *, by: OperationId | None = None) -> Refused | None:
    """Why an order may not be sent now; *by*: the operation whose last act it is."""
    return _closing_there(pen, event.request, event.instrument, by) or refused_by_halt(pen, event)


def _closing_there(
    pen: Pen, request: PlaceRequest, instrument: Instrument | None, by: OperationId | None
) -> Refused | None:
    for operation in pen.draft.operations.values():
        if operation.finished or operation.request.dry_run or operation.operation_id == by:
            continue
        if covers(operation.request.scope, request.account, instrument):
            return Refused(
                "closing_in_progress", f"operation {operation.operation_id} is closing there"
            )
    for key in pen.draft.lanes_of(request.account):
        if key.instrument == request.order.instrument and pen.draft.find_lane(key) is not None:
            return Refused(
                "closing_in_progress",
                "an order of a finished operation is still unknown there; see ResolveOrder",
            )
    return None


def order_change_requested(pen: Pen, event: OrderChangeRequested) -> Refused | None:
    """
    Change a client's working order, unless something closes there, or new risk is halted.

    To make an order smaller and nothing else is never new risk.
    """
    request, as_new = event.request, event.as_new
    refused = _closing_there(pen, as_new.request, as_new.instrument, None)
    if refused is None and not request.only_smaller:
        refused = refused_by_halt(pen, as_new)
    if refused is not None:
        return refused
    pen.write(
        ChangeIntended(
            at=pen.now.wall,
            mono=pen.now.mono,
            account=request.account,
            venue_order_id=request.venue_order_id,
            client_order_id=request.changed.client_order_id,
            quantity=request.quantity,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            principal=request.principal,
            remote=request.remote,
        )
    )
    pen.order(
        ChangeOrder(
            account=request.account,
            venue_order_id=request.venue_order_id,
            quantity=request.quantity,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            admission=None if request.only_smaller else admission(pen, as_new),
        )
    )
    return None


def change_unsent(pen: Pen, event: ChangeUnsent) -> None:
    """A client's change did not leave: its record says so, beside the one that intended it."""
    request = event.request
    pen.write(
        ChangeWithdrawn(
            at=pen.now.wall,
            mono=pen.now.mono,
            account=request.account,
            venue_order_id=event.venue_order_id,
            client_order_id=request.order.client_order_id,
            detail=event.detail,
        )
    )


def order_cancel_requested(pen: Pen, event: OrderCancelRequested) -> None:
    """Cancel a working order: never refused here, canceling is no risk (law 10)."""
    request = event.request
    lane_key, _ = find_order(pen, request.account, request.venue_order_id)
    lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
    pen.write(
        CancelIntended(
            at=pen.now.wall,
            mono=pen.now.mono,
            concerns=pen.concerns(lane) if lane is not None else (),
            account=request.account,
            venue_order_id=request.venue_order_id,
            lane=lane_key,
            principal=request.principal,
            remote=request.remote,
            why=request.why,
        )
    )
    pen.order(CancelOrder(account=request.account, venue_order_id=request.venue_order_id))


def order_resolved(pen: Pen, event: OrderResolved) -> tuple[PositionKey | None, Refused | None]:
    """A person's word ends an unknown order; the account is read before anything follows."""
    word = event.request
    for account in {key.account_ref for key in pen.draft.lane_keys()} | set(
        pen.draft.loose_accounts.values()
    ):
        if not is_granted(word.grants, account):
            continue
        lane_key, order = find_order(pen, account, word.client_order_id)
        if order is None:
            continue
        if order.state is not OrderState.UNKNOWN:
            return None, Refused("order_not_unknown", f"it is {order.state.value}")
        if not 0 <= word.filled <= order.quantity:
            return None, Refused(
                "invalid_argument", f"filled: expected 0 to {order.quantity}, the order's size"
            )
        if word.filled > 0 and word.outcome is OrderOutcome.NEVER_EXISTED:
            return None, Refused(
                "invalid_argument", "filled: an order that never was fills nothing"
            )
        lane = pen.draft.find_lane(lane_key) if lane_key is not None else None
        pen.write(
            Resolved(
                at=pen.now.wall,
                mono=pen.now.mono,
                concerns=pen.concerns(lane) if lane is not None else (),
                principal=word.principal,
                client_order_id=word.client_order_id,
                outcome=word.outcome,
                filled=word.filled,
                reason=word.reason,
                remote=word.remote,
                lane=lane_key,
                loose=order.key in pen.draft.loose,
            )
        )
        return lane_key, None
    return None, Refused("unknown_order", "no order of this id waits for a word")
