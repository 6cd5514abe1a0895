"""What a connection is told without asking again: market data, profit, and the channels."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.venues.paper.commands import SetPrice
from rpcserver.venues.paper.faults import FailReads, RefuseOrders
from tests.acceptance.clients import Client, Frame, connected
from tests.acceptance.conftest import Stage, new_token

pytestmark = pytest.mark.anyio

MES = "MES 12-25"


async def hear_item(client: Client, channel: str, wanted: Callable[[Frame], bool]) -> Frame:
    """The first item of *channel* that is *wanted*."""
    while True:
        frame = await client.hear_type("event")
        if frame["channel"] == channel:
            for item in frame["items"]:
                if wanted(item):
                    found: Frame = item
                    return found


async def test_every_channel_begins_with_a_snapshot_and_tells_what_happens(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    resting = await desk.scene.rest(desk.account, MES, "sell", 3, stop="5700.00")
    await desk.client.say(
        action="subscribe", channels=["positions", "orders", "executions", "operations"]
    )
    subscribed = await desk.client.hear_type("subscribed")

    assert set(subscribed["channels"]) == {"positions", "orders", "executions", "operations"}
    snapshot = subscribed["snapshot"]
    assert [(p["instrument"], p["side"], p["quantity"]) for p in snapshot["positions"]] == [
        (MES, "long", "3")
    ]
    assert [order["orderId"] for order in snapshot["orders"]] == [resting.venue_order_id]
    assert snapshot["operations"] == []

    async with connected(desk.server.url, desk.token) as second:
        answer = await second.call("Flatten", {"instrument": MES})
        flat = await hear_item(desk.client, "positions", lambda item: bool(item["side"] == "flat"))
    assert flat["instrument"] == MES
    [closing] = answer.data["orderIds"]
    async with connected(desk.server.url, desk.token) as late:
        await late.say(action="subscribe", channels=["executions", "operations"])
        snapshot = (await late.hear_type("subscribed"))["snapshot"]
    assert [each["clientOrderId"] for each in snapshot["executions"]] == [closing]
    assert snapshot["operations"][-1]["operationId"] == answer.operation_id
    assert snapshot["operations"][-1]["status"] == "finished"


async def test_operations_are_told_as_they_begin_and_end(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 3, "5780.00")
    async with connected(desk.server.url, desk.token) as watching:
        await watching.say(action="subscribe", channels=["operations", "orders", "executions"])
        await watching.hear_type("subscribed")
        answer = await desk.client.call("Flatten", {"instrument": MES})
        seen: dict[str, list[Frame]] = {"operations": [], "orders": [], "executions": []}
        while not any(item["status"] == "finished" for item in seen["operations"]):
            frame = await watching.hear_type("event")
            seen[frame["channel"]] += frame["items"]

    assert [item["status"] for item in seen["operations"]] == ["running", "finished"]
    assert {item["operationId"] for item in seen["operations"]} == {answer.operation_id}
    assert seen["operations"][-1]["flat"] is True
    assert seen["orders"][-1]["status"] == "filled"
    [execution] = seen["executions"]
    assert (execution["quantity"], execution["side"]) == ("3", "sell")


async def test_nothing_of_others_is_told(desk: Stage) -> None:
    async with connected(desk.server.url, desk.server.token) as admin:
        await desk.client.say(action="subscribe", channels=["operations", "positions"])
        subscribed = await desk.client.hear_type("subscribed")
        assert subscribed["snapshot"]["positions"] == []
        await admin.call("Flatten", {"account": desk.account, "dryRun": True})
        await admin.call("Flatten", {"account": "Sim101", "dryRun": True})
    await desk.scene.hold(desk.account, MES, 1, "5780.00")

    held = await hear_item(desk.client, "positions", lambda _: True)

    assert held["account"] == desk.account


async def test_unsubscribed_channels_are_silent(desk: Stage) -> None:
    await desk.client.say(action="subscribe", channels=["positions", "operations"])
    await desk.client.hear_type("subscribed")
    await desk.client.say(action="unsubscribe", channels=["positions"])
    told = await desk.client.hear_type("unsubscribed")
    await desk.scene.hold(desk.account, MES, 1, "5780.00")
    await desk.client.begin("Flatten", {"instrument": MES})
    channels: set[str] = set()
    while "id" not in (frame := await desk.client.hear()):
        channels.add(frame.get("channel", ""))

    assert told["channels"] == ["operations"]
    assert "positions" not in channels


async def test_alerts_and_the_audit_are_for_those_who_watch(desk: Stage) -> None:
    token = await new_token(desk.server, "only a trader", ["trader"], desk.accounts)
    async with connected(desk.server.url, token) as trader:
        for channel in ("alerts", "audit"):
            await trader.say(action="subscribe", channels=[channel])
            assert (await trader.hear_type("error"))["error"] == "forbidden"
        await trader.say(action="subscribe", channels=["alarms"])
        assert (await trader.hear_type("error"))["error"] == "unknown_channel"
    await desk.scene.hold(desk.account, MES, 1, "5780.00")
    await desk.client.say(action="subscribe", channels=["audit"])
    await desk.client.hear_type("subscribed")
    await desk.client.begin("Flatten", {"instrument": MES})

    opened = await hear_item(desk.client, "audit", lambda item: bool(item.get("principal")))

    assert opened["kind"] == "operation_opened"
    assert len(opened["auditHash"]) == 64


async def test_a_failed_exit_is_told_to_those_who_watch(desk: Stage) -> None:
    """Never silence: whoever pressed may be asleep, the desk is not (law 28)."""
    bad = desk.accounts[1]
    for account in desk.accounts:
        await desk.scene.hold(account, MES, 2, "5780.00")
    await desk.scene.do(RefuseOrders(account=AccountId(bad), detail="no"))
    async with connected(desk.server.url, desk.token) as watching:
        await watching.say(action="subscribe", channels=["alerts"])
        await watching.hear_type("subscribed")

        answer = await desk.client.call("Flatten", {"instrument": MES})

        alert = await hear_item(watching, "alerts", lambda item: item["code"] == "exit_failed")
    assert answer.data["success"] is False
    assert alert["operationIds"] == [answer.operation_id]
    assert alert["account"] == bad
    assert alert["detail"] == f"Flatten in {bad}: not closed: MES 12-25 rejected (other)"


async def test_an_account_that_could_not_be_read_is_told_to_those_who_watch(desk: Stage) -> None:
    await desk.scene.do(FailReads(account=AccountId(desk.account)))
    await desk.client.say(action="subscribe", channels=["alerts"])
    await desk.client.hear_type("subscribed")

    await desk.client.begin("FlattenEverything", {"deadlineMs": 500})
    alert = await hear_item(desk.client, "alerts", lambda item: item["code"] == "exit_failed")

    assert alert["account"] == desk.account
    assert "not read" in alert["detail"]


async def test_what_went_well_or_was_chosen_is_no_alert(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await desk.client.say(action="subscribe", channels=["alerts"])
    await desk.client.hear_type("subscribed")
    for args in ({"fraction": 0.5, "instrument": MES}, {"instrument": MES, "exclude": ["MES"]}):
        assert (await desk.client.call("Flatten", args)).data["success"] is True
    await desk.client.begin("Flatten", {"instrument": MES})
    told = []
    while "id" not in (frame := await desk.client.hear()):
        told.append(frame["type"])

    assert "event" not in told


async def test_an_exit_of_many_positions_is_told_as_it_begins(desk: Stage) -> None:
    for number in range(50):
        await desk.scene.hold(desk.account, f"SYN{number + 1:05}", 1, "100.00")
    await desk.client.say(action="subscribe", channels=["alerts"])
    await desk.client.hear_type("subscribed")

    await desk.client.begin("FlattenEverything")
    alert = await hear_item(desk.client, "alerts", lambda item: item["code"] == "bulk_exit")

    assert alert["account"] == desk.account
    assert "closes 50 positions" in alert["detail"]


async def test_quotes_follow_the_market(desk: Stage) -> None:
    await desk.client.say(action="subscribe", instruments=["GC 12-25", "gcz25"])
    subscribed = await desk.client.hear_type("subscribed")
    assert subscribed["instruments"] == ["GC 12-25"]
    first = (await desk.client.hear_type("marketData"))["quotes"]
    assert [(quote["instrument"], quote["last"]) for quote in first] == [("GC 12-25", 2650.0)]

    await desk.scene.do(SetPrice(instrument=InstrumentId("GC 12-25"), price=Decimal("2655.0")))
    while (quotes := (await desk.client.hear_type("marketData"))["quotes"])[0]["last"] != 2655.0:
        pass

    assert quotes[0]["bid"] <= quotes[0]["last"] <= quotes[0]["ask"]
    await desk.scene.do(SetPrice(instrument=InstrumentId("GC 12-25"), price=Decimal("2650.0")))
    await desk.client.say(action="unsubscribe", instruments=["GC 12-25"])
    assert (await desk.client.hear_type("unsubscribed"))["instruments"] == []


async def test_profit_is_streamed_until_it_is_switched_off(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5770.00")
    await desk.client.say(action="streamPnl", enabled=True, interval=100)
    streaming = await desk.client.hear_type("pnlStreaming")
    assert (streaming["enabled"], streaming["interval"]) == (True, 100)

    first = await desk.client.hear_type("pnlUpdate")
    second = await desk.client.hear_type("pnlUpdate")

    assert second["epoch"] > first["epoch"]
    lines = {line["account"]: line for line in second["accounts"]}
    assert lines.keys() == set(desk.accounts)
    assert lines[desk.account]["unrealizedPnl"] == (5774 - 5770) * 2 * 5
    await desk.client.say(action="streamPnl", enabled=False)
    assert (await desk.client.hear_type("pnlStreaming"))["enabled"] is False
    await desk.client.say(action="ping")
    assert (await desk.client.hear())["type"] == "pong"
