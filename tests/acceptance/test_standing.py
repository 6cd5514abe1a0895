"""
What people laid down stands over `kill -9`: halts, rules and switches on the real server.

Each story kills the server where it must not matter, and looks at the venue for what was done.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio
import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.market import MarketPhase
from rpcserver.venues.paper.commands import SetPrice
from tests.acceptance.clients import Client, connected
from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import no_id_twice

pytestmark = pytest.mark.anyio

CRUDE = InstrumentId("CL 12-25")
PATIENCE = 30.0


@pytest.fixture
async def calm(stage: Stage) -> Stage:
    """A stage with one account of its own, which holds two contracts of crude oil."""
    await stage.scene.open_account("Ruled")
    await stage.scene.do(SetPrice(instrument=CRUDE, price=Decimal(60)))
    await stage.scene.hold("Ruled", CRUDE, 2, "60")
    await until(lambda: knows(stage.client, "Ruled"))
    return stage


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    with anyio.fail_after(PATIENCE):
        while not await holds():
            await anyio.sleep(0.05)


async def knows(client: Client, account: str) -> bool:
    told = await client.call("ListAccounts")
    return any(each["name"] == account for each in told.data["accounts"])


async def closes_nothing(client: Client) -> bool:
    operations = (await ask(client, "ListOperations", all=True))["operations"]
    return not any(each["running"] for each in operations)


async def ask(client: Client, name: str, /, **args: object) -> dict[str, Any]:
    answer = await client.call(name, args)
    assert answer.data["success"], answer.data
    return answer.data


@asynccontextmanager
async def killed(stage: Stage) -> AsyncIterator[Client]:
    """The server dies and is started again; a client of its next life."""
    stage.server.kill()
    stage.server.start()
    async with connected(stage.server.url, stage.server.token) as client:
        yield client


async def flat(stage: Stage) -> None:
    """Wait until the account holds nothing; then it was closed once, exactly."""

    async def holds_nothing() -> bool:
        return not await stage.scene.positions("Ruled")

    await until(holds_nothing)
    assert await stage.scene.traded("Ruled") == {CRUDE: Decimal(-2)}
    assert no_id_twice(await stage.scene.orders("Ruled"))


ENTRY = {
    "account": "Ruled",
    "instrument": CRUDE,
    "action": "BUY",
    "orderType": "LIMIT",
    "limitPrice": 10,
    "quantity": 1,
}


async def test_law_36_a_halt_outlives_a_kill_and_is_released_by_a_person_alone(
    calm: Stage,
) -> None:
    await ask(calm.client, "PlaceOrder", **ENTRY)
    halted = await ask(
        calm.client, "Halt", account="Ruled", level="cancel", reason="the feed is wrong"
    )
    assert len(halted["canceledOrderIds"]) == 1
    async with killed(calm) as client:
        refused = (await client.call("PlaceOrder", ENTRY)).data
        assert refused["error"] == "halted"
        assert "the feed is wrong" in refused["detail"]
        closed = await client.call("Flatten", {"account": "Ruled"})
        assert closed.data["flat"]

        [standing] = (await ask(client, "ListHalts"))["halts"]
        await ask(client, "Release", haltId=standing["haltId"], reason="the feed is right")
    async with killed(calm) as client:
        assert (await ask(client, "ListHalts"))["halts"] == []
        await ask(client, "PlaceOrder", **ENTRY)


@pytest.mark.parametrize("after", [0.0, random.uniform(0.001, 0.05)], ids=["at once", "soon"])
async def test_law_25_flatten_and_lock_is_both_or_neither_and_once(
    calm: Stage, after: float
) -> None:
    args = {"account": "Ruled", "level": "flatten_and_lock", "reason": "enough"}
    await calm.client.begin("Halt", args)
    await anyio.sleep(after)
    async with killed(calm) as client:
        if not (await ask(client, "ListHalts"))["halts"]:
            await ask(client, "Halt", **args)
        await flat(calm)
        await until(lambda: closes_nothing(client))
        refused = (await client.call("PlaceOrder", ENTRY)).data
        assert refused["error"] == "halted"


async def test_an_owed_flatten_of_the_day_is_done_by_the_next_life(calm: Stage) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    if due.hour == 23 and due.minute >= 55:
        await anyio.sleep(600 - (due.minute - 55) * 60)  # both deadlines are of one day
        due = datetime.now(UTC) + timedelta(seconds=2)
    await ask(
        calm.client,
        "SetRule",
        ruleId="close",
        kind="flatten_at",
        accounts=["Ruled"],
        at=f"{due:%H:%M:%S}",
        until=f"{due + timedelta(minutes=2):%H:%M:%S}",
        timeZone="UTC",
        reason="nothing overnight",
    )
    calm.server.kill()
    await anyio.sleep((due - datetime.now(UTC)).total_seconds() + 0.5)
    assert await calm.scene.positions("Ruled")
    calm.server.start()
    await flat(calm)
    async with killed(calm) as client:
        await calm.scene.hold("Ruled", CRUDE, 1)
        await anyio.sleep(2)
        assert await calm.scene.positions("Ruled"), "the day is settled"
        [rule] = (await ask(client, "ListRules"))["rules"]
        assert rule["lastDay"] == f"{due:%Y-%m-%d}"


async def test_what_the_day_began_with_is_remembered_and_a_loss_flattens_and_locks(
    calm: Stage,
) -> None:
    await ask(
        calm.client,
        "SetRule",
        ruleId="house",
        kind="daily_loss",
        accounts=["Ruled"],
        amount=1000,
        action="flatten_and_lock",
        reason="the house limit",
    )

    async def is_marked() -> bool:
        [rule] = (await ask(calm.client, "ListRules"))["rules"]
        return bool(rule.get("marks"))

    await until(is_marked)
    calm.server.kill()
    await calm.scene.do(SetPrice(instrument=CRUDE, price=Decimal(59)))
    calm.server.start()
    await flat(calm)
    async with connected(calm.server.url, calm.server.token) as client:
        [halt] = (await ask(client, "ListHalts"))["halts"]
        assert (halt["level"], halt["account"]) == ("flatten_and_lock", "Ruled")
        assert "daily_loss" in halt["reason"]
    async with killed(calm) as client:
        await anyio.sleep(3)
        assert len((await ask(client, "ListHalts"))["halts"]) == 1
    assert await calm.scene.traded("Ruled") == {CRUDE: Decimal(-2)}


async def test_law_32_a_switch_has_one_full_period_after_a_kill_and_fires_once(
    calm: Stage,
) -> None:
    await ask(
        calm.client,
        "ArmDeadman",
        switchId="bot",
        timeoutMs=3000,
        api="Flatten",
        args={"account": "Ruled"},
        reason="nobody watches",
    )
    await anyio.sleep(2.5)
    async with killed(calm) as client:
        began = anyio.current_time()
        await flat(calm)
        assert anyio.current_time() - began > 1.0, "a full period, and not the rest of one"
        late = (await client.call("RenewDeadman", {"switchId": "bot"})).data
        assert late["error"] == "deadman_fired"
    async with killed(calm) as client:
        await anyio.sleep(4)
        await ask(client, "DisarmDeadman", switchId="bot", reason="I am back")
    assert await calm.scene.traded("Ruled") == {CRUDE: Decimal(-2)}


async def test_what_a_close_left_open_is_tried_again_by_the_next_life(calm: Stage) -> None:
    await ask(
        calm.client,
        "SetRule",
        ruleId="again",
        kind="retry",
        accounts=["Ruled"],
        times=20,
        everyMs=1000,
        forMs=120_000,
        reason="fills are owed",
    )
    await calm.scene.set_phase(CRUDE, MarketPhase.CLOSED)
    closed = await calm.client.call("Flatten", {"account": "Ruled"})
    assert not closed.data["flat"]
    calm.server.kill()
    await calm.scene.set_phase(CRUDE, MarketPhase.OPEN)
    calm.server.start()

    await flat(calm)


async def test_a_clean_stop_says_that_nobody_watches_the_switches(calm: Stage) -> None:
    await ask(
        calm.client,
        "ArmDeadman",
        timeoutMs=60_000,
        api="Flatten",
        args={"account": "Ruled"},
        reason="nobody watches",
    )
    calm.server.terminate()
    notice = await calm.client.hear_type("notice")
    assert notice["notice"] == "deadman_suspended"
    assert calm.server.wait() == 0
