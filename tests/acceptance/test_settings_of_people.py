"""
Preferences and the policy on the real server: one story for each promise, over `kill -9` where it
says that something stands.
"""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.market import MarketPhase
from rpcserver.venues.paper.commands import SetPrice
from tests.acceptance.clients import Answer, Client, connected
from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import no_id_twice
from tests.acceptance.test_standing import ask, killed, knows, until

pytestmark = pytest.mark.anyio

CRUDE = InstrumentId("CL 12-25")
HOUSE = {"reason": "the house rules"}


@pytest.fixture
async def desk(stage: Stage) -> Stage:
    """A stage with one account of its own: two contracts of crude oil, bought at 90, now at 60."""
    await stage.scene.open_account("Mine")
    await stage.scene.do(SetPrice(instrument=CRUDE, price=Decimal(60)))
    await stage.scene.hold("Mine", CRUDE, 2, "90")
    await until(lambda: knows(stage.client, "Mine"))
    return stage


async def flatten(client: Client, key: str | None = None, **args: object) -> Answer:
    return await client.call("Flatten", {"account": "Mine", **args}, key=key)


async def token(client: Client, principal: str, *roles: str) -> str:
    made = await ask(client, "CreateToken", principal=principal, roles=list(roles), accounts=["*"])
    return str(made["token"])


async def test_preferences_stand_over_a_kill_and_never_change_what_a_key_names(
    desk: Stage,
) -> None:
    await ask(desk.client, "SetPreferences", dust="leave", deadlineMs=30_000, accounts=["Mine"])
    async with killed(desk) as client:
        planned = await flatten(client, dryRun=True)
        bare = await client.call("Flatten", {})
        closed = await client.call("Flatten", {"scope": "preferred"}, key="k1")
        await ask(client, "SetPreferences", executionType="ladder", ladder=[{}], clear=["dust"])
        again = await client.call("Flatten", {"scope": "preferred"}, key="k1")

    assert planned.data["fromPreferences"] == {"dust": "leave", "deadlineMs": 30_000}
    assert bare.data["error"] == "filter_required"
    assert closed.data["flat"]
    assert closed.data["fromPreferences"]["accounts"] == ["paper:Mine"]
    assert again.data["operationId"] == closed.data["operationId"]
    assert await desk.scene.traded("Mine") == {CRUDE: Decimal(-2)}


async def test_the_policy_stands_over_a_kill_and_tells_who_and_why(desk: Stage) -> None:
    rates = [{"api": "GetQuote", "perSecond": 0.001, "burst": 1}]
    await ask(desk.client, "SetPolicy", rates=rates, retentionDays=400, **HOUSE)
    async with killed(desk) as client:
        policy = (await ask(client, "GetPolicy"))["policy"]
        quotes = [(await client.call("GetQuote", {"instrument": CRUDE})).data for _ in range(2)]
        beyond = await client.call(
            "SetPolicy", {"rates": [{"role": "trader", "perSecond": 10**6}], **HOUSE}
        )

    assert (policy["retentionDays"], policy["reason"]) == (400, "the house rules")
    assert policy["principal"] == "admin"
    assert policy["deployment"]["callsPerSecond"] == 100
    assert quotes[1]["error"] == "rate_limited"
    assert quotes[1]["retryAfterMs"] > 1000
    assert beyond.data["error"] == "invalid_argument"


async def test_batch_close_is_paced_and_no_exit_is_dropped(desk: Stage) -> None:
    args: dict[str, Any] = {"productGroup": "SwapU", "instId": "BTC-USDT-SWAP", "dryRun": True}
    other = await token(desk.client, "other", "trader")
    began = time.monotonic()
    ids = [f"b{number}" for number in range(3)]
    for name in ids:
        await desk.client.begin("BatchClose", {**args, "reason": name}, id=name)
    async with (
        connected(desk.server.url, other) as calm,
        connected(desk.server.url, desk.server.token) as same,
    ):
        planned = await calm.call("BatchClose", args)
        assert (await flatten(same)).data["flat"], "another exit of the same token"
        waited_for_nobody = time.monotonic() - began
        answers = await desk.client.answers(ids)
    took = time.monotonic() - began

    assert planned.data["planned"]
    assert waited_for_nobody < 1.0
    assert all(answer.data["planned"] for answer in answers.values())
    assert took >= 2.0


