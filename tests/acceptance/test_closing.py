"""What is closed, how much of it, and what becomes of the orders around it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import Holding, OrderStatus, OrderType
from rpcserver.venues.paper.commands import SetPrice
from rpcserver.venues.paper.faults import RefuseOrders
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Stage

pytestmark = pytest.mark.anyio

MES, ES, ES_BACK, NQ = "MES 12-25", "ES 12-25", "ES 03-26", "NQ 12-25"


# --- protection ----------------------------------------------------------------------------------


async def test_a_partial_close_shrinks_the_stop_first_and_ends_reduced(desk: Stage) -> None:
    """A stop of the full size would turn the position around once half of it is gone."""
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    stop = await desk.scene.rest(desk.account, MES, "sell", 4, stop="5700.00")

    answer = await desk.client.call("Flatten", {"instrument": MES, "quantity": 2})

    assert answer.data["success"] is True
    assert answer.data["flat"] is False
    [leg] = answer.data["legs"]
    assert (leg["outcome"], leg["closed"], leg["remaining"]) == ("reduced", "2", "2")
    assert leg["provenAt"]
    [closed] = answer.data["closedPositions"]
    [remaining] = answer.data["remainingPositions"]
    assert closed["quantity"] == remaining["quantity"] == 2
    assert await desk.scene.positions(desk.account) == {MES: Decimal(2)}
    orders = {order.venue_order_id: order for order in await desk.scene.orders(desk.account)}
    shrunk = orders.pop(stop.venue_order_id)
    [closing] = orders.values()
    assert (shrunk.status, shrunk.quantity) == (OrderStatus.ACCEPTED, Decimal(2))
    assert shrunk.updated_at <= closing.created_at, "the stop is shrunk before anything is sold"
    events = [step["event"] for step in answer.steps]
    assert events.index("fence_passed") < events.index("sending")


async def test_the_shrunk_stop_still_protects_and_does_not_flip(desk: Stage) -> None:
    await desk.scene.hold(desk.account, "GC 12-25", 4, "2650.0")
    await desk.scene.rest(desk.account, "GC 12-25", "sell", 4, stop="2600.0")
    await desk.client.call("Flatten", {"instrument": "GC", "fraction": 0.5})

    await desk.scene.do(SetPrice(instrument=InstrumentId("GC 12-25"), price=Decimal("2590.0")))

    assert await desk.scene.positions(desk.account) == {}
    await desk.scene.do(SetPrice(instrument=InstrumentId("GC 12-25"), price=Decimal("2650.0")))


async def test_a_bracket_is_shrunk_on_both_sides(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, -6, "5780.00")
    await desk.scene.rest(desk.account, MES, "buy", 6, oco="bracket", stop="5850.00")
    await desk.scene.rest(desk.account, MES, "buy", 6, oco="bracket", limit="5700.00")

    await desk.client.call("Flatten", {"instrument": MES, "quantity": 4})

    working = await desk.scene.working(desk.account)
    assert {order.type: order.remaining for order in working} == {
        OrderType.STOP_MARKET: Decimal(2),
        OrderType.LIMIT: Decimal(2),
    }


@pytest.mark.parametrize(
    ("stop", "limit"), [("5700.00", None), (None, "5900.00")], ids=["stop", "limit"]
)
async def test_close_position_in_part_shrinks_what_has_become_too_large(
    desk: Stage, stop: str | None, limit: str | None
) -> None:
    """At CrossTrade it stays at its old size, and would turn the account around later."""
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 4, stop=stop, limit=limit)

    args = {"account": desk.account, "instrument": MES, "percent": 0.25}
    answer = await desk.client.call("ClosePosition", args)

    assert answer.data["success"] is True
    [order] = await desk.scene.working(desk.account)
    assert order.remaining == 3
    assert await desk.scene.positions(desk.account) == {MES: Decimal(3)}


@pytest.mark.parametrize(
    ("api", "args", "left"),
    [
        ("Flatten", {"quantity": 1, "marketPosition": "long"}, (3, 3)),
        ("Flatten", {"quantity": 1}, (3, 2)),
        ("Flatten", {"fraction": 0.5}, (2, 2)),
        ("ClosePosition", {"instrument": MES, "percent": 0.5}, (2, 1)),
    ],
)
async def test_law_15_each_side_of_a_hedge_keeps_a_stop_of_its_own_size(
    hedge_desk: Stage, api: str, args: dict[str, object], left: tuple[int, int]
) -> None:
    desk, long, short = hedge_desk, Holding.LONG, Holding.SHORT
    await desk.scene.hold(desk.account, MES, 4, "5780.00", holding=long)
    await desk.scene.hold(desk.account, MES, -3, "5780.00", holding=short)
    await desk.scene.rest(desk.account, MES, "sell", 4, stop="5000.00", holding=long)
    await desk.scene.rest(desk.account, MES, "buy", 3, stop="6500.00", holding=short)

    answer = await desk.client.call(api, {"account": desk.account} | args)

    assert answer.data["success"] is True
    assert {leg.get("unprotected", False) for leg in answer.data["legs"]} == {False}
    guards = {order.holding: order.remaining for order in await desk.scene.working(desk.account)}
    assert guards == {long: left[0], short: left[1]}
    assert await desk.scene.positions(desk.account) == {
        f"{MES} long": left[0],
        f"{MES} short": -left[1],
    }
    told = {remaining["quantity"] for remaining in answer.data["remainingPositions"]}
    assert told <= set(left)


async def test_a_guard_that_nothing_is_left_for_is_canceled(desk: Stage) -> None:
    """The stop comes before the target: what is left is guarded by it alone."""
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    stop = await desk.scene.rest(desk.account, MES, "sell", 4, stop="5700.00")
    await desk.scene.rest(desk.account, MES, "sell", 4, limit="5900.00")

    await desk.client.call("Flatten", {"instrument": MES, "quantity": 1})

    [left] = await desk.scene.working(desk.account)
    assert (left.venue_order_id, left.remaining) == (stop.venue_order_id, Decimal(3))


async def test_an_order_small_enough_is_left_alone(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 1, stop="5700.00")

    await desk.client.call("Flatten", {"instrument": MES, "quantity": 3})

    [stop] = await desk.scene.working(desk.account)
    assert stop.quantity == 1


async def test_a_whole_close_cancels_every_order_of_the_position(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 4, stop="5700.00")
    await desk.scene.rest(desk.account, MES, "sell", 4, limit="5900.00")
    await desk.scene.rest(desk.account, MES, "buy", 2, limit="5500.00")
    await desk.scene.rest(desk.account, NQ, "buy", 1, limit="19000.00")

    answer = await desk.client.call("Flatten", {"instrument": MES})

    assert answer.data["flat"] is True
    assert len(answer.data["canceledOrderIds"]) == 3
    assert [order.instrument for order in await desk.scene.working(desk.account)] == [NQ]


async def test_a_position_left_without_its_stop_is_called_unprotected(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await desk.scene.rest(desk.account, MES, "sell", 4, stop="5700.00")
    await desk.scene.do(RefuseOrders(account=AccountId(desk.account)))
    async with connected(desk.server.url, desk.server.token) as watching:
        await watching.say(action="subscribe", channels=["alerts"])
        await watching.hear_type("subscribed")

        answer = await desk.client.call("Flatten", {"instrument": MES})

        assert answer.data["success"] is False
        assert answer.data["unprotected"] is True
        [leg] = answer.data["legs"]
        assert leg["unprotected"] is True
        alert = await watching.hear_type("event")
        [item] = [each for each in alert["items"] if each["code"] == "unprotected"]
        assert item["operationIds"] == [answer.operation_id]
        assert (item["account"], item["instrument"]) == (desk.account, MES)


# --- roots, sides, selections --------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["ES", "es", "ES1!"])
async def test_in_roll_week_a_root_leaves_no_expiry_open(desk: Stage, asked: str) -> None:
    await desk.scene.hold(desk.account, ES, 1, "5780.00")
    await desk.scene.hold(desk.account, ES_BACK, 2, "5790.00")
    await desk.scene.hold(desk.account, MES, 3, "5780.00")

    answer = await desk.client.call("Flatten", {"account": desk.account, "instrument": asked})

    assert {each["instrument"] for each in answer.data["closedPositions"]} == {ES, ES_BACK}
    assert await desk.scene.positions(desk.account) == {MES: Decimal(3)}


@pytest.mark.parametrize("asked", ["ESH26", "ES MAR26", "ES 03-26", "esh6", "es 03-2026"])
async def test_an_expiry_by_any_of_its_names_is_that_one_only(desk: Stage, asked: str) -> None:
    await desk.scene.hold(desk.account, ES, 1, "5780.00")
    await desk.scene.hold(desk.account, ES_BACK, 2, "5790.00")

    await desk.client.call("Flatten", {"instrument": asked})

    assert await desk.scene.positions(desk.account) == {ES: Decimal(1)}


async def test_winners_losers_and_what_is_excluded(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 1, "5000.00")  # a winner
    await desk.scene.hold(desk.account, NQ, 1, "30000.00")  # a loser
    await desk.scene.hold(desk.account, ES, 1, "5000.00")  # a winner, to be kept

    answer = await desk.client.call("Flatten", {"pnl": "winners", "exclude": ["ES"]})

    assert await desk.scene.positions(desk.account) == {NQ: Decimal(1), ES: Decimal(1)}
    outcomes = {leg["instrument"]: leg["outcome"] for leg in answer.data["legs"]}
    assert outcomes == {MES: "flat", ES: "excluded"}
    assert answer.data["success"] is True
    assert answer.data["flat"] is False, "what is excluded is still held"

    await desk.client.call("Flatten", {"pnl": "losers"})
    assert await desk.scene.positions(desk.account) == {ES: Decimal(1)}


async def test_closing_one_side_never_touches_the_other(hedge_desk: Stage) -> None:
    desk, swap = hedge_desk, "BTC-USDT-SWAP"
    await desk.scene.hold(desk.account, swap, 50, "49000", holding=Holding.LONG)
    await desk.scene.hold(desk.account, swap, -20, "51000", holding=Holding.SHORT)

    answer = await desk.client.call("Flatten", {"marketPosition": "long"})

    assert answer.data["flat"] is True
    assert await desk.scene.positions(desk.account) == {f"{swap} short": Decimal(-20)}


async def test_only_the_tokens_accounts_are_everything(desk: Stage) -> None:
    """FlattenEverything is everything the caller may trade, and nothing of anybody else's."""
    mine, others = desk.accounts[0], "Sim101"
    held = await desk.scene.positions(others)
    await desk.scene.hold(mine, MES, 1, "5780.00")
    await desk.scene.hold(desk.accounts[1], NQ, -2, "20000.00")

    answer = await desk.client.call("FlattenEverything")

    assert answer.data["counts"] == {"flat": 2}
    assert await desk.scene.positions(*desk.accounts) == {}
    assert await desk.scene.positions(others) == held
    refused = await desk.client.call("Flatten", {"account": others})
    assert refused.data["error"] == "unknown_account"


