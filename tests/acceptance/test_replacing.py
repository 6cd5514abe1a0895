"""One order in the place of another, on the running server: never two where one was meant."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.domain.ids import AccountId
from rpcserver.domain.order import Holding, OrderStatus, OrderType
from rpcserver.venues.paper.faults import FillBeforeCancel, RefuseOrders, StickCancels
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Stage

pytestmark = pytest.mark.anyio

MES = "MES 12-25"


async def rest(desk: Stage, **order: object) -> str:
    """A limit order that rests; its id."""
    plain = {
        "account": desk.account,
        "instrument": MES,
        "action": "BUY",
        "quantity": 2,
        "orderType": "LIMIT",
        "limitPrice": "5000.00",
        "timeInForce": "GTC",
    }
    data = (await desk.client.call("PlaceOrder", plain | order)).data
    assert data["success"], data
    order_id: str = data["orderId"]
    return order_id


# --- Change --------------------------------------------------------------------------------------


async def test_an_order_is_changed_in_place_and_keeps_its_id(desk: Stage) -> None:
    order_id = await rest(desk)

    args = {"orderId": order_id, "quantity": 3, "limitPrice": "4990.25"}
    data = (await desk.client.call("Change", args)).data

    assert (data["success"], data["orderId"]) == (True, order_id)
    assert (data["quantity"], data["limitPrice"]) == (3, 4990.25)
    [order] = await desk.scene.working(desk.account)
    assert (order.quantity, order.limit_price) == (Decimal(3), Decimal("4990.25"))


async def test_a_change_the_venue_refuses_leaves_the_order_as_it_was(desk: Stage) -> None:
    order_id = await rest(desk)

    data = (await desk.client.call("Change", {"orderId": order_id, "limitPrice": "4990.13"})).data

    assert (data["success"], data["error"]) == (False, "order_refused")
    [order] = await desk.scene.working(desk.account)
    assert order.limit_price == Decimal("5000.00")


async def test_what_does_not_work_cannot_be_changed(desk: Stage) -> None:
    order_id = await rest(desk)
    await desk.client.call("Cancel", {"orderId": order_id})

    ended = (await desk.client.call("Change", {"orderId": order_id, "quantity": 1})).data
    unknown = (await desk.client.call("Change", {"orderId": "nobody's", "quantity": 1})).data
    nothing = (await desk.client.call("Change", {"orderId": order_id})).data

    assert (ended["error"], unknown["error"]) == ("order_refused", "unknown_order")
    assert nothing["error"] == "missing_argument"


async def test_nothing_is_changed_while_the_position_is_being_closed(desk: Stage) -> None:
    """An order that may reduce a leg at work is the engine's own business (law 26)."""
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    stop = await desk.scene.rest(desk.account, MES, "sell", 2, stop="5700.00")
    await desk.scene.do(StickCancels(account=AccountId(desk.account), seconds=1.5, count=1))
    async with connected(desk.server.url, desk.token) as other:
        await other.begin("Flatten", {"account": desk.account}, id="exit")
        await other.hear_type("accepted")
        args = {"orderId": stop.venue_order_id, "quantity": 1}
        change = (await desk.client.call("Change", args)).data
        order = {"account": desk.account, "instrument": MES, "stopPrice": "5600.00"}
        bracket = (await desk.client.call("CancelAndBracket", order)).data
        flat = await other.answer("exit")

    assert change["error"] == bracket["error"] == "closing_in_progress"
    assert bracket["canceledOrderIds"] == []
    assert flat.data["flat"] is True


# --- CancelReplace -------------------------------------------------------------------------------


def another(desk: Stage, order_id: str, **order: object) -> dict[str, object]:
    return {
        "account": desk.account,
        "orderId": order_id,
        "instrument": MES,
        "action": "BUY",
        "quantity": 1,
        "orderType": "LIMIT",
        "limitPrice": "4900.00",
        "timeInForce": "GTC",
    } | order


async def test_an_order_is_replaced_once_it_is_proven_gone(desk: Stage) -> None:
    order_id = await rest(desk)
    await desk.scene.do(StickCancels(account=AccountId(desk.account), seconds=0.5, count=1))

    data = (await desk.client.call("CancelReplace", another(desk, order_id))).data

    assert (data["success"], data["canceled"]) == (True, True)
    assert data["replacedOrderId"] == order_id
    [order] = await desk.scene.working(desk.account)
    assert order.client_order_id == data["orderId"]
    [old] = [o for o in await desk.scene.orders(desk.account) if o.client_order_id == order_id]
    assert old.status is OrderStatus.CANCELED
    assert old.updated_at <= order.created_at


async def test_nothing_takes_the_place_of_an_order_that_filled(desk: Stage) -> None:
    order_id = await rest(desk)
    await desk.scene.do(FillBeforeCancel(account=AccountId(desk.account)))

    data = (await desk.client.call("CancelReplace", another(desk, order_id))).data

    assert (data["success"], data["canceled"]) == (False, False)
    assert data["error"] == "not_placed"
    assert await desk.scene.working(desk.account) == []
    assert await desk.scene.positions(desk.account) == {MES: Decimal(2)}


async def test_nothing_takes_the_place_of_an_order_that_may_still_fill(desk: Stage) -> None:
    order_id = await rest(desk)
    await desk.scene.do(StickCancels(account=AccountId(desk.account), seconds=20.0, count=1))

    data = (await desk.client.call("CancelReplace", another(desk, order_id))).data

    assert (data["success"], data["error"]) == (False, "cancel_pending")
    [order] = await desk.scene.working(desk.account)
    assert order.client_order_id == order_id


