"""Close first, place then: on the running server, with everything that can come between."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.market import MarketPhase
from rpcserver.venues.paper.faults import RefuseOrders, StickCancels
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Stage, new_token

pytestmark = pytest.mark.anyio

MES, NQ = "MES 12-25", "NQ 12-25"


async def test_a_position_is_reversed_after_its_proof(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    stop = await desk.scene.rest(desk.account, MES, "sell", 3, stop="5700.00")

    answer = await desk.client.call("Reverse", {"account": desk.account, "instrument": MES})

    data = answer.data
    assert (data["success"], data["flat"], data["placed"]) == (True, True, True)
    assert data["orderState"] == "Filled"
    assert data["provenAt"]
    assert await desk.scene.positions(desk.account) == {MES: Decimal(-3)}
    assert await desk.scene.working(desk.account) == [], f"{stop.venue_order_id} would add to it"
    order = (await desk.client.call("GetOrder", {"orderId": data["orderId"]})).data
    assert (order["orderAction"], order["quantity"], order["filled"]) == ("Sell", 3, 3)
    assert any(step["event"] == "verified" for step in answer.steps)


async def test_nothing_to_reverse_places_nothing(desk: Stage) -> None:
    data = (await desk.client.call("Reverse", {"account": desk.account, "instrument": MES})).data

    assert (data["success"], data["placed"]) == (False, False)
    assert (data["error"], data["statusCode"]) == ("position_not_found", 404)
    assert await desk.scene.orders(desk.account) == []
    [row] = (await desk.client.call("ListOperations")).data["operations"]
    assert row["success"] is False


async def test_an_order_follows_a_flat_whether_or_not_something_was_held(desk: Stage) -> None:
    order = {
        "account": desk.account,
        "instrument": MES,
        "action": "BUY",
        "quantity": 2,
        "orderType": "LIMIT",
        "limitPrice": "5000.00",
        "timeInForce": "GTC",
    }
    first = (await desk.client.call("FlatPlace", order)).data
    second = (await desk.client.call("FlatPlace", order, key="meant")).data

    assert (first["placed"], first["orderState"]) == (True, "Working")
    assert (second["placed"], second["success"]) == (True, True)
    assert second["canceledOrderIds"], "the first order was in the way of a flat"
    [working] = await desk.scene.working(desk.account)
    assert working.client_order_id == second["orderId"]


async def test_reverse_position_leaves_what_is_on_its_own_side_alone(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    args = {
        "account": desk.account,
        "instrument": MES,
        "action": "Buy",
        "quantity": 1,
        "orderType": "Market",
    }

    data = (await desk.client.call("ReversePosition", args)).data

    assert (data["error"], data["placed"]) == ("position_not_found", False)
    assert await desk.scene.positions(desk.account) == {MES: Decimal(2)}


async def test_never_placed_anyway(desk: Stage) -> None:
    """CrossTrade places after five seconds, flat or not. Here, what is not flat is not followed."""
    await desk.scene.hold(desk.account, NQ, 2, "20000.00")
    await desk.scene.do(RefuseOrders(account=AccountId(desk.account)))

    args = {"account": desk.account, "instrument": NQ, "deadlineMs": 3000}
    data = (await desk.client.call("Reverse", args)).data

    assert (data["success"], data["flat"], data["placed"]) == (False, False, False)
    assert data["error"] == "not_flat"
    assert await desk.scene.positions(desk.account) == {NQ: Decimal(2)}


async def test_an_order_that_is_refused_leaves_a_flat_position(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await desk.scene.do(RefuseOrders(account=AccountId(desk.account), skip=1))

    data = (await desk.client.call("Reverse", {"account": desk.account, "instrument": MES})).data

    assert (data["flat"], data["placed"], data["success"]) == (True, False, False)
    assert (data["error"], data["statusCode"]) == ("order_refused", 422)
    assert await desk.scene.positions(desk.account) == {}


async def test_the_same_press_places_once(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    args = {"account": desk.account, "instrument": MES}

    first = await desk.client.call("Reverse", args, key="press")
    again = await desk.client.call("Reverse", args, id="other", key="press")

    assert again.data == first.data
    assert await desk.scene.positions(desk.account) == {MES: Decimal(-2)}


async def test_a_resend_without_a_key_does_not_turn_it_back(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    args = {"account": desk.account, "instrument": MES}

    await desk.client.call("Reverse", args)
    again = await desk.client.call("Reverse", args)

    assert again.data["error"] == "repeat_partial"
    assert await desk.scene.positions(desk.account) == {MES: Decimal(-2)}


async def test_an_exit_that_is_pressed_meanwhile_wins(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 2, stop="5700.00")
    await desk.scene.do(StickCancels(account=AccountId(desk.account), seconds=1.0))
    args = {"account": desk.account, "instrument": MES}
    async with connected(desk.server.url, desk.token) as other:
        await desk.client.begin("Reverse", args, id="reverse")
        await desk.client.hear_type("accepted")
        exit_ = await other.call("Flatten", {"account": desk.account})
        reversed_ = await desk.client.answer("reverse")

    assert exit_.data["flat"] is True
    assert (reversed_.data["placed"], reversed_.data["success"]) == (False, False)
    assert await desk.scene.positions(desk.account) == {}


async def test_who_may_only_close_may_not_reverse(desk: Stage) -> None:
    token = await new_token(desk.server, "officer", ["risk"], desk.accounts)
    await desk.scene.hold(desk.account, MES, 1, "5780.00")
    async with connected(desk.server.url, token) as officer:
        data = (await officer.call("Reverse", {"account": desk.account, "instrument": MES})).data

    assert data["error"] == "forbidden"
    assert await desk.scene.positions(desk.account) == {MES: Decimal(1)}


async def test_killed_between_flat_and_place_nothing_is_placed_by_itself(stage: Stage) -> None:
    """The resend of the press says what is so, and never a second order."""
    [account, *_] = stage.accounts
    await stage.client.call("Flatten", {"account": account})
    await stage.scene.hold(account, MES, 2, "5780.00")
    await stage.scene.rest(account, MES, "sell", 2, stop="5700.00")
    await stage.scene.do(StickCancels(account=AccountId(account), seconds=1.0))
    args = {"account": account, "instrument": MES}
    await stage.client.begin("Reverse", args, key="press")
    await stage.client.hear_type("accepted")
    stage.server.kill()
    stage.server.start()

    async with connected(stage.server.url, stage.server.token) as client:
        data = (await client.call("Reverse", args, id="again", key="press")).data
        third = (await client.call("Reverse", args, id="third", key="press")).data

    assert (data["flat"], data["placed"], data["success"]) == (True, False, False)
    assert data["error"] == "not_placed"
    assert third == data
    assert (await stage.scene.positions(account)).get(MES, Decimal(0)) == 0


async def test_a_closed_market_is_not_reversed(desk: Stage) -> None:
    await desk.scene.hold(desk.account, "NSE:INFY", 10, "1500.00")
    await desk.scene.set_phase("NSE:INFY", MarketPhase.CLOSED)
    try:
        args = {"account": desk.account, "instrument": "NSE:INFY"}
        data = (await desk.client.call("Reverse", args)).data
    finally:
        await desk.scene.set_phase("NSE:INFY", None)

    assert (data["error"], data["placed"]) == ("not_flat", False)
    assert await desk.scene.positions(desk.account) == {InstrumentId("NSE:INFY"): Decimal(10)}
