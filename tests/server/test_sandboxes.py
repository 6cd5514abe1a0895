"""Sandbox or live: told in every answer about accounts, as the venues say themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import msgspec
import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.apis.queries import Data
from rpcserver.apis.registry import Api, ClosingApi
from rpcserver.core.events import Noticed
from rpcserver.core.report import OperationReport
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.ids import AccountId, AccountRef, VenueId
from rpcserver.domain.principal import Role
from rpcserver.server.sandboxes import marked
from tests.apis import hand, samples
from tests.server.clients import Client, connect_client, let_in
from tests.server.conftest import a_server
from tests.server.fakes import PAPER, FakeEngine, FakeVenue

pytestmark = pytest.mark.anyio

LIVE = VenueId("live")
BOTH: dict[str, Any] = {"sandbox": False, "sandboxVenues": ["paper"]}
REPLACEMENT: dict[str, Any] = {
    "orderId": "v-1",
    "instrument": "MES",
    "action": "BUY",
    "quantity": 1,
    "orderType": "MARKET",
}


def _unread() -> Account:
    return Account(venue=LIVE, account=UNREAD, user_id="", connected=False)


@pytest.fixture
async def engine() -> FakeEngine:
    engine = FakeEngine(FakeVenue(PAPER), FakeVenue(LIVE))
    engine.ends_by_itself = True
    await let_in(engine, "trader", {Role.TRADER})
    return engine


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[Client]:
    async with (
        a_server(engine, registry=registry) as server,
        connect_client(server.port, "trader") as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("api", "args", "told"),
    [
        ("GetAccount", {"account": "paper:Sim101"}, {"sandbox": True}),
        ("GetAccount", {"account": "live:Sim101"}, {"sandbox": False}),
        ("ListAccounts", {}, BOTH),
        ("ListPositions", {"account": "live:Sim101"}, {"sandbox": False}),
        ("GetAllPositions", {}, BOTH),
        ("GetPosition", {"account": "paper:Sim101", "instrument": "MES"}, {"sandbox": True}),
        ("ListOrders", {"account": "paper:Sim102"}, {"sandbox": True}),
        ("ListExecutions", {"account": "live:Sim102"}, {"sandbox": False}),
        ("GetPortfolioPositions", {"type": "all"}, BOTH),
        ("CancelAllOrders", {}, BOTH),
        ("GetAccountSummary", {}, BOTH),
        ("GetWatermarks", {}, BOTH),
        ("GetOrderLifecycle", {"orderId": "v-1"}, BOTH),
        ("Change", {"account": "live:Sim101", "orderId": "v-1", "quantity": 1}, {"sandbox": False}),
        (
            "CancelReplace",
            REPLACEMENT | {"account": "paper:Sim101"},
            {"sandbox": True},
        ),
        ("Flatten", {"account": "paper:Sim101"}, {"sandbox": True}),
        ("Flatten", {"account": "live:Sim101"}, {"sandbox": False}),
        ("FlattenEverything", {}, BOTH),
        ("FlattenEverything", {"dryRun": True}, BOTH),
        ("LiquidateAll", {}, BOTH),
    ],
)
async def test_every_answer_about_accounts_says_what_they_are(
    client: Client, api: str, args: dict[str, Any], told: dict[str, Any]
) -> None:
    data = await client.call(api, args)

    assert {key: data[key] for key in data.keys() & BOTH.keys()} == told


async def test_each_account_in_a_list_and_each_event_says_it_of_itself(client: Client) -> None:
    accounts = (await client.call("ListAccounts"))["accounts"]
    await client.say(action="subscribe", channels=["positions"])
    positions = (await client.hear())["snapshot"]["positions"]
    await client.say(action="streamPnl", enabled=True, interval=100)
    await client.hear()
    lines = (await client.hear())["accounts"]

    for items in (accounts, positions, lines):
        assert {(each["venue"], each.get("sandbox", False)) for each in items} == {
            ("paper", True),
            ("live", False),
        }


async def test_of_a_venue_that_was_never_read_nothing_is_said(
    client: Client, engine: FakeEngine
) -> None:
    engine.accounts = {**engine.accounts, LIVE: (_unread(),)}

    assert "sandbox" not in await client.call("FlattenEverything")
    assert (await client.call("Flatten", {"account": "paper:Sim101"}))["sandbox"] is True


# --- lists ---------------------------------------------------------------------------------------


def told(lines: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """What each line says of its accounts, by its *name*."""
    return {each[name]: {key: each[key] for key in each.keys() & BOTH.keys()} for each in lines}


async def test_each_operation_in_a_list_says_what_was_known_when_it_was_admitted(
    client: Client, engine: FakeEngine
) -> None:
    paper = await client.call("Flatten", {"account": "paper:Sim101"})
    live = await client.call("Flatten", {"account": "live:Sim101"})
    both = await client.call("FlattenEverything")
    engine.accounts = {**engine.accounts, LIVE: (_unread(),)}
    unknown = await client.call("FlattenEverything")

    listed = (await client.call("ListOperations"))["operations"]
    await client.say(action="subscribe", channels=["operations"])
    items = (await client.hear())["snapshot"]["operations"]

    assert told(listed, "operationId") == {
        paper["operationId"]: {"sandbox": True},
        live["operationId"]: {"sandbox": False},
        both["operationId"]: BOTH,
        unknown["operationId"]: {},
    }
    assert told(items, "operationId") == told(listed, "operationId")


async def test_an_operation_says_it_when_it_begins_and_when_it_ends(client: Client) -> None:
    await client.say(action="subscribe", channels=["operations"])
    await client.hear()
    await client.say(action="rpc", id="r", api="FlattenEverything", args={}, progress=False)
    heard: list[dict[str, Any]] = []
    while len(heard) < 2:
        heard += (await client.hear()).get("items", [])

    for item in heard:
        assert told([item], "status") == {item["status"]: BOTH}


async def test_each_exit_says_it_of_its_account(client: Client) -> None:
    closed = [
        await client.call("Flatten", {"account": f"{venue}:Sim101"}) for venue in (PAPER, LIVE)
    ]

    exits = (await client.call("QueryAudit"))["exits"]

    assert {each["operationId"] for each in exits} == {each["operationId"] for each in closed}
    for each in exits:
        # the fake engine's legs are all at the paper venue; what was known of it says the call
        assert each["sandbox"] is (each["operationId"] == closed[0]["operationId"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"account": "paper:Sim101"}, {"sandbox": True}),
        ({"venue": "live"}, {"sandbox": False}),
        ({"instrument": "MES"}, BOTH),
        ({"everything": True}, BOTH),
    ],
)
async def test_a_halt_says_it_of_what_it_reaches(
    client: Client, filters: dict[str, Any], expected: dict[str, Any]
) -> None:
    laid = await client.call("Halt", {**filters, "reason": "the feed is wrong"})
    listed = (await client.call("ListHalts"))["halts"]

    assert told([laid["halt"], *listed], "haltId") == {laid["halt"]["haltId"]: expected}


async def test_a_rule_says_it_of_the_accounts_it_speaks_of(client: Client) -> None:
    rule = {"kind": "drawdown", "amount": 1000, "action": "halt", "reason": "the house limit"}
    await client.call("SetRule", {**rule, "ruleId": "one", "accounts": ["live:Sim101"]})
    await client.call("SetRule", {**rule, "ruleId": "every", "kind": "exposure"})

    listed = (await client.call("ListRules"))["rules"]

    assert told(listed, "ruleId") == {"one": {"sandbox": False}, "every": BOTH}


async def test_a_switch_says_it_of_what_its_call_names_now(
    client: Client, engine: FakeEngine
) -> None:
    switch = {"switchId": "bot", "timeoutMs": 60_000, "api": "Flatten", "reason": "at night"}
    armed = await client.call("ArmDeadman", {**switch, "args": {"account": "live:Sim101"}})
    engine.accounts = {**engine.accounts, LIVE: (_unread(),)}
    renewed = await client.call("RenewDeadman", {"switchId": "bot"})

    assert armed["switch"]["sandbox"] is False
    assert "sandbox" not in renewed["switch"]


async def test_alerts_and_records_say_it_of_their_venue(engine: FakeEngine) -> None:
    await let_in(engine, "rita", {Role.RISK})
    async with (
        a_server(engine, registry=registry) as server,
        connect_client(server.port, "rita") as client,
    ):
        await client.say(action="subscribe", channels=["alerts", "audit"])
        await client.hear()
        for venue in (PAPER, LIVE, None):
            await engine.note(Noticed(code="venue_down", detail="look", alert=True, venue=venue))
        heard: dict[str, list[dict[str, Any]]] = {"alerts": [], "audit": []}
        while min(map(len, heard.values())) < 3:
            frame = await client.hear()
            heard[frame["channel"]] += frame["items"]
        listed = (await client.call("ListAlerts"))["alerts"]

    for alerts in (heard["alerts"], list(reversed(listed))):
        said = [(each.get("venue"), each.get("sandbox")) for each in alerts]
        assert said == [("paper", True), ("live", False), (None, None)]


async def test_a_record_of_the_audit_says_it_of_its_account(engine: FakeEngine) -> None:
    await let_in(engine, "rita", {Role.RISK})
    ref = AccountRef(PAPER, AccountId("Sim101"))
    async with (
        a_server(engine, registry=registry) as server,
        connect_client(server.port, "rita") as client,
    ):
        await engine.note(Noticed(code="overfill", detail="look", alert=True, account=ref))
        await client.say(action="subscribe", channels=["audit"])
        before = (await client.hear())["snapshot"]["audit"]
        await engine.note(Noticed(code="overfill", detail="look", alert=True, account=ref))
        after = (await client.hear())["items"]

    assert [each["sandbox"] for each in (*before, *after)] == [True, True]


# --- the walk ------------------------------------------------------------------------------------

NAMES: Final = {"account", "accountId", "accounts", "venue"}
OF_NO_ACCOUNT: Final = {
    *("CreateToken", "RotateToken", "ListTokens"),  # grants are words, not accounts
    *("GetPreferences", "SetPreferences", "GetPolicy", "SetPolicy"),  # so are filters
}


def data_of(api: Api) -> Any:
    """What the sample call of *api* is answered with."""
    sample = samples.ALL[api.name]
    world = sample.world
    if isinstance(world, OperationReport):
        request = msgspec.structs.replace(world.request, sandboxes=(hand.PAPER,))
        world = msgspec.structs.replace(world, request=request)
    if isinstance(api, ClosingApi):
        return hand.answer(api.name, world)
    asked = hand.asked()
    ask = hand.ask(api.name, sample.args, asked)
    came_back = world(ask.query) if callable(world) else world
    data: Data = ask.answer(came_back)
    return hand.on_the_wire(marked(asked.directory.sandboxes, ask.query, data))


def untold(data: object, *, above: bool = False) -> Iterator[object]:
    """Every object that names an account and does not say, nor any around it, what it is."""
    if isinstance(data, Mapping):
        is_told = above or "sandbox" in data or "sandbox" in data.get("operation", ())
        if not is_told and any(data.get(name) for name in NAMES):
            yield data
        for value in data.values():
            yield from untold(value, above=is_told)
    elif isinstance(data, list):
        for value in data:
            yield from untold(value, above=above)


@pytest.mark.parametrize("api", tuple(registry), ids=lambda api: api.name)
def test_no_answer_of_any_api_names_an_account_without_saying_what_it_is(api: Api) -> None:
    assert api.name in OF_NO_ACCOUNT or not list(untold(data_of(api)))
