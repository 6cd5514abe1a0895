"""
What the apis ask for where one order takes the place of another, and what comes back.

Each query names the type of what comes back, as in `queries.py`.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from rpcserver.core.requests import PlaceRequest
from rpcserver.domain.ids import AccountRef, ClientOrderId, InstrumentId, VenueOrderId
from rpcserver.domain.order import Holding, OrderReport, TimeInForce
from rpcserver.domain.position import PositionSide


class Condition(msgspec.Struct, frozen=True):
    """
    What must be so of the position for an order to be sent.

    `positions`: which of them it may be, None standing for flat. `most`: not as much held yet, on
    the side that the order adds to.
    """

    positions: tuple[PositionSide | None, ...] = ()
    most: Decimal | None = None


class ChangeOrder(msgspec.Struct, frozen=True):
    """
    Change one working order in place. -> `Changed`.

    `order_id` is the venue's or ours; what is None stays as it is.
    """

    accounts: tuple[AccountRef, ...]
    order_id: str
    quantity: Decimal | None = None  # the new total
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class ReplaceOrder(msgspec.Struct, frozen=True):
    """
    Cancel one working order, and place *order* once that is proven and nothing filled meanwhile.

    -> `Replaced`.
    """

    order_id: str
    order: PlaceRequest


class Bracket(msgspec.Struct, frozen=True):
    """
    Cancel what guards a position, and guard what is left of it by a stop, a target, or both.

    -> `Bracketed`. `names`: fresh client order ids for the stop, the target, and their OCO group.
    """

    account: AccountRef
    instrument: InstrumentId
    holding: Holding
    stop_price: Decimal | None
    limit_price: Decimal | None
    time_in_force: TimeInForce
    tag: str | None
    names: tuple[ClientOrderId, ClientOrderId, str]


class Placed(msgspec.Struct, frozen=True):
    """One order of `PlaceOrders`: its report, or why there is none."""

    request: PlaceRequest
    report: OrderReport | None = None
    error: str | None = None  # a code of protocol.md; "outcome_unknown" means: ask, never resend
    detail: str = ""


class Changed(msgspec.Struct, frozen=True):
    """`ChangeOrder`: the order as it is now, or why it was not changed."""

    report: OrderReport | None = None
    error: str | None = None  # "outcome_unknown" means: ask what the order is
    detail: str = ""


class Replaced(msgspec.Struct, frozen=True):
    """`ReplaceOrder`: what became of the old order, and of the new one if it was sent."""

    order_id: str
    canceled: bool  # proven
    placed: Placed | None = None
    error: str | None = None  # why nothing was placed
    detail: str = ""


class Bracketed(msgspec.Struct, frozen=True):
    """`Bracket`: what is proven canceled, what is left of the position, what guards it now."""

    canceled: tuple[VenueOrderId, ...] = ()
    left: Decimal | None = None  # signed; None: it was not read again
    placed: tuple[Placed, ...] = ()
    error: str | None = None
    detail: str = ""
    unprotected: bool = False  # something was canceled, and nothing guards what is left
