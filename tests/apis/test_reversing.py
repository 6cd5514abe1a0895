"""Close first, place then: what the three calls ask of the core, and how they word its end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from rpcserver.apis.crosstrade_reversing import FlatPlaceArgs
from rpcserver.apis.crosstrade_trading import PlaceOrderArgs
from rpcserver.core.report import OrderLine, Outcome, Placement
from rpcserver.core.requests import Sequel
from rpcserver.domain.account import PositionMode
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.order import OrderSide, OrderType, TimeInForce
from rpcserver.domain.position import PositionSide
from rpcserver.domain.principal import Permission
from tests.apis import hand, samples

BUY = '"account":"Sim101","instrument":"ES","action":"Buy","quantity":2,"orderType":"Market"'
CALLS = ("Reverse", "ReversePosition", "FlatPlace")


def test_a_reversal_is_of_one_contract_and_mirrors_what_is_found() -> None:
    terms = hand.terms("Reverse", '{"account":"sim101","instrument":"ES"}')

    [selector] = terms.scope.instruments
    assert selector.exact == "ES 12-25", "the front month alone: the order is of one contract"
    assert terms.must_match
    assert terms.sequel is not None
    assert terms.sequel.order is None
    assert terms.sequel.instrument.instrument_id == "ES 12-25"


def test_reverse_position_closes_the_other_side_and_places_what_is_asked() -> None:
    terms = hand.terms("ReversePosition", f'{{{BUY},"timeInForce":"gtc","tag":"scalper"}}')

    assert terms.scope.side is PositionSide.SHORT
    assert terms.must_match
    assert terms.sequel is not None
    order = terms.sequel.order
    assert order is not None
    assert (order.side, order.quantity, order.type) == (
        OrderSide.BUY,
        Decimal(2),
        OrderType.MARKET,
    )
    assert (order.time_in_force, order.tag) == (TimeInForce.GTC, "scalper")


def test_flat_place_closes_whatever_is_there_and_places_where_nothing_is() -> None:
    terms = hand.terms("FlatPlace", f"{{{BUY}}}")

    assert terms.scope.side is None
    assert not terms.must_match


def test_they_take_every_key_of_an_order_that_can_open() -> None:
    opening = set(PlaceOrderArgs.__struct_encode_fields__) - {
        "reduceOnly",
        "requireMarketPosition",
        "maxPositions",
    }

    assert opening <= set(FlatPlaceArgs.__struct_encode_fields__)


@pytest.mark.parametrize("name", CALLS)
def test_they_need_the_right_to_open_risk(name: str) -> None:
    assert hand.closing_api(name).permission is Permission.TRADE


@pytest.mark.parametrize(
    ("name", "args", "code", "key"),
    [
        ("FlatPlace", f'{{{BUY},"fraction":0.5}}', "invalid_argument", "fraction"),
        ("FlatPlace", f'{{{BUY},"reduceOnly":true}}', "unknown_argument", "reduceOnly"),
        ("FlatPlace", f'{{{BUY},"limitPrice":5}}', "invalid_argument", "limitPrice"),
        ("ReversePosition", f'{{{BUY},"quantity":0}}', "invalid_argument", "quantity"),
        ("Reverse", '{"account":"Sim101"}', "missing_argument", "instrument"),
        ("Reverse", '{"account":"Sim101","instrument":""}', "empty_filter", "instrument"),
    ],
)
def test_what_is_wrong_is_named(name: str, args: str, code: str, key: str) -> None:
    with pytest.raises(InvalidRequest, match=key) as refusal:
        hand.terms(name, args)

    assert refusal.value.code == code


def test_an_account_in_hedge_mode_has_no_one_side_to_reverse() -> None:
    hedged = msgspec.structs.replace(hand.account("Sim101"), mode=PositionMode.HEDGE)

    with pytest.raises(InvalidRequest, match="hedge"):
        hand.terms(
            "Reverse",
            '{"account":"Sim101","instrument":"ES"}',
            hand.asked(accounts=(hedged,)),
        )


# --- answers -------------------------------------------------------------------------------------


def answered(placement: Placement | None, outcome: Outcome = Outcome.FLAT) -> Any:
    instrument = hand.INSTRUMENTS["MES 12-25"]
    asked = hand.request(sequel=Sequel(account=samples.SIM101, instrument=instrument))
    return hand.answer(
        "Reverse", hand.report(hand.leg(outcome), request=asked, placement=placement)
    )


def line(status: str) -> OrderLine:
    return hand.order("0a9c55e17cf84b7f9d3f7a2be2f40613", status)


@pytest.mark.parametrize("status", ["working", "partially_filled", "filled", "canceled"])
def test_an_order_the_venue_has_is_placed(status: str) -> None:
    data = answered(Placement(line=line(status)))

    assert (data["success"], data["placed"], data["flat"]) == (True, True, True)
    assert data["orderId"] == "0a9c55e17cf84b7f9d3f7a2be2f40613"


def test_what_was_not_placed_is_no_success_although_flat() -> None:
    data = answered(Placement(error="not_placed", detail="the operation was cancelled"))

    assert (data["success"], data["placed"], data["flat"]) == (False, False, True)
    assert (data["error"], data["statusCode"]) == ("not_placed", 409)
    assert "orderId" not in data


def test_what_is_not_known_is_neither_placed_nor_not() -> None:
    data = answered(Placement(line=line("unknown"), error="outcome_unknown", detail="no answer"))

    assert data["placed"] is None
    assert data["orderId"]
    assert (data["success"], data["orderState"]) == (False, "Unknown")


def test_an_order_that_was_refused_is_not_placed() -> None:
    data = answered(Placement(line=line("rejected"), error="order_refused", detail="margin"))

    assert (data["success"], data["placed"]) == (False, False)
    assert (data["error"], data["statusCode"], data["detail"]) == ("order_refused", 422, "margin")
