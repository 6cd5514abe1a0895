"""One press, many callers: joining, keys, dry runs, cancels, followers, leaving and coming back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio
import pytest

from rpcserver.domain.ids import AccountId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderStatus
from rpcserver.venues.paper.faults import DelayRequests
from tests.acceptance.clients import Answer, Client, Frame, connected
from tests.acceptance.conftest import Stage, new_token
from tests.acceptance.scenes import no_id_twice

pytestmark = pytest.mark.anyio

MES, NQ = "MES 12-25", "NQ 12-25"


@asynccontextmanager
async def another(stage: Stage) -> AsyncIterator[Client]:
    """A second connection of the same token's."""
    async with connected(stage.server.url, stage.token) as client:
        yield client


async def slow(stage: Stage, seconds: float = 0.3) -> None:
    """Let orders take a while, so that there is a middle to be in."""
    for account in stage.accounts:
        await stage.scene.do(DelayRequests(account=AccountId(account), seconds=seconds))


# --- joining -------------------------------------------------------------------------------------


async def test_overlapping_flattens_join_and_close_once(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await desk.scene.hold(desk.account, NQ, -2, "20000.00")
    await slow(desk)
    async with another(desk) as second, another(desk) as third:
        await desk.client.begin("Flatten", {"instrument": MES})
        await desk.client.hear_type("accepted")
        await second.begin("FlattenEverything", id="everything")
        await third.begin("Liquidate", {"symbol": MES}, id="liquidate")
        answers = [
            await desk.client.answer("my-request-id"),
            await second.answer("everything"),
            await third.answer("liquidate"),
        ]

    assert all(answer.data["flat"] for answer in answers)
    assert [len(answer.data["legs"]) for answer in answers] == [1, 2, 1]
    joined = {leg["instrument"]: leg.get("joined", False) for leg in answers[1].data["legs"]}
    assert joined == {MES: True, NQ: False}
    assert await desk.scene.traded(desk.account) == {MES: Decimal(-4), NQ: Decimal(2)}
    assert len(await desk.scene.orders(desk.account)) == 2


async def test_two_halves_at_once_are_a_half(desk: Stage) -> None:
    """Each has a target of its own, fixed at its snapshot: the nearest to zero is taken."""
    await desk.scene.hold(desk.account, MES, 8, "5780.00")
    await slow(desk)
    async with another(desk) as second:
        await desk.client.begin("Flatten", {"instrument": MES, "fraction": 0.5})
        await second.begin("Flatten", {"account": desk.account, "fraction": 0.5}, id="second")
        first_answer = await desk.client.answer("my-request-id")
        second_answer = await second.answer("second")

    assert first_answer.data["success"] is second_answer.data["success"] is True
    assert await desk.scene.positions(desk.account) == {MES: Decimal(4)}


async def test_a_part_and_the_whole_at_once_are_the_whole(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 8, "5780.00")
    await slow(desk)
    async with another(desk) as second:
        await desk.client.begin("Flatten", {"instrument": MES, "quantity": 3})
        await desk.client.hear_type("accepted")
        await second.begin("Flatten", {"instrument": MES}, id="whole")
        part, whole = await desk.client.answer("my-request-id"), await second.answer("whole")

    assert whole.data["flat"] is True
    assert part.data["success"] is True
    assert await desk.scene.positions(desk.account) == {}
    assert await desk.scene.traded(desk.account) == {MES: Decimal(-8)}
    assert no_id_twice(await desk.scene.orders(desk.account))


async def test_the_same_frame_resent_while_it_runs_joins_it(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await slow(desk)
    await desk.client.begin("Flatten", {"instrument": MES})
    first = await desk.client.hear_type("accepted")
    async with another(desk) as second:
        again = await second.call("Flatten", {"instrument": MES})

    assert again.accepted == {**first, "duplicate": True}
    assert (await desk.client.answer("my-request-id")).final == again.final


async def test_nobody_may_open_risk_where_something_is_closing(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await slow(desk, 1.0)
    order = {"account": desk.account, "instrument": MES, "action": "buy", "quantity": 1,
             "orderType": "market"}  # fmt: skip
    async with another(desk) as second:
        await desk.client.begin("Flatten", {"instrument": MES})
        await desk.client.hear_type("accepted")

        refused = await second.call("PlaceOrder", order)
        sell = await second.call("PlaceOrder", {**order, "action": "sell"})
        await desk.client.answer("my-request-id")
        await desk.scene.clear()
        allowed = await second.call("PlaceOrder", order)

    assert refused.data["error"] == sell.data["error"] == "closing_in_progress"
    assert allowed.data["success"] is True
    assert await desk.scene.positions(desk.account) == {MES: Decimal(1)}


# --- keys ----------------------------------------------------------------------------------------


async def test_a_key_names_one_operation_on_every_connection(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await slow(desk)
    finals: dict[str, Answer] = {}

    async def press(name: str) -> None:
        async with another(desk) as client:
            finals[name] = await client.call("Flatten", {"instrument": MES}, id=name, key="press")

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(press, f"p{number}")

    assert len({answer.operation_id for answer in finals.values()}) == 1
    assert len({json.dumps(answer.data) for answer in finals.values()}) == 1
    assert len({tuple(answer.progress) for answer in finals.values()}) == 1
    duplicates = [a.accepted["duplicate"] for a in finals.values() if a.accepted is not None]
    assert sorted(duplicates) == [False, True, True, True, True]
    assert len(await desk.scene.orders(desk.account)) == 1


async def test_a_key_repeats_its_answer_though_something_new_is_held(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    first = await desk.client.call("Flatten", {"instrument": MES}, key="press")
    await desk.scene.hold(desk.account, MES, 3, "5780.00")

    again = await desk.client.call("Flatten", {"instrument": MES}, key="press")
    fresh = await desk.client.call("Flatten", {"instrument": MES}, key="another press")

    assert again.final == first.final
    assert again.data["provenAt"] == first.data["provenAt"], "the age of the answer shows"
    assert [each["quantity"] for each in fresh.data["closedPositions"]] == [3]


@pytest.mark.parametrize(
    ("api", "args"),
    [
        ("Flatten", {"instrument": NQ}),
        ("Flatten", {"instrument": MES, "fraction": 0.5}),
        ("Flatten", {"instrument": MES, "dryRun": True}),
        ("FlattenEverything", {}),
        ("Liquidate", {"symbol": MES}),
    ],
)
async def test_a_key_used_for_another_call_is_a_conflict(
    desk: Stage, api: str, args: dict[str, object]
) -> None:
    await desk.client.call("Flatten", {"instrument": MES}, key="press")
    await desk.scene.hold(desk.account, MES, 2, "5780.00")

    answer = await desk.client.call(api, args, key="press")

    assert answer.accepted is None
    assert "idempotency_conflict" in (answer.data.get("errorCode"), answer.data["error"])
    assert await desk.scene.orders(desk.account) == []


async def test_a_reason_and_a_spelling_make_no_other_call(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    first = await desk.client.call("Flatten", {"instrument": MES, "fraction": 1}, key="press")

    again = await desk.client.call(
        "Flatten", {"fraction": 1.0, "instrument": MES, "reason": "once more"}, key="press"
    )

    assert again.final == first.final


async def test_a_key_belongs_to_its_principal(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    first = await desk.client.call("Flatten", {"instrument": MES}, key="press")
    token = await new_token(desk.server, "somebody else", ["trader"], desk.accounts)
    async with connected(desk.server.url, token) as stranger:
        other = await stranger.call("Flatten", {"instrument": MES}, key="press")
        unseen = await stranger.attach(first.operation_id)

    assert other.operation_id != first.operation_id
    assert unseen.data["error"] == "unknown_operation"


async def test_a_partial_close_is_not_repeated_without_a_key(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 8, "5780.00")
    args = {"instrument": MES, "fraction": 0.5}
    first = await desk.client.call("Flatten", args)

    again = await desk.client.call("Flatten", args, id="another id")
    keyed = await desk.client.call("Flatten", args, key="I mean it")
    whole = await desk.client.call("Flatten", {"instrument": MES})
    once_more = await desk.client.call("Flatten", {"instrument": MES})

    assert again.data["error"] == "repeat_partial"
    assert first.operation_id in again.data["detail"]
    assert keyed.data["legs"][0]["closed"] == "2"
    assert whole.data["flat"] is once_more.data["flat"] is True
    assert await desk.scene.traded(desk.account) == {MES: Decimal(-8)}


# --- dry runs ------------------------------------------------------------------------------------


async def test_a_dry_run_sends_nothing_and_its_plan_can_be_carried_out(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    stop = await desk.scene.rest(desk.account, MES, "sell", 4, stop="5700.00")

    plan = await desk.client.call("Flatten", {"instrument": MES, "dryRun": True})

    assert plan.data["dryRun"] is plan.data["planned"] is True
    assert not {"success", "flat", "closedPositions", "orderIds"} & plan.data.keys()
    [leg] = plan.data["legs"]
    assert (leg["plannedQuantity"], leg["target"]) == ("4", "0")
    assert leg["cancels"] == [stop.venue_order_id]
    assert leg["market"]["phase"] == "open"
    assert await desk.scene.working(desk.account) == [stop]

    done = await desk.client.call("Flatten", {"instrument": MES, "planHash": plan.data["planHash"]})

    assert done.data["flat"] is True
    assert done.data["planHash"] == plan.data["planHash"]


async def test_a_plan_that_is_not_the_same_any_more_is_not_carried_out(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    plan = await desk.client.call("Flatten", {"instrument": MES, "dryRun": True})
    await desk.scene.hold(desk.account, MES, 1, "5780.00")

    refused = await desk.client.call(
        "Flatten", {"instrument": MES, "planHash": plan.data["planHash"]}
    )

    assert refused.data["success"] is False
    assert refused.data["error"] == "plan_changed"
    assert await desk.scene.orders(desk.account) == []


@pytest.mark.parametrize("api", ["FlattenEverything", "LiquidateAll", "ExitAll", "BatchClose"])
async def test_a_dry_run_bears_no_word_of_anything_done(desk: Stage, api: str) -> None:
    await desk.scene.hold(desk.account, MES, 1, "5780.00")
    await desk.scene.hold(desk.account, "BTC-USDT", 1, "50000")
    own: dict[str, dict[str, object]] = {
        "ExitAll": {"instruments": [MES]},
        "BatchClose": {"productGroup": "Spot", "instId": "BTC-USDT"},
    }

    answer = await desk.client.call(api, {**own.get(api, {}), "dryRun": True})

    assert answer.data["dryRun"] is True
    assert not {"success", "status", "code", "data", "flat", "closedPositions"} & set(answer.data)
    assert await desk.scene.orders(desk.account) == []


# --- cancel --------------------------------------------------------------------------------------


async def test_cancel_stops_what_was_not_yet_sent(desk: Stage) -> None:
    await desk.scene.set_phase(NQ, MarketPhase.CLOSED)
    await desk.scene.hold(desk.account, NQ, 1, "20000.00")
    await desk.client.begin("Flatten", {"instrument": NQ, "waitForOpen": True}, key="press")
    accepted = await desk.client.hear_type("accepted")
    while (await desk.client.hear_type("progress"))["event"] != "plan_completed":
        pass

    async with another(desk) as second:
        await second.say(action="cancel", idempotencyKey="press")
        told = await second.hear_type("cancelRequested")
    answer = await desk.client.answer("my-request-id")

    assert told["operationId"] == accepted["operationId"]
    assert told["ended"] is False
    assert answer.data["cancelled"] is True
    assert answer.data["success"] is False
    assert [leg["outcome"] for leg in answer.data["legs"]] == ["cancelled"]
    assert answer.data["statusCode"] == 409
    await desk.scene.set_phase(NQ, MarketPhase.OPEN)
    assert await desk.scene.orders(desk.account) == [], "nothing is sent after the end (law 39)"

    await desk.client.say(action="cancel", operationId=accepted["operationId"])
    assert (await desk.client.hear_type("cancelRequested"))["ended"] is True


async def test_cancel_takes_back_what_rests_and_tells_what_was_done(desk: Stage) -> None:
    await desk.scene.set_depth(MES, "1")
    await desk.scene.hold(desk.account, MES, 5, "5780.00")
    ladder = [{"type": "limit", "offsetTicks": 1}]  # as far as that the book holds three
    await desk.client.begin("Flatten", {"instrument": MES, "ladder": ladder})
    while (step := await desk.client.hear_type("progress"))["event"] != "filled":
        pass
    await desk.client.say(action="cancel", operationId=step["operationId"])
    answer = await desk.client.answer("my-request-id")

    [leg] = answer.data["legs"]
    assert answer.data["success"] is False
    assert (leg["outcome"], leg["closed"], leg["remaining"]) == ("partial", "3", "2")
    assert await desk.scene.positions(desk.account) == {MES: Decimal(2)}
    [order] = await desk.scene.orders(desk.account)
    assert (order.status, order.filled) == (OrderStatus.CANCELED, Decimal(3))


async def test_nobody_cancels_what_is_another_principals(desk: Stage) -> None:
    await desk.scene.set_phase(NQ, MarketPhase.CLOSED)
    await desk.scene.hold(desk.account, NQ, 1, "20000.00")
    await desk.client.begin("Flatten", {"instrument": NQ, "waitForOpen": True})
    accepted = await desk.client.hear_type("accepted")
    token = await new_token(desk.server, "not the owner", ["trader"], desk.accounts)
    async with connected(desk.server.url, token) as stranger:
        await stranger.say(action="cancel", operationId=accepted["operationId"])
        refused = await stranger.hear_type("error")
    await desk.scene.set_phase(NQ, MarketPhase.OPEN)

    assert refused["error"] in ("unknown_operation", "forbidden")
    assert (await desk.client.answer("my-request-id")).data["flat"] is True


# --- leaving, coming back, following -------------------------------------------------------------


async def test_a_disconnect_cancels_nothing(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    await slow(desk)
    async with another(desk) as leaving:
        await leaving.begin("Flatten", {"instrument": MES}, key="press")
        accepted = await leaving.hear_type("accepted")
        leaving.socket.transport.abort()  # as when a cable is pulled

    answer = await desk.client.attach(accepted["operationId"])

    assert answer.data["flat"] is True
    assert await desk.scene.positions(desk.account) == {}


async def test_a_client_that_leaves_right_after_asking_is_served(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    async with another(desk) as leaving:
        await leaving.begin("Flatten", {"instrument": MES}, key="and gone")

    answer = await desk.client.call("Flatten", {"instrument": MES}, key="and gone")

    assert answer.data["flat"] is True
    assert len(await desk.scene.orders(desk.account)) == 1


async def test_attach_from_the_middle_replays_what_follows(desk: Stage) -> None:
    for instrument in (MES, NQ, "CL 12-25"):
        await desk.scene.hold(desk.account, instrument, 1, "100")
    answer = await desk.client.call("FlattenEverything")
    last = len(answer.steps)

    for after in (0, 1, last // 2, last - 1, last, last + 100):
        replay = await desk.client.attach(answer.operation_id, after=after, id=f"after {after}")
        assert replay.progress == answer.progress[after:], "byte for byte"
        assert replay.data == answer.data


async def test_law_35_the_steps_of_an_order_that_is_repriced_have_no_gap(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    ladder = [{"offsetTicks": -40}, {"type": "market", "afterMs": 100}]

    answer = await desk.client.call("Flatten", {"instrument": MES, "ladder": ladder})
    replay = await desk.client.attach(answer.operation_id)

    assert [step["seq"] for step in replay.steps] == list(range(1, len(replay.steps) + 1))
    canceling = [step for step in replay.steps if step["event"] == "canceling"]
    assert [step["reason"] for step in canceling] == ["repriced"]


async def test_several_followers_are_told_the_same_bytes(desk: Stage) -> None:
    for instrument in (MES, NQ, "CL 12-25"):
        await desk.scene.hold(desk.account, instrument, 1, "100")
    await slow(desk)
    answers: dict[str, Answer] = {}

    async def follow(name: str, operation_id: str) -> None:
        async with another(desk) as client:
            answers[name] = await client.attach(operation_id, id=name)

    await desk.client.begin("FlattenEverything")
    accepted = await desk.client.hear_type("accepted")
    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(follow, f"f{number}", accepted["operationId"])
        answers["the caller"] = await desk.client.answer("my-request-id")

    told = {tuple(answer.progress) for answer in answers.values()}
    assert len(told) == 1
    assert len({json.dumps(answer.data) for answer in answers.values()}) == 1


async def test_without_progress_there_is_the_end_alone(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 1, "5780.00")

    answer = await desk.client.call("Flatten", {"instrument": MES}, progress=False)

    assert answer.accepted is not None
    assert answer.progress == []
    assert answer.data["flat"] is True


async def test_operations_are_listed_and_read_page_by_page(desk: Stage) -> None:
    for instrument in (MES, NQ, "CL 12-25"):
        await desk.scene.hold(desk.account, instrument, 1, "100")
    answer = await desk.client.call("FlattenEverything", {"reason": "drill"})

    listed = (await desk.client.call("ListOperations")).data["operations"]
    assert [each["operationId"] for each in listed] == [answer.operation_id]
    assert listed[0]["flat"] is True
    seen: list[int] = []
    page: Frame = {"next": 0}
    while "next" in page:
        args = {"operationId": answer.operation_id, "after": page["next"], "limit": 2}
        page = (await desk.client.call("GetOperation", args)).data
        seen += [leg["leg"] for leg in page["legs"]]
    assert seen == [1, 2, 3]
