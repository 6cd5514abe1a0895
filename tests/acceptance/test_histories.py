"""An order's life, single executions and whole accounts, on the running server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.venues.paper.commands import SetPrice
from rpcserver.venues.paper.faults import FailReads, LoseAnswers, RefuseOrders
from tests.acceptance.conftest import Stage

pytestmark = pytest.mark.anyio

MES = "MES 12-25"


async def ask(desk: Stage, api: str, **args: object) -> Any:
    return (await desk.client.call(api, args)).data


def steps(lifecycle: Any) -> list[tuple[str, str | None]]:
    return [(event["event"], event["orderState"]) for event in lifecycle["events"]]


async def test_the_life_of_an_order_from_its_intent_to_its_end(desk: Stage) -> None:
    placed = await ask(
        desk,
        "PlaceOrder",
        account=desk.account,
        instrument=MES,
        action="BUY",
        quantity=2,
        orderType="LIMIT",
        limitPrice="5000.00",
    )
    name = placed["orderId"]
    await ask(desk, "Change", orderId=name, quantity=1)
    await ask(desk, "Cancel", orderId=name)

    life = await ask(desk, "GetOrderLifecycle", orderId=name)
    by_venue = await ask(desk, "GetOrderLifecycle", orderId=placed["venueOrderId"])
    status = await ask(desk, "GetOrderStatus", orderId=name)

    assert steps(life)[:3] == [
        ("PlaceOrder", None),
        ("OrderUpdate", "Working"),
        ("Change", None),
    ]
    assert ("Cancel", None) in steps(life)
    assert steps(life)[-1] == ("OrderState", "Cancelled")
    assert [event["auditSeq"] for event in life["events"][:-1]] == sorted(
        event["auditSeq"] for event in life["events"][:-1]
    )
    assert steps(by_venue) == steps(life)
    assert (status["orderState"], status["isTerminal"], status["quantity"]) == (
        "Cancelled",
        True,
        1,
    )


async def test_the_life_of_a_closing_order_and_its_executions(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    [name] = (await ask(desk, "Flatten", account=desk.account))["orderIds"]

    life = await ask(desk, "GetOrderLifecycle", orderId=name, includeRaw=True)
    fills = await ask(desk, "GetExecutionsByOrderId", account=desk.account, orderId=name)
    one = await ask(desk, "GetExecution", executionId=fills["executions"][0]["id"])
    none = await ask(desk, "GetExecution", executionId="nobody's")

    assert steps(life)[0] == ("ClosingOrder", None)
    assert steps(life)[-1] == ("OrderState", "Filled")
    assert all("raw" in event for event in life["events"][:-1])
    told = [fill["id"] for event in life["events"] for fill in event.get("fills", ())]
    assert told == [fill["id"] for fill in fills["executions"]]
    assert sum(fill["quantity"] for fill in fills["executions"]) == 3
    assert one["orderId"] == name
    assert none["error"] == "unknown_execution"


async def test_an_order_that_never_was_at_the_venue_has_a_life_too(desk: Stage) -> None:
    await desk.scene.do(RefuseOrders(account=AccountId(desk.account), count=1))
    order = {"account": desk.account, "instrument": MES, "action": "BUY", "quantity": 1}
    refused = await ask(desk, "PlaceOrder", **order, orderType="MARKET")

    life = await ask(desk, "GetOrderLifecycle", orderId=refused["orderId"])

    assert ("PlaceOrder", None) in steps(life)
    assert "Rejected" in [state for _, state in steps(life)]


async def test_an_answer_that_was_lost_stands_in_an_orders_life(desk: Stage) -> None:
    await desk.scene.do(LoseAnswers(account=AccountId(desk.account), count=1))
    order = {"account": desk.account, "instrument": MES, "action": "BUY", "quantity": 1}
    lost = await ask(desk, "PlaceOrder", **order, orderType="MARKET")

    life = await ask(desk, "GetOrderLifecycle", orderId=lost["orderId"])

    assert steps(life)[0] == ("PlaceOrder", None)
    assert steps(life)[-1] == ("OrderState", "Filled")


async def test_nobody_reads_the_life_of_anothers_order(floor_trio: list[Stage]) -> None:
    me, other, _ = floor_trio
    order = {"account": other.account, "instrument": MES, "action": "BUY", "quantity": 1}
    theirs = await ask(other, "PlaceOrder", **order, orderType="MARKET")

    for name in (theirs["orderId"], theirs["venueOrderId"], "a", '"'):
        data = await ask(me, "GetOrderLifecycle", orderId=name)
        assert data["error"] == "unknown_order"


async def test_a_summary_tells_what_is_held_and_what_could_not_be_read(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    second = desk.accounts[1]

    whole = await ask(desk, "GetAccountSummary")
    await desk.scene.do(FailReads(account=AccountId(second), count=1))
    half = await ask(desk, "GetAccountSummary")

    lines = {line["account"]["name"]: line for line in whole["accounts"]}
    assert whole["success"] is True
    assert lines[desk.account]["account"]["isAccountFlat"] is False
    assert lines[second]["account"]["isAccountFlat"] is True
    [held] = lines[desk.account]["positions"]
    assert (held["instrument"], Decimal(held["quantity"])) == (MES, Decimal(2))
    unread = {line["account"]["name"]: line for line in half["accounts"]}[second]
    assert half["success"] is False
    assert unread["positions"] is None
    assert unread["account"]["isAccountFlat"] is None


async def test_marks_and_connections(desk: Stage) -> None:
    marks = {mark["account"]: mark for mark in (await ask(desk, "GetWatermarks"))["watermarks"]}
    connections = await ask(desk, "GetConnections")

    assert marks.keys() == set(desk.accounts)
    mark = marks[desk.account]
    assert mark["lowWatermark"] <= mark["equity"] <= mark["highWatermark"]
    assert mark["drawdown"] == mark["highWatermark"] - mark["equity"]
    assert connections["connections"] == [
        {"name": "paper", "status": "Connected", "sandbox": True, "accounts": 2}
    ]


async def test_bars_are_made_of_the_venues_own_prices(desk: Stage) -> None:
    nothing = await ask(desk, "GetBars", instrument="GC 12-25", periodType="week")
    await desk.scene.do(SetPrice(instrument=InstrumentId("NSE:TCS"), price=Decimal("3310.00")))
    await ask(desk, "GetBars", instrument="NSE:TCS")
    await desk.scene.do(SetPrice(instrument=InstrumentId("NSE:TCS"), price=Decimal("3290.00")))

    bars = await ask(desk, "GetBars", instrument="NSE:TCS", periodType="Minute", period=60)

    await desk.scene.do(SetPrice(instrument=InstrumentId("NSE:TCS"), price=Decimal("3300.00")))
    assert nothing["error"] == "invalid_argument"
    assert bars["count"] == len(bars["bars"]) >= 1
    assert max(bar["high"] for bar in bars["bars"]) == 3310.0
    assert bars["bars"][-1]["close"] == min(bar["low"] for bar in bars["bars"]) == 3290.0
    assert bars["since"]