# --- sizes ---------------------------------------------------------------------------------------


async def test_a_quantity_is_capped_at_the_position(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")

    answer = await desk.client.call("Flatten", {"instrument": MES, "quantity": 50})

    assert answer.data["flat"] is True
    [order] = await desk.scene.orders(desk.account)
    assert order.quantity == 3


@pytest.mark.parametrize(("held", "fraction", "left"), [(5, 0.5, 3), (4, 0.25, 3), (3, 1, 0)])
async def test_a_fraction_rounds_down(desk: Stage, held: int, fraction: float, left: int) -> None:
    await desk.scene.hold(desk.account, MES, held, "5780.00")

    await desk.client.call("Flatten", {"instrument": MES, "fraction": fraction})

    assert (await desk.scene.positions(desk.account)).get(MES, 0) == left


@pytest.mark.parametrize(("percent", "left"), [(0.1, 0), (1, 0)])
async def test_close_positions_percent_rounds_up_as_crosstrade_does(
    desk: Stage, percent: float, left: int
) -> None:
    await desk.scene.hold(desk.account, MES, 1, "5780.00")

    answer = await desk.client.call(
        "ClosePosition", {"account": desk.account, "instrument": MES, "percent": percent}
    )

    assert answer.data["success"] is True
    assert (await desk.scene.positions(desk.account)).get(MES, 0) == left


async def test_a_part_smaller_than_a_lot_is_told_and_not_sent(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 1, "5780.00")

    answer = await desk.client.call("Flatten", {"instrument": MES, "fraction": 0.5})

    [leg] = answer.data["legs"]
    assert (leg["outcome"], leg["reason"]) == ("rejected", "below_minimum")
    assert await desk.scene.orders(desk.account) == []


@pytest.mark.parametrize(("dust", "success"), [("close", False), ("leave", True)])
async def test_less_than_a_lot_that_is_left_is_dust(desk: Stage, dust: str, success: bool) -> None:
    await desk.scene.hold(desk.account, "BTC-USDT", "0.250005", "49000")

    answer = await desk.client.call("Flatten", {"instrument": "BTC-USDT", "dust": dust})

    [leg] = answer.data["legs"]
    assert (leg["outcome"], leg["remaining"]) == ("dust", "0.000005")
    assert answer.data["success"] is answer.data["flat"] is success
    assert await desk.scene.positions(desk.account) == {"BTC-USDT": Decimal("0.000005")}


async def test_a_thin_book_is_closed_in_parts(desk: Stage) -> None:
    """The book holds 36 times its touch: what is left over is sent again."""
    await desk.scene.set_depth("CL 12-25", "1")
    await desk.scene.hold(desk.account, "CL 12-25", 50, "70.00")

    answer = await desk.client.call("Flatten", {"instrument": "CL"})

    assert answer.data["flat"] is True
    orders = await desk.scene.orders(desk.account)
    assert len(orders) == 2
    assert sum(order.filled for order in orders) == 50
    [leg] = answer.data["legs"]
    assert leg["closed"] == "50"


# --- markets -------------------------------------------------------------------------------------


async def test_a_closed_market_is_told_at_once_and_nothing_is_sent(desk: Stage) -> None:
    await desk.scene.set_phase(NQ, MarketPhase.CLOSED)
    await desk.scene.hold(desk.account, NQ, 1, "20000.00")
    await desk.scene.hold(desk.account, MES, 1, "5780.00")

    answer = await desk.client.call("FlattenEverything")

    outcomes = {leg["instrument"]: leg["outcome"] for leg in answer.data["legs"]}
    assert outcomes == {NQ: "waiting_market", MES: "flat"}
    assert answer.data["success"] is False
    assert {order.instrument for order in await desk.scene.orders(desk.account)} == {MES}


async def test_wait_for_open_closes_at_the_open(desk: Stage) -> None:
    await desk.scene.set_phase(NQ, MarketPhase.CLOSED)
    await desk.scene.hold(desk.account, NQ, 1, "20000.00")

    await desk.client.begin("Flatten", {"instrument": NQ, "waitForOpen": True})
    await desk.client.hear_type("accepted")
    await desk.client.hear_type("progress")
    assert await desk.scene.orders(desk.account) == []
    await desk.scene.set_phase(NQ, MarketPhase.OPEN)
    answer = await desk.client.answer("my-request-id")

    assert answer.data["flat"] is True
    assert await desk.scene.positions(desk.account) == {}


@pytest.mark.parametrize("phase", [MarketPhase.AUCTION, MarketPhase.RESERVED])
async def test_where_market_orders_are_banned_a_limit_that_crosses_stands_in(
    desk: Stage, phase: MarketPhase
) -> None:
    """In an auction it rests until the market opens, and trades then: nobody gives up."""
    await desk.scene.set_phase(NQ, phase)
    await desk.scene.hold(desk.account, NQ, 2, "20000.00")
    await desk.client.begin("Flatten", {"instrument": NQ})
    while (await desk.client.hear_type("progress"))["event"] != "working":
        pass
    [resting] = await desk.scene.working(desk.account)
    await desk.scene.set_phase(NQ, MarketPhase.OPEN)
    answer = await desk.client.answer("my-request-id")

    assert resting.type is OrderType.LIMIT
    assert answer.data["flat"] is True, answer.data
    assert await desk.scene.traded(desk.account) == {NQ: Decimal(-2)}


async def test_a_halt_in_the_middle_is_waited_out_where_that_was_asked(desk: Stage) -> None:
    await desk.scene.set_depth(NQ, "1")
    await desk.scene.hold(desk.account, NQ, 8, "20000.00")
    ladder = [{"type": "limit", "offsetTicks": 1}, {"type": "market", "afterMs": 600}]
    await desk.client.begin("Flatten", {"instrument": NQ, "ladder": ladder, "waitForOpen": True})
    while (await desk.client.hear_type("progress"))["event"] != "filled":
        pass
    await desk.scene.set_phase(NQ, MarketPhase.HALTED)
    while (await desk.client.hear_type("progress"))["event"] not in ("canceled", "rejected"):
        pass
    await desk.scene.set_depth(NQ, None)
    await desk.scene.set_phase(NQ, MarketPhase.OPEN)
    answer = await desk.client.answer("my-request-id")

    assert answer.data["flat"] is True, answer.data
    assert await desk.scene.traded(desk.account) == {NQ: Decimal(-8)}


async def test_no_fill_beyond_the_price_that_was_named(desk: Stage) -> None:
    await desk.scene.set_depth("GC 12-25", "1")
    await desk.scene.hold(desk.account, "GC 12-25", 9, "2600.0")
    args = {"instruments": ["GC 12-25"], "execution_type": "LIMIT",
            "limit_prices": {"GC 12-25": 2649.9}, "deadlineMs": 800}  # fmt: skip

    answer = await desk.client.call("ExitAll", args)

    [row] = answer.data["data"]
    assert row["status"] == "PARTIAL"
    assert row["exit_price"] >= 2649.9
    orders = await desk.scene.orders(desk.account)
    assert {order.limit_price for order in orders} == {Decimal("2649.9")}
    assert (await desk.scene.positions(desk.account))["GC 12-25"] == row["remaining_quantity"]


async def test_a_ladder_begins_passive_and_ends_at_market(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    ladder = [
        {"type": "limit", "offsetTicks": 0, "afterMs": 0},
        {"type": "limit", "offsetTicks": -2, "afterMs": 200},
        {"type": "market", "afterMs": 400},
    ]

    answer = await desk.client.call("Flatten", {"instrument": MES, "ladder": ladder})

    assert answer.data["flat"] is True
    orders = await desk.scene.orders(desk.account)
    assert [(order.type, order.limit_price, order.filled) for order in orders] == [
        (OrderType.LIMIT, Decimal("5774.25"), Decimal(0)),  # at the offer, where it does not trade
        (OrderType.LIMIT, Decimal("5774.75"), Decimal(0)),  # deeper still
        (OrderType.MARKET, None, Decimal(3)),
    ]
    assert sum(order.remaining for order in orders) == 0


async def test_a_ladder_that_crosses_within_a_bound_trades_there(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")

    answer = await desk.client.call(
        "Flatten", {"instrument": MES, "ladder": [{"type": "limit", "offsetTicks": 4}]}
    )

    assert answer.data["flat"] is True
    [order] = await desk.scene.orders(desk.account)
    assert order.limit_price == Decimal("5773.00")
    assert order.average_price == Decimal("5774.00")
