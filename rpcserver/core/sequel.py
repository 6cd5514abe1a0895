"""
The order that follows a close: placed when the venue has proven the position flat, or never.

It is decided together with the operation's end, so that both are durable or neither is, and an
operation ends once. A life that only took the operation up again places nothing: whoever asked may
be gone, and the market another one. What was not placed is told with the reason, never placed
"anyway".
"""

from __future__ import annotations

import msgspec

from rpcserver.core.clients import gate, send_order
from rpcserver.core.decision import Pen, Refused
from rpcserver.core.events import OrderRequested
from rpcserver.core.requests import CloseRequest, PlaceRequest, Sequel
from rpcserver.core.scoping import covers
from rpcserver.core.state import Leg, Operation
from rpcserver.domain.ids import ClientOrderId, OperationId, sequel_order_id
from rpcserver.domain.order import OrderRequest


def overtaken(pen: Pen, exit_: CloseRequest) -> tuple[OperationId, ...]:
    """Who presses an exit wants nothing opened there that somebody asked for before."""
    if exit_.dry_run:
        return ()
    return tuple(
        operation.operation_id
        for operation in pen.draft.operations.values()
        if not operation.finished
        and (sequel := operation.request.sequel) is not None
        and covers(exit_.scope, sequel.account, sequel.instrument)
    )


def sequel_of(pen: Pen, operation: Operation, *, flat: bool) -> OrderRequested | Refused | None:
    """What is to be placed now that *operation* ends; None: nothing was to follow."""
    sequel = operation.request.sequel
    if sequel is None or operation.request.dry_run:
        return None
    if not flat:
        return Refused("not_flat", "the position is not proven flat: nothing was placed")
    held = _held(pen, operation)
    if operation.request.must_match and not held:
        return Refused("position_not_found", f"no position in {sequel.instrument.instrument_id}")
    if (unwanted := _unwanted(operation)) is not None:
        return Refused("not_placed", f"{unwanted}: flat, and nothing was placed")
    order = _named(operation, sequel, held)
    if order is None:
        return Refused("not_placed", "several positions were held: flat, and nothing was placed")
    request = PlaceRequest(
        principal=operation.request.principal,
        account=sequel.account,
        order=order,
        remote=operation.request.remote,
    )
    event = OrderRequested(request=request, instrument=sequel.instrument)
    return gate(pen, event, by=operation.operation_id) or event


def follow(pen: Pen, decided: OrderRequested | Refused | None) -> None:
    """Send what was decided, if it is an order."""
    if isinstance(decided, OrderRequested):
        send_order(pen, decided, decided.request.order)


def _unwanted(operation: Operation) -> str | None:
    """Why nobody may want the order any more."""
    if operation.cancelled:
        return "the operation was cancelled"
    if operation.overtaken is not None:
        return f"operation {operation.overtaken} closed there meanwhile"
    if operation.recovered:
        return "the server was started again meanwhile"
    return None


def _held(pen: Pen, operation: Operation) -> list[Leg]:
    """The positions that were found and closed, those of no size left out."""
    return [
        leg
        for number in range(1, operation.total + 1)
        if (leg := pen.draft.find_leg(operation.operation_id, number)) is not None
        and not leg.position.is_flat
    ]


def _named(operation: Operation, sequel: Sequel, held: list[Leg]) -> OrderRequest | None:
    """The order as it is sent; None: there is no telling which position it is to mirror."""
    name: ClientOrderId = sequel_order_id(operation.operation_id)
    if sequel.order is not None:
        return msgspec.structs.replace(sequel.order, client_order_id=name)
    if len(held) != 1:
        return None
    [leg] = held
    tags = leg.position.tags
    return OrderRequest(
        client_order_id=name,
        account=sequel.account.account,
        instrument=leg.key.instrument,
        side=leg.position.closing_side,
        quantity=leg.position.quantity,
        product=leg.key.product,
        tag=tags[0].tag if len(tags) == 1 else None,
    )