async def test_a_price_that_no_venue_takes_takes_no_orders_place(desk: Stage) -> None:
    order_id = await rest(desk)

    args = {
        "account": desk.account,
        "orderId": order_id,
        "instrument": MES,
        "action": "BUY",
        "quantity": 2,
        "orderType": "LIMIT",
        "limitPrice": "4990.13",
    }
    data = (await desk.client.call("CancelReplace", args)).data

    assert (data["error"], data["canceled"]) == ("invalid_argument", False)
    [order] = await desk.scene.working(desk.account)
    assert order.limit_price == Decimal("5000.00")


# --- CancelAndBracket ----------------------------------------------------------------------------


async def test_a_bracket_is_as_large_as_the_position_that_is_left(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    old = await desk.scene.rest(desk.account, MES, "sell", 5, stop="5700.00")
    entry = await desk.scene.rest(desk.account, MES, "buy", 1, limit="5000.00")

    args = {
        "account": desk.account,
        "instrument": MES,
        "stopPrice": "5650.00",
        "limitPrice": "5950.00",
    }
    data = (await desk.client.call("CancelAndBracket", args)).data

    assert data["success"], data
    assert data["canceledOrderIds"] == [old.venue_order_id]
    assert (data["quantity"], data["unprotected"]) == (3, False)
    working = await desk.scene.working(desk.account)
    [stop] = [order for order in working if order.type is OrderType.STOP_MARKET]
    [target] = [o for o in working if o.type is OrderType.LIMIT and o.side is stop.side]
    assert stop.quantity == target.quantity == 3
    assert stop.oco_id == target.oco_id
    assert stop.oco_id is not None
    assert stop.reduce_only
    assert entry.venue_order_id in [order.venue_order_id for order in working]


async def test_law_15_a_bracket_of_one_side_of_a_hedge_leaves_the_others(hedge_desk: Stage) -> None:
    desk, long, short = hedge_desk, Holding.LONG, Holding.SHORT
    await desk.scene.hold(desk.account, MES, 4, "5780.00", holding=long)
    await desk.scene.hold(desk.account, MES, -3, "5780.00", holding=short)
    old = await desk.scene.rest(desk.account, MES, "sell", 4, stop="5000.00", holding=long)
    other = await desk.scene.rest(desk.account, MES, "buy", 3, stop="6500.00", holding=short)

    args = {
        "account": desk.account,
        "instrument": MES,
        "holding": "long",
        "stopPrice": "5100.00",
        "limitPrice": "6400.00",
    }
    data = (await desk.client.call("CancelAndBracket", args)).data

    assert data["success"], data
    assert (data["quantity"], data["canceledOrderIds"]) == (4, [old.venue_order_id])
    working = await desk.scene.working(desk.account)
    assert [o.venue_order_id for o in working if o.holding is short] == [other.venue_order_id]
    assert {o.type: o.remaining for o in working if o.holding is long} == {
        OrderType.STOP_MARKET: 4,
        OrderType.LIMIT: 4,
    }


async def test_what_fills_while_it_is_canceled_makes_the_bracket_smaller(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 1, limit="5950.00")
    await desk.scene.do(FillBeforeCancel(account=AccountId(desk.account), count=1))

    args = {"account": desk.account, "instrument": MES, "stopPrice": "5650.00"}
    data = (await desk.client.call("CancelAndBracket", args)).data

    assert data["quantity"] == 2, data
    [stop] = await desk.scene.working(desk.account)
    assert (stop.quantity, stop.oco_id) == (Decimal(2), None)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ({"stopPrice": "5650.13"}, "stopPrice: 5650.13 is no multiple of 0.25"),
        ({"limitPrice": "5950.13"}, "limitPrice: 5950.13 is no multiple of 0.25"),
        ({"stopPrice": 5950, "limitPrice": 5650}, "stopPrice: of a long position it is below"),
    ],
)
async def test_prices_that_can_guard_nothing_cost_no_guard(
    desk: Stage, prices: dict[str, object], said: str
) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    old = await desk.scene.rest(desk.account, MES, "sell", 3, stop="5700.00")

    args = {"account": desk.account, "instrument": MES, **prices}
    data = (await desk.client.call("CancelAndBracket", args)).data

    assert (data["error"], data["canceledOrderIds"]) == ("invalid_argument", [])
    assert said in data["detail"]
    [stop] = await desk.scene.working(desk.account)
    assert stop.venue_order_id == old.venue_order_id


async def test_a_flat_position_gets_no_bracket(desk: Stage) -> None:
    args = {"account": desk.account, "instrument": MES, "stopPrice": "5650.00"}

    data = (await desk.client.call("CancelAndBracket", args)).data

    assert data["error"] == "position_not_found"
    assert await desk.scene.orders(desk.account) == []


async def test_a_position_whose_new_stop_is_refused_is_called_unprotected(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 3, stop="5700.00")
    await desk.scene.do(RefuseOrders(account=AccountId(desk.account)))

    args = {"account": desk.account, "instrument": MES, "stopPrice": "5650.00"}
    data = (await desk.client.call("CancelAndBracket", args)).data

    assert (data["success"], data["unprotected"]) == (False, True)
    assert data["error"] == "order_refused"
