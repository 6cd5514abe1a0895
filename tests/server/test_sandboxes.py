"""Sandbox or live: told in every answer about accounts, as the venues say themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from rpcserver.apis.catalogue import registry
from rpcserver.domain.account import UNREAD, Account
from rpcserver.domain.ids import VenueId
from rpcserver.domain.principal import Role
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
    unread = Account(venue=LIVE, account=UNREAD, user_id="", connected=False)
    engine.accounts = {**engine.accounts, LIVE: (unread,)}

    assert "sandbox" not in await client.call("FlattenEverything")
    assert (await client.call("Flatten", {"account": "paper:Sim101"}))["sandbox"] is True
