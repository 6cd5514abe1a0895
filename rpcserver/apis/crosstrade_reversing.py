"""
CrossTrade's calls that close first and place then: `Reverse`, `ReversePosition`, `FlatPlace`.

The close is an ordinary operation with its progress and its proof. The order follows only a
position that is proven flat; every other end says what happened, and that nothing was placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from msgspec import UNSET

from rpcserver.apis.arguments import Choices, CloseOptions, Number, WordFilter, close_terms, word
from rpcserver.apis.crosstrade import crosstrade_answer
from rpcserver.apis.crosstrade_trading import ORDER_CHOICES, OrderTerms, order_of
from rpcserver.apis.legs import plan_answer
from rpcserver.apis.names import one_account, one_instrument
from rpcserver.apis.registry import Asked, CloseTerms, Registry
from rpcserver.core.report import OperationReport, Placement
from rpcserver.core.requests import Scope, Sequel
from rpcserver.domain.account import Account, PositionMode
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import ClientOrderId
from rpcserver.domain.instrument import Instrument
from rpcserver.domain.naming import InstrumentSelector
from rpcserver.domain.order import Holding, OrderSide, TimeInForce
from rpcserver.domain.position import PositionSide
from rpcserver.domain.principal import Permission

registry = Registry()

UNNAMED = ClientOrderId("")  # the operation's id names the order, once there is one

LINE_STATES: Mapping[str, str] = {
    "working": "Working",
    "partially_filled": "PartFilled",
    "filled": "Filled",
    "canceled": "Cancelled",
    "expired": "Cancelled",
    "rejected": "Rejected",
    "unknown": "Unknown",
}


class ReverseArgs(CloseOptions, frozen=True, kw_only=True, rename="camel"):
    """One position of one account: as much of it on the other side."""

    account: str | None
    instrument: str | None


class FlatPlaceArgs(CloseOptions, frozen=True, kw_only=True, rename="camel"):
    """The options of the close, and the order of `PlaceOrder` that follows it."""

    choices: ClassVar[Choices] = {**CloseOptions.choices, **ORDER_CHOICES}

    account: str | None
    instrument: str | None
    action: str
    quantity: Decimal
    order_type: str
    time_in_force: str = TimeInForce.DAY.value
    limit_price: Number = UNSET
    stop_price: Number = UNSET
    oco_id: WordFilter = UNSET
    tag: WordFilter = UNSET
    holding: str = Holding.NET.value
    product: WordFilter = UNSET


def sequel_answer(report: OperationReport, full: bool) -> Mapping[str, object]:
    """
    `Flatten`'s answer, and the order that followed.

    `placed` is false where it is known that there is no such order at the venue, null where that
    is not known: then ask for `orderId`, and never send another in its place.
    """
    if report.request.dry_run:
        return plan_answer(report, full)
    return {**_placed(report.placement), **crosstrade_answer(report, full)}


def _placed(placement: Placement | None) -> dict[str, object]:
    if placement is None or placement.line is None:
        return {"placed": False}
    line = placement.line
    unknown = placement.error == "outcome_unknown"
    answer: dict[str, object] = {
        "orderId": line.client_order_id,
        "placed": None if unknown else placement.error is None,
    }
    if (state := LINE_STATES.get(line.status)) is not None:
        answer["orderState"] = state
    if line.venue_order_id is not None:
        answer["venueOrderId"] = line.venue_order_id
    return answer


@registry.closing("Reverse", args=ReverseArgs, answer=sequel_answer, permission=Permission.TRADE)
def reverse(args: ReverseArgs, asked: Asked) -> CloseTerms:
    """Close one position, then hold as much of it on the other side."""
    account, instrument = _place(asked, args.account, args.instrument)
    if account.mode is PositionMode.HEDGE:
        raise InvalidRequest(
            "invalid_argument",
            "account: in hedge mode there are two sides to reverse; use FlatPlace with a holding",
        )
    sequel = Sequel(account=account.ref, instrument=instrument)
    return _terms(args, asked, sequel, must_match=True)


@registry.closing(
    "ReversePosition", args=FlatPlaceArgs, answer=sequel_answer, permission=Permission.TRADE
)
def reverse_position(args: FlatPlaceArgs, asked: Asked) -> CloseTerms:
    """Close the position on the other side of `action`, then place the order."""
    against = PositionSide.SHORT if args.action == OrderSide.BUY.value else PositionSide.LONG
    return _terms(args, asked, _sequel(args, asked), side=against, must_match=True)


@registry.closing(
    "FlatPlace", args=FlatPlaceArgs, answer=sequel_answer, permission=Permission.TRADE
)
def flat_place(args: FlatPlaceArgs, asked: Asked) -> CloseTerms:
    """Close whatever is held of the instrument, then place the order."""
    return _terms(args, asked, _sequel(args, asked))


def _sequel(args: FlatPlaceArgs, asked: Asked) -> Sequel:
    account, instrument = _place(asked, args.account, args.instrument)
    terms: OrderTerms = args
    order = order_of(terms, account, instrument, UNNAMED)
    return Sequel(account=account.ref, instrument=instrument, order=order)


def _place(
    asked: Asked, account_name: str | None, instrument_name: str | None
) -> tuple[Account, Instrument]:
    account = one_account(asked, word(account_name))
    _, instrument = one_instrument(asked, (account,), word(instrument_name) or "")
    return account, instrument


def _terms(
    args: CloseOptions,
    asked: Asked,
    sequel: Sequel,
    *,
    side: PositionSide | None = None,
    must_match: bool = False,
) -> CloseTerms:
    """Close the very contract that the order is of: a root means its front month here."""
    if args.fraction is not UNSET:
        raise InvalidRequest("invalid_argument", "fraction: the order follows a whole close only")
    name = sequel.instrument.instrument_id
    scope = Scope(
        accounts=(sequel.account,),
        instruments=(InstrumentSelector(asked=name, exact=name),),
        side=side,
    )
    return close_terms(args, asked, scope, must_match=must_match, sequel=sequel)