async def test_a_threshold_warns_asks_why_or_asks_another_and_never_blocks_in_silence(
    desk: Stage,
) -> None:
    limit = {"of": "loss", "amount": 10_000, "needs": "reason", "accounts": ["Mine"]}
    await ask(desk.client, "SetPolicy", thresholds=[limit], **HOUSE)
    refused = await flatten(desk.client)
    assert refused.data["error"] == "reason_required"
    assert "60000" in refused.data["detail"]
    assert await desk.scene.positions("Mine"), "nothing was sent"

    await ask(desk.client, "SetPolicy", thresholds=[limit | {"needs": "second_person"}], **HOUSE)
    second = await token(desk.client, "second", "risk")
    asked = await flatten(desk.client, key="k1", reason="the feed is dead")
    assert asked.data["error"] == "approval_required"
    async with connected(desk.server.url, second) as client:
        await ask(client, "Confirm", code=asked.data["approvalCode"])
    closed = await flatten(desk.client, key="k1", reason="the feed is dead")

    assert (closed.data["flat"], closed.data["approvedBy"]) == (True, "second")
    assert "it realises a loss of" in closed.data["warnings"][0]
    assert await desk.scene.traded("Mine") == {CRUDE: Decimal(-2)}


async def test_the_policy_lets_an_account_wait_for_its_market(desk: Stage) -> None:
    await desk.scene.set_phase(CRUDE, MarketPhase.CLOSED)
    hours = [{"accounts": ["Mine"], "checkHours": True, "waitForOpen": True}]
    at_once = await flatten(desk.client)
    await ask(desk.client, "SetPolicy", hours=hours, **HOUSE)
    async with connected(desk.server.url, desk.server.token) as client:
        await client.begin("Flatten", {"account": "Mine"}, id="waits")
        assert (await client.hear_type("accepted"))["duplicate"] is False
        await desk.scene.set_phase(CRUDE, MarketPhase.OPEN)
        opened = await client.answer("waits")

    assert at_once.data["counts"] == {"waiting_market": 1}
    assert opened.data["flat"]
    assert opened.data["fromPolicy"] == {"checkHours": True, "waitForOpen": True}


async def test_the_policy_tries_again_where_no_rule_speaks(desk: Stage) -> None:
    await desk.scene.set_phase(CRUDE, MarketPhase.CLOSED)
    again = {"times": 20, "everyMs": 200, "forMs": 60_000}
    await ask(desk.client, "SetPolicy", retry=again, **HOUSE)
    assert not (await flatten(desk.client)).data["flat"]
    await desk.scene.set_phase(CRUDE, MarketPhase.OPEN)

    async def is_flat() -> bool:
        return not await desk.scene.positions("Mine")

    await until(is_flat)
    assert await desk.scene.traded("Mine") == {CRUDE: Decimal(-2)}
    assert no_id_twice(await desk.scene.orders("Mine"))


async def test_no_order_opens_more_than_the_policy_allows(desk: Stage) -> None:
    sizes = [{"accounts": ["Mine"], "order": 1, "position": 3}]
    await ask(desk.client, "SetPolicy", sizes=sizes, **HOUSE)
    order = {"account": "Mine", "instrument": CRUDE, "action": "BUY", "orderType": "MARKET"}
    large = await desk.client.call("PlaceOrder", {**order, "quantity": 2})
    await ask(desk.client, "PlaceOrder", **order, quantity=1)
    full = await desk.client.call("PlaceOrder", {**order, "quantity": 1})

    assert (large.data["error"], full.data["error"]) == ("size_exceeded", "size_exceeded")
    assert (await flatten(desk.client)).data["flat"], "an exit is never measured by it"
