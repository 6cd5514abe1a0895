from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal

import anyio
import msgspec
import pytest

from rpcserver.domain.ids import InstrumentId, OperationId, Product, TradeId, VenueId
from rpcserver.domain.market import Quote
from rpcserver.domain.order import Fill, Holding, OrderSide, OrderStatus
from rpcserver.domain.position import PositionKey
from rpcserver.domain.principal import Role
from rpcserver.driver.ports import OrderChanged, PositionMoved
from rpcserver.server.limits import Limits
from rpcserver.server.listener import Server
from rpcserver.server.settings import ServerSettings
from tests.server.clients import Client, connect_client, let_in
from tests.server.conftest import QUOTE_INTERVAL, a_server
from tests.server.fakes import (
    MES,
    NOON,
    PAPER,
    SIM101,
    SIM102,
    FakeEngine,
    FakeVenue,
    a_position,
    a_quote,
    an_order,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue()


@pytest.fixture
async def engine(venue: FakeVenue) -> FakeEngine:
    engine = FakeEngine(venue)
    await let_in(engine, "trader", {Role.TRADER})
    await let_in(engine, "one", {Role.TRADER}, ("Sim101",))
    await let_in(engine, "risk", {Role.RISK})
    return engine


# --- market data -------------------------------------------------------------------------------


async def test_quotes_come_at_once_under_their_canonical_name(client: Client) -> None:
    await client.say(action="subscribe", instruments=["mesz30", "MES1!"])

    assert await client.hear() == {
        "type": "subscribed",
        "instruments": [MES],
        "channels": [],
        "snapshot": {},
        "unread": [],
    }
    frame = await client.hear()
    assert frame["type"] == "marketData"
    [quote] = frame["quotes"]
    assert (quote["instrument"], quote["last"], quote["volume"]) == (MES, 5774.25, 1000)
    assert {"bid", "ask", "venue", "isOpen"} <= quote.keys()


async def test_only_quotes_that_changed_are_told_again(client: Client, venue: FakeVenue) -> None:
    await client.say(action="subscribe", instruments=[MES])
    await client.hear()
    await client.hear()
    assert await client.hears_nothing(QUOTE_INTERVAL * 3)
    venue.quote = msgspec.structs.replace(venue.quote, at=NOON + timedelta(hours=1))
    assert await client.hears_nothing(QUOTE_INTERVAL * 3)  # it was read again, no more
    venue.quote = a_quote("5775.50")

    frame = await client.hear()

    assert [quote["last"] for quote in frame["quotes"]] == [5775.5]


async def test_each_watcher_hears_as_often_as_it_asked(
    engine: FakeEngine, venue: FakeVenue
) -> None:
    async with (
        a_server(engine, settings=ServerSettings(port=0, quote_interval=3600.0)) as server,
        connect_client(server.port, "trader") as quick,
        connect_client(server.port, "trader") as slow,
    ):
        await slow.say(action="subscribe", instruments=[MES])
        await quick.say(action="subscribe", instruments=[MES], interval=100)
        for client in (slow, quick):
            assert [(await client.hear())["type"] for _ in range(2)] == ["subscribed", "marketData"]

        for price in ("5775.50", "5776.00"):
            venue.quote = a_quote(price)
            assert [each["last"] for each in (await quick.hear())["quotes"]] == [float(price)]
        assert await slow.hears_nothing()

        await slow.say(action="subscribe", interval=100)  # of what it watches already
        assert (await slow.hear())["instruments"] == [MES]
        assert [each["last"] for each in (await slow.hear())["quotes"]] == [5776.0]
        venue.quote = a_quote("5777.00")
        for client in (slow, quick):
            assert [each["last"] for each in (await client.hear())["quotes"]] == [5777.0]


async def test_one_reading_serves_everyone_who_is_to_be_told_soon(
    engine: FakeEngine, venue: FakeVenue
) -> None:
    async with (
        a_server(engine, settings=ServerSettings(port=0)) as server,
        AsyncExitStack() as stack,
    ):
        for number in range(6):
            await let_in(engine, f"wall-{number}", {Role.VIEWER})
            client = await stack.enter_async_context(connect_client(server.port, f"wall-{number}"))
            await client.say(action="subscribe", instruments=[MES], interval=100)
            await client.hear()
        before, begun = venue.quote_readings, anyio.current_time()
        await anyio.sleep(0.5)

        intervals = (anyio.current_time() - begun) / 0.1
    assert 0 < venue.quote_readings - before <= 2 * intervals + 1


class _Wall(FakeVenue):
    """A venue that lists thousands of instruments."""

    LISTED = 2500

    def __init__(self) -> None:
        super().__init__()
        self.listed = tuple(
            msgspec.structs.replace(self.listed[0], instrument_id=InstrumentId(f"WALL-{number}"))
            for number in range(self.LISTED)
        )

    async def quotes(self, instruments: Sequence[InstrumentId]) -> Sequence[Quote]:
        return [msgspec.structs.replace(self.quote, instrument=each) for each in instruments]


async def test_thousands_of_quotes_come_in_frames_that_every_client_takes() -> None:
    engine = FakeEngine(venue := _Wall())
    await let_in(engine, "trader", {Role.TRADER})
    names = [each.instrument_id for each in venue.listed]
    async with (
        a_server(engine, settings=ServerSettings(port=0)) as server,
        connect_client(server.port, "trader") as client,
    ):
        await client.say(action="subscribe", instruments=names)
        assert (await client.hear())["type"] == "subscribed"
        frames = [(await client.hear())["quotes"] for _ in range(3)]

    assert [len(quotes) for quotes in frames] == [1000, 1000, 500]
    assert [quote["instrument"] for quotes in frames for quote in quotes] == names


async def test_who_unsubscribes_is_told_no_more(client: Client, venue: FakeVenue) -> None:
    await client.say(action="subscribe", instruments=[MES])
    [await client.hear() for _ in range(2)]
    await client.say(action="unsubscribe", instruments=[MES])
    assert await client.hear() == {"type": "unsubscribed", "instruments": [], "channels": []}
    venue.quote = a_quote("5775.50")

    assert await client.hears_nothing(QUOTE_INTERVAL * 3)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"instruments": ["MES 06-27x"]}, "unknown_instrument"),
        ({"channels": ["position"]}, "unknown_channel"),
        ({"channels": ["alerts"]}, "forbidden"),
        ({"channels": ["positions", "audit"]}, "forbidden"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_refused_whole(
    client: Client, engine: FakeEngine, frame: dict[str, object], code: str
) -> None:
    await client.say(action="subscribe", id="s1", **frame)

    answer = await client.hear()
    assert (answer["type"], answer["requestId"], answer["error"]) == ("error", "s1", code)
    engine.happen(PositionMoved(a_position(SIM101)))
    assert await client.hears_nothing()


async def test_an_answer_bears_the_id_of_what_it_answers(client: Client) -> None:
    await client.say(action="subscribe", id="s1", channels=["positions"])
    first = await client.hear()
    await client.say(action="subscribe", channels=["positions"])
    nameless = await client.hear()

    assert (first["type"], first["requestId"]) == ("subscribed", "s1")
    assert "requestId" not in nameless
    assert nameless["snapshot"] == first["snapshot"], "of what is named, not of what is new"


@pytest.mark.parametrize(
    ("frame", "named", "code"),
    [
        ({"id": "s1", "channels": "positions"}, "s1", "invalid_argument"),
        ({"id": "s" * 65, "channels": ["positions"]}, None, "id_too_long"),
        ({"id": "", "channels": ["positions"]}, None, "invalid_id"),
        ({"id": 7, "channels": ["positions"]}, None, "invalid_argument"),
    ],
)
async def test_a_subscription_that_cannot_be_read_is_no_call(
    client: Client, frame: dict[str, object], named: str | None, code: str
) -> None:
    await client.say(action="subscribe", **frame)

    answer = await client.hear()
    assert (answer["type"], answer.get("requestId"), answer["error"]) == ("error", named, code)


async def test_a_subscription_that_comes_too_fast_is_told_when_to_come(engine: FakeEngine) -> None:
    slow = Limits(calls_per_second=0.1, calls_burst=1)
    async with (
        a_server(engine, slow) as server,
        connect_client(server.port, "trader") as client,
    ):
        for name in ("s1", "s2"):
            await client.say(action="subscribe", id=name, channels=["positions"])
        answers = [await client.hear() for _ in range(2)]

    [refused] = [each for each in answers if each["type"] == "error"]
    assert (refused["requestId"], refused["error"]) == ("s2", "rate_limited")
    assert refused["retryAfterMs"] > 0


async def test_a_connection_has_room_for_so_many_instruments(engine: FakeEngine) -> None:
    async with (
        a_server(engine, Limits(subscriptions_max=0)) as server,
        connect_client(server.port, "trader") as client,
    ):
        await client.say(action="subscribe", instruments=[MES])
        assert (await client.hear())["error"] == "too_many_subscriptions"


# --- profit ------------------------------------------------------------------------------------


async def test_profit_streams_until_it_is_turned_off(client: Client) -> None:
    await client.say(action="streamPnl", enabled=True, interval=100)
    assert await client.hear() == {"type": "pnlStreaming", "enabled": True, "interval": 100}
    for _ in range(2):
        update = await client.hear()
        assert update["type"] == "pnlUpdate"
        assert update["epoch"] > 1_700_000_000_000
        first, _ = update["accounts"]
        assert first["account"] == "Sim101"
        assert (first["unrealizedPnl"], first["realizedPnl"]) == (12.5, 0)

    await client.say(action="streamPnl", enabled=False)
    assert (await client.hear())["enabled"] is False
    assert await client.hears_nothing(0.15)


async def test_profit_of_other_accounts_is_nobodys_business(server: Server) -> None:
    async with connect_client(server.port, "one") as client:
        await client.say(action="streamPnl", enabled=True)
        assert (await client.hear())["interval"] == 1000
        update = await client.hear()

    assert [account["account"] for account in update["accounts"]] == ["Sim101"]


@pytest.mark.parametrize("interval", [-1, 0, 99, 3_600_001, 10**400])
@pytest.mark.parametrize(
    "frame",
    [
        {"action": "streamPnl", "enabled": True},
        {"action": "subscribe", "instruments": [MES]},
    ],
)
async def test_an_interval_that_is_none_is_refused(
    client: Client, frame: dict[str, object], interval: int
) -> None:
    await client.say(**frame, interval=interval)

    answer = await client.hear()
    assert answer["error"] == "invalid_argument"
    assert "from 100 to 3600000 milliseconds" in answer["detail"]
    assert await client.hears_nothing()


# --- channels ----------------------------------------------------------------------------------


def a_fill() -> Fill:
    return Fill(
        trade_id=TradeId("t1"),
        venue_order_id=an_order(SIM101, "v1").venue_order_id,
        client_order_id=None,
        account=SIM101.account,
        instrument=MES,
        side=OrderSide.SELL,
        quantity=Decimal(1),
        price=Decimal("5774.50"),
        at=NOON,
    )


async def test_channels_begin_with_a_snapshot(client: Client, venue: FakeVenue) -> None:
    venue.reports[SIM101.account] = [
        an_order(SIM101, "v1"),
        an_order(SIM101, "v2", OrderStatus.FILLED),
    ]
    await client.say(action="subscribe", channels=["positions", "orders", "executions"])

    frame = await client.hear()

    assert frame["channels"] == ["positions", "orders", "executions"]
    snapshot = frame["snapshot"]
    assert [each["account"] for each in snapshot["positions"]] == ["Sim101", "Sim102"]
    assert snapshot["positions"][0]["quantity"] == "2"
    assert snapshot["positions"][0]["side"] == "long"
    assert snapshot["positions"][0]["pointValue"] == "1"
    assert snapshot["positions"][0]["currency"] == "USD"
    assert [each["orderId"] for each in snapshot["orders"]] == ["v1"]
    assert snapshot["executions"] == []


async def test_events_follow_and_are_joined(client: Client, engine: FakeEngine) -> None:
    await client.say(action="subscribe", channels=["positions", "orders", "executions"])
    await client.hear()

    engine.happen(PositionMoved(a_position(SIM101, "1")))
    engine.happen(PositionMoved(a_position(SIM101, "0")))
    engine.happen(OrderChanged(an_order(SIM101, "v1", OrderStatus.FILLED, fills=(a_fill(),))))

    frames = {frame["channel"]: frame for frame in [await client.hear() for _ in range(3)]}
    assert {frame["type"] for frame in frames.values()} == {"event"}
    positions = frames["positions"]["items"]
    assert [(each["side"], each["quantity"]) for each in positions] == [
        ("long", "1"),
        ("flat", "0"),
    ]
    assert {each["pointValue"] for each in positions} == {"1"}
    assert [each["status"] for each in frames["orders"]["items"]] == ["filled"]
    assert [each["tradeId"] for each in frames["executions"]["items"]] == ["t1"]


async def test_events_of_other_accounts_are_nobodys_business(
    server: Server, engine: FakeEngine
) -> None:
    async with connect_client(server.port, "one") as client:
        await client.say(action="subscribe", channels=["positions"])
        snapshot = (await client.hear())["snapshot"]
        assert [each["account"] for each in snapshot["positions"]] == ["Sim101"]
        engine.happen(PositionMoved(a_position(SIM102)))
        engine.happen(PositionMoved(a_position(SIM101)))

        frame = await client.hear()

    assert [each["account"] for each in frame["items"]] == ["Sim101"]


async def test_an_account_that_cannot_be_read_is_named_and_not_called_flat() -> None:
    near, far = FakeVenue(), FakeVenue(VenueId("far"))
    engine = FakeEngine(near, far)
    await let_in(engine, "trader", {Role.TRADER})
    far.is_down = True
    async with a_server(engine) as server, connect_client(server.port, "trader") as client:
        await client.say(action="subscribe", channels=["positions"])
        frame = await client.hear()

    assert frame["unread"] == ["far:Sim101", "far:Sim102"]
    assert {each["venue"] for each in frame["snapshot"]["positions"]} == {"paper"}


async def test_operations_are_told_to_those_who_may_see_them(
    server: Server, client: Client, engine: FakeEngine
) -> None:
    await let_in(engine, "other", {Role.TRADER})
    async with (
        connect_client(server.port, "risk") as risk,
        connect_client(server.port, "other") as other,
    ):
        for watcher in (client, risk, other):
            await watcher.say(action="subscribe", channels=["operations"])
            assert (await watcher.hear())["snapshot"] == {"operations": []}
        await client.say(
            action="rpc", id="r1", api="Flatten", args={"account": "Sim101"}, progress=False
        )
        [opened] = (await risk.hear())["items"]
        assert (opened["operationId"], opened["status"]) == ("op-1", "running")
        await engine.finish(OperationId("op-1"))
        [finished] = (await risk.hear())["items"]
        assert (finished["status"], finished["success"], finished["flat"]) == (
            "finished",
            True,
            True,
        )
        assert await other.hears_nothing()
    types = [(await client.hear()).get("type", "final") for _ in range(4)]
    assert sorted(types) == ["accepted", "event", "event", "final"]


async def test_a_snapshot_says_why_an_operation_was_begun(
    client: Client, engine: FakeEngine
) -> None:
    args = {"account": "Sim101", "reason": "end of day"}
    await client.say(action="rpc", id="r1", api="Flatten", args=args, progress=False)
    await client.hear()
    await engine.finish(OperationId("op-1"))
    await client.hear()
    await client.say(action="subscribe", channels=["operations"])

    [listed] = (await client.hear())["snapshot"]["operations"]

    assert listed["reason"] == "end of day"


async def test_alerts_and_the_audit_are_told_to_risk(server: Server, engine: FakeEngine) -> None:
    lane = PositionKey(PAPER, SIM101.account, MES, Holding.NET, Product(""))
    await engine.alert("overfill", lane=lane)
    async with connect_client(server.port, "risk") as client:
        await client.say(action="subscribe", channels=["alerts", "audit"])
        snapshot = (await client.hear())["snapshot"]
        assert [each["code"] for each in snapshot["alerts"]] == ["overfill"]
        assert snapshot["alerts"][0]["account"] == "Sim101"
        assert [each["kind"] for each in snapshot["audit"]] == ["noted"]
        await engine.alert("unprotected")
        frames = {frame["channel"]: frame for frame in [await client.hear() for _ in range(2)]}
    [alert] = frames["alerts"]["items"]
    [line] = frames["audit"]["items"]
    assert (alert["code"], alert["auditSeq"]) == ("unprotected", 2)
    assert (line["auditSeq"], line["auditHash"]) == (2, engine.journal.head.audit_hash)
    assert line["detail"] == "unprotected: look"


async def test_what_happens_during_the_snapshot_is_told_after_it(
    client: Client, engine: FakeEngine, venue: FakeVenue
) -> None:
    venue.hang = True  # until the reading is given up after 0.2 s
    await client.say(action="subscribe", channels=["positions"])
    await client.call("Echo")
    moved = msgspec.structs.replace(a_position(SIM101), signed_quantity=Decimal(7))
    engine.happen(PositionMoved(moved))

    first, second = await client.hear(), await client.hear()

    assert first["type"] == "subscribed"
    assert [each["quantity"] for each in second["items"]] == ["7"]
