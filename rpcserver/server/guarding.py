"""What guards a position, and what could: pure questions of a bracket, asked before a cancel."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rpcserver.apis.queries import Bracket
from rpcserver.domain.account import AccountSnapshot
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.order import ZERO, OrderReport
from rpcserver.domain.position import Position


def held_by(snapshot: AccountSnapshot, query: Bracket) -> Position | None:
    """
    The position that *query* is about, if there is one.

    Raises:
        InvalidRequest: `ambiguous_instrument`: several products of it are held.
    """
    held = [
        position
        for position in snapshot.positions
        if position.instrument == query.instrument and position.key.holding is query.holding
    ]
    if len(held) > 1:
        raise InvalidRequest("ambiguous_instrument", f"{query.instrument}: several products held")
    return held[0] if held else None


def refuse_between_ticks(
    instrument: Instrument, stop: Decimal | None, limit: Decimal | None
) -> None:
    """
    Cancel nothing for a price that no venue takes.

    Raises:
        InvalidRequest: `invalid_argument`.
    """
    for name, price in (("stopPrice", stop), ("limitPrice", limit)):
        if price is not None and price % instrument.tick:
            raise InvalidRequest(
                "invalid_argument", f"{name}: {price:f} is no multiple of {instrument.tick:f}"
            )


def refuse_inside_out(query: Bracket, held: Position) -> None:
    """
    Cancel nothing for a stop beyond its own target: one of them would trade at once.

    Raises:
        InvalidRequest: `invalid_argument`.
    """
    if query.stop_price is None or query.limit_price is None:
        return
    if (query.limit_price - query.stop_price) * held.signed_quantity <= 0:
        side, where = ("long", "below") if held.signed_quantity > 0 else ("short", "above")
        raise InvalidRequest(
            "invalid_argument", f"stopPrice: of a {side} position it is {where} limitPrice"
        )


def guards(order: OrderReport, held: Position) -> bool:
    """Whether a working order could take something off the position."""
    return (
        order.instrument == held.instrument
        and order.side is held.closing_side
        and order.holding is held.key.holding
        and order.product == held.product
    )


def filled_meanwhile(before: Sequence[OrderReport], after: Sequence[OrderReport]) -> Decimal:
    """How much more the orders have filled than *before*."""
    was = {order.venue_order_id: order.filled for order in before}
    return sum((order.filled - was[order.venue_order_id] for order in after), ZERO)
