"""One order in the place of another: what is asked of the world, and how the outcome is worded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from rpcserver.apis.queries import (
    Bracket,
    Bracketed,
    Changed,
    ChangeOrder,
    Placed,
    Replaced,
    ReplaceOrder,
)
from rpcserver.domain.errors import InvalidRequest
from rpcserver.domain.ids import VenueOrderId
from rpcserver.domain.order import OrderStatus, OrderType
from tests.apis import hand, samples

REPLACE = samples.QUERIES["CancelReplace"].args
BRACKET = samples.QUERIES["CancelAndBracket"].args


def test_what_a_change_leaves_out_stays_as_it_is() -> None:
    query = hand.ask("Change", '{"orderId":"stop-1","limitPrice":"5000.25"}').query

    assert isinstance(query, ChangeOrder)
    assert (query.quantity, query.limit_price, query.stop_price) == (
        None,
        Decimal("5000.25"),
        None,
    )


def test_a_replacement_is_an_order_like_any_other() -> None:
    query = hand.ask("CancelReplace", REPLACE).query

    assert isinstance(query, ReplaceOrder)
    assert query.order_id == "stop-1"
    assert query.order.order.type is OrderType.STOP_MARKET


def test_a_bracket_is_of_one_contract() -> None:
    query = hand.ask("CancelAndBracket", BRACKET.replace("MES 12-25", "MES")).query

    assert isinstance(query, Bracket)
    assert query.instrument == "MES 12-25"


@pytest.mark.parametrize(
    ("name", "args", "code", "key"),
    [
        ("Change", '{"orderId":"stop-1"}', "missing_argument", "limitPrice"),
        ("Change", '{"orderId":"stop-1","quantity":0}', "invalid_argument", "quantity"),
        ("Change", '{"orderId":"stop-1","strategyId":"s"}', "unknown_argument", "strategyId"),
        ("Change", '{"quantity":1}', "missing_argument", "orderId"),
        ("CancelAndBracket", '{"account":"Sim101","instrument":"ES"}', "missing_argument", "stop"),
        ("CancelReplace", '{"account":"Sim101"}', "missing_argument", "orderId"),
    ],
)
def test_what_is_wrong_is_named(name: str, args: str, code: str, key: str) -> None:
    with pytest.raises(InvalidRequest, match=key) as refusal:
        hand.ask(name, args)

    assert refusal.value.code == code


def test_a_change_that_came_too_late_is_no_success() -> None:
    filled = msgspec.structs.replace(samples.WORKING, status=OrderStatus.FILLED)

    data = samples.answered("Change", samples.QUERIES["Change"].args, Changed(filled))

    assert (data["success"], data["error"], data["orderState"]) == (
        False,
        "order_refused",
        "Filled",
    )


def test_a_change_of_which_nothing_is_heard_is_unknown() -> None:
    lost = Changed(error="outcome_unknown", detail="no answer came")

    data = samples.answered("Change", samples.QUERIES["Change"].args, lost)

    assert (data["error"], data["statusCode"], data["orderId"]) == (
        "outcome_unknown",
        504,
        "stop-1",
    )


def test_what_may_still_fill_is_not_replaced() -> None:
    pending = Replaced("stop-1", False, error="cancel_pending", detail="it may still fill")

    data = samples.answered("CancelReplace", REPLACE, pending)

    assert (data["success"], data["canceled"], data["error"]) == (False, False, "cancel_pending")
    assert "orderId" not in data


def bracketed(*errors: str | None, **told: Any) -> Any:
    query = hand.ask("CancelAndBracket", BRACKET).query
    assert isinstance(query, Bracket)
    whole = samples.bracketed(query)
    placed = tuple(
        one if error is None else Placed(one.request, None, error, "no")
        for one, error in zip(whole.placed, errors, strict=False)
    )
    world = Bracketed((VenueOrderId("stop-1"),), Decimal(-2), placed, **told)
    return samples.answered("CancelAndBracket", BRACKET, world)


def test_half_a_bracket_is_no_success_and_says_which_half() -> None:
    data = bracketed(None, "order_refused")

    assert (data["success"], data["error"]) == (False, "order_refused")
    assert len(data["orderIds"]) == len(data["failed"]) == 1
    assert data["unprotected"] is False


def test_no_bracket_at_all_is_unprotected() -> None:
    data = bracketed("order_refused", "order_refused", unprotected=True)

    assert (data["orderIds"], data["unprotected"]) == ([], True)
