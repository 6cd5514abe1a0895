"""The venue misbehaves: nothing is closed twice, nothing unproven is called closed."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import OrderSide, OrderStatus, RejectReason
from rpcserver.venues.paper import Control
from rpcserver.venues.paper.commands import TradeAsOther
from rpcserver.venues.paper.faults import (
    ArriveLate,
    BeUnavailable,
    CutLink,
    DelayAnswers,
    DelayRequests,
    FailReads,
    FillBeforeCancel,
    HideOrders,
    LagPositions,
    LoseAnswers,
    LoseEvents,
    LoseRequests,
    Message,
    RefuseOrders,
    RepeatEvents,
    StickCancels,
)
from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import no_id_twice

pytestmark = pytest.mark.anyio

MES, NQ, SPOT = "MES 12-25", "NQ 12-25", "BTC-USDT"
FENCE_SECONDS = 5.0  # how long a cancel is waited for


def faults_of(account: AccountId) -> dict[str, tuple[Control, ...]]:
    """What may go wrong on the way there and back, each by its name."""
    cancel = frozenset({Message.CANCEL})
    return {
        "the answer to the order is lost": (LoseAnswers(account=account, count=1), LoseEvents()),
        "three answers are lost": (LoseAnswers(account=account, count=3), LoseEvents()),
        "the order never arrives": (LoseRequests(account=account, count=1),),
        "the order lands after it was given up": (
            ArriveLate(account=account, seconds=0.3, count=1),
        ),
        "it lands late, and nothing is heard of it": (
            ArriveLate(account=account, seconds=1.0, count=1),
            LoseEvents(),
        ),
        "the order cannot be found for a while": (
            LoseAnswers(account=account, count=1),
            LoseEvents(),
            HideOrders(account=account, seconds=0.4),
        ),
        "nothing can be sent for a while": (BeUnavailable(account=account, count=3),),
        "no read succeeds for a while": (FailReads(account=account, count=3),),
        "everything is heard twice": (RepeatEvents(),),
        "nothing is heard at all": (LoseEvents(),),
        "reads lag the fills": (LagPositions(account=account, seconds=0.15),),
        "reads lag and answers are lost": (
            LagPositions(account=account, seconds=0.15),
            LoseAnswers(account=account, count=1),
            LoseEvents(),
        ),
        "the answer comes late": (DelayAnswers(account=account, seconds=0.5, count=1),),
        "the answer to the cancel is lost": (
            LoseAnswers(account=account, messages=cancel, count=1),
            LoseEvents(),
        ),
        "the cancel never arrives": (LoseRequests(account=account, messages=cancel, count=1),),
        "the order to be canceled fills first": (FillBeforeCancel(account=account, count=1),),
        "the margin is short for a while": (
            RefuseOrders(account=account, reason=RejectReason.INSUFFICIENT_MARGIN, count=2),
        ),
        "the link is cut for a while": (CutLink(seconds=0.4),),
    }  # fmt: skip


@pytest.mark.parametrize("fault", faults_of(AccountId("")))
@pytest.mark.parametrize("instrument", [MES, SPOT])
async def test_it_ends_flat_exactly_once_although(desk: Stage, instrument: str, fault: str) -> None:
    """SPOT has no reduce-only order: there nothing but our own arithmetic keeps us from a flip."""
    price = {MES: "5900.00", SPOT: "60000.0"}[instrument]
    await desk.scene.hold(desk.account, instrument, 4, "5000.00")
    await desk.scene.rest(desk.account, instrument, "sell", 1, limit=price)
    for each in faults_of(AccountId(desk.account))[fault]:
        await desk.scene.do(each)

    answer = await desk.client.call("Flatten", {"instrument": instrument, "deadlineMs": 20_000})

    await desk.scene.clear()
    assert answer.data["flat"] is True, answer.data
    assert await desk.scene.positions(desk.account) == {}
    assert await desk.scene.working(desk.account) == []
    assert await desk.scene.traded(desk.account) == {instrument: Decimal(-4)}
    orders = await desk.scene.orders(desk.account)
    assert no_id_twice(orders)
    filled = [order for order in orders if order.filled]
    assert len(filled) == (2 if "fills first" in fault else 1), "one close, not two"


async def test_a_read_that_lags_is_no_reason_to_close_again(desk: Stage) -> None:
    """The read still shows what was just closed. It never raises the size by itself (law 40)."""
    await desk.scene.hold(desk.account, SPOT, 3, "49000")
    await desk.scene.do(LagPositions(account=AccountId(desk.account), seconds=0.19))

    answer = await desk.client.call("Flatten", {"instrument": SPOT})

    [leg] = answer.data["legs"]
    assert leg["outcome"] == "flat"
    assert len(leg["orderIds"]) == 1
    [order] = await desk.scene.orders(desk.account)
    assert order.filled == 3


async def test_an_unknown_order_is_unknown_to_everyone_and_gated(desk: Stage) -> None:
    """Nobody can find out: neither closed nor failed, and no new risk until it is known."""
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await desk.scene.do(LoseEvents())
    await desk.scene.do(
        LoseAnswers(
            account=AccountId(desk.account), messages=frozenset({Message.SUBMIT, Message.QUERY})
        )
    )

    answer = await desk.client.call("Flatten", {"instrument": MES, "deadlineMs": 700})

    [leg] = answer.data["legs"]
    assert leg["outcome"] == "unknown"
    assert answer.data["success"] is False
    assert answer.data["flat"] is False
    assert answer.data["closedPositions"] == []
    assert answer.data["statusCode"] == 504
    refused = await desk.client.call(
        "PlaceOrder",
        {"account": desk.account, "instrument": MES, "action": "buy", "quantity": 1,
         "orderType": "market"},
    )  # fmt: skip
    assert refused.data["error"] == "closing_in_progress"
    await desk.client.say(action="subscribe", channels=["alerts"])
    alerts = (await desk.client.hear_type("subscribed"))["snapshot"]["alerts"]
    assert "order_unknown" in {item["code"] for item in alerts}

    await desk.scene.clear()
    while "order_settled" not in {item["code"] for item in alerts}:  # the engine asks on by itself
        alerts = (await desk.client.hear_type("event"))["items"]
    assert await desk.scene.positions(desk.account) == {}
    assert len(await desk.scene.orders(desk.account)) == 1


async def test_a_persons_word_ends_what_nobody_else_can(desk: Stage) -> None:
    """ResolveOrder: journaled, followed by a fresh read; and only where it fits the order."""
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await desk.scene.do(LoseEvents())
    await desk.scene.do(
        LoseAnswers(
            account=AccountId(desk.account), messages=frozenset({Message.SUBMIT, Message.QUERY})
        )
    )
    answer = await desk.client.call("Flatten", {"instrument": MES, "deadlineMs": 500})
    [leg] = answer.data["legs"]
    [order_id] = leg["orderIds"]
    word = {"clientOrderId": order_id, "reason": "the broker's desk said so on the phone"}
    gated = {"account": desk.account, "instrument": MES, "action": "buy", "quantity": 1,
             "orderType": "market"}  # fmt: skip

    for wrong in (
        {"outcome": "filled"},
        {"outcome": "filled", "filled": 5},
        {"outcome": "never_existed", "filled": 1},
        {"outcome": "vanished"},
    ):
        refused = await desk.client.call("ResolveOrder", {**word, **wrong})
        assert refused.data["success"] is False, wrong
    said = await desk.client.call("ResolveOrder", {**word, "outcome": "filled", "filled": 2})
    assert said.data["success"] is True, said.data

    await desk.client.say(action="subscribe", channels=["alerts"])
    alerts = (await desk.client.hear_type("subscribed"))["snapshot"]["alerts"]
    while "order_settled" not in {item["code"] for item in alerts}:
        alerts = (await desk.client.hear_type("event"))["items"]
    await desk.scene.clear()
    assert (await desk.client.call("PlaceOrder", gated)).data["success"] is True
    again = await desk.client.call("ResolveOrder", {**word, "outcome": "filled", "filled": 2})
    assert again.data["success"] is False, "what is known needs no word"


async def test_a_resting_entry_that_fills_while_it_is_canceled_is_closed_too(desk: Stage) -> None:
    """FlattenEverything found an order and no position; now there is one (laws 4 and 18)."""
    await desk.scene.rest(desk.account, MES, "buy", 3, limit="5700.00")
    await desk.scene.do(FillBeforeCancel(account=AccountId(desk.account), count=1))

    answer = await desk.client.call("FlattenEverything")

    assert answer.data["flat"] is True, answer.data
    assert await desk.scene.positions(desk.account) == {}
    assert await desk.scene.traded(desk.account) == {MES: Decimal(0)}


@pytest.mark.parametrize(
    ("api", "args", "instrument"),
    [
        ("FlattenEverything", {}, "NQ 12-25"),
        ("LiquidateAll", {}, "NQ 12-25"),
        ("Flatten", {"instrument": "MES"}, "MES 03-26"),
    ],
)
async def test_what_is_opened_behind_its_back_is_closed_too(
    desk: Stage, api: str, args: dict[str, str], instrument: str
) -> None:
    """Another program buys in the middle: the last reading decides what is flat (laws 9, 18)."""
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await desk.scene.do(DelayRequests(account=AccountId(desk.account), seconds=0.4, count=1))
    await desk.client.begin(api, args)
    while (await desk.client.hear_type("progress"))["event"] != "sending":
        pass
    await buy_as_other(desk, instrument)

    answer = await desk.client.answer("my-request-id")

    assert answer.data["flat"] is True, answer.data
    assert len(answer.data["legs"]) == 2
    assert await desk.scene.positions(desk.account) == {}
    assert await desk.scene.traded(desk.account) == {MES: Decimal(-2), instrument: Decimal(0)}


async def test_out_of_scope_what_is_opened_is_left_alone(desk: Stage) -> None:
    await desk.scene.hold(desk.account, MES, 2, "5780.00")
    await desk.scene.do(DelayRequests(account=AccountId(desk.account), seconds=0.3, count=1))
    await desk.client.begin("Flatten", {"instrument": MES})
    while (await desk.client.hear_type("progress"))["event"] != "sending":
        pass
    await buy_as_other(desk, "NQ 12-25")

    answer = await desk.client.answer("my-request-id")

    assert answer.data["flat"] is True
    assert len(answer.data["legs"]) == 1
    assert await desk.scene.positions(desk.account) == {"NQ 12-25": Decimal(1)}


async def test_whoever_opens_without_end_is_told_of(desk: Stage) -> None:
    """Bounded, and never called flat: closing without end would help nobody (law 28)."""
    await desk.scene.hold(desk.account, MES, 1, "5780.00")
    await desk.scene.do(DelayRequests(account=AccountId(desk.account), seconds=0.1))
    await desk.client.begin("FlattenEverything", {"deadlineMs": 20_000})
    final = None
    while final is None:
        frame = await desk.client.hear()
        if frame.get("event") == "sending":
            await buy_as_other(desk, NQ if frame["instrument"] == MES else MES)
        final = frame.get("data") if "id" in frame else None

    held = await desk.scene.positions(desk.account)
    assert final["flat"] is (held == {})
    assert final["success"] is False
    assert "more was opened" in final["failures"][0]["detail"]


async def buy_as_other(stage: Stage, instrument: str) -> None:
    await stage.scene.do(
        TradeAsOther(
            account=AccountId(stage.account),
            instrument=InstrumentId(instrument),
            side=OrderSide.BUY,
            quantity=Decimal(1),
        )
    )


async def test_each_policy_for_a_cancel_that_is_stuck(floor_trio: list[Stage]) -> None:
    """
    A resting sell of one could still fill while its cancel is stuck.

    `wait` sends nothing until it is gone; `uncontested` closes what it cannot touch; `override`
    closes all of it, on a person's word.
    """
    stuck = FENCE_SECONDS + 1.2
    policies = ("wait", "uncontested", "override")
    for stage, policy in zip(floor_trio, policies, strict=True):
        await stage.scene.hold(stage.account, MES, 4, "5780.00")
        await stage.scene.rest(stage.account, MES, "sell", 1, limit="5900.00")
        await stage.scene.do(StickCancels(account=AccountId(stage.account), seconds=stuck))
        args = {"instrument": MES, "onFence": policy, "reason": "the screen is frozen"}
        await stage.client.begin("Flatten", args)

    closing: dict[str, list[Decimal]] = {}
    for stage, policy in zip(floor_trio, policies, strict=True):
        answer = await stage.client.answer("my-request-id")

        assert answer.data["flat"] is True, answer.data
        assert await stage.scene.positions(stage.account) == {}
        passed = [step["reason"] for step in answer.steps if step["event"] == "fence_passed"]
        assert passed[0] == ("clear" if policy == "wait" else policy)
        [resting, *ours] = await stage.scene.orders(stage.account)
        assert (resting.status, resting.filled) == (OrderStatus.CANCELED, Decimal(0))
        closing[policy] = [order.quantity for order in ours]
    assert closing == {"wait": [4], "uncontested": [3, 1], "override": [4]}


async def test_one_account_that_cannot_be_read_holds_up_no_other(desk: Stage) -> None:
    good, bad = desk.accounts
    for account in desk.accounts:
        await desk.scene.hold(account, MES, 2, "5780.00")
    await desk.scene.do(FailReads(account=AccountId(bad)))

    started = time.monotonic()
    await desk.client.begin("FlattenEverything", {"deadlineMs": 3000})
    while True:
        step = await desk.client.hear_type("progress")
        if step["event"] == "leg_ended":
            break
    assert time.monotonic() - started < 1.0
    assert (step["account"], step["outcome"]) == (good, "flat")
    answer = await desk.client.answer("my-request-id")

    assert answer.data["success"] is False
    assert answer.data["flat"] is False
    assert [each["account"] for each in answer.data["closedPositions"]] == [good]
    assert [each["account"] for each in answer.data["failures"]] == [bad]
    assert await desk.scene.orders(bad) == [], "what cannot be read is not touched"


async def test_one_account_that_hangs_holds_up_no_other(desk: Stage) -> None:
    good, bad = desk.accounts
    for account in desk.accounts:
        await desk.scene.hold(account, MES, 2, "5780.00")
    await desk.scene.do(DelayAnswers(account=AccountId(bad), seconds=2.0))
    await desk.scene.do(LoseEvents())

    started = time.monotonic()
    await desk.client.begin("FlattenEverything")
    while True:
        step = await desk.client.hear_type("progress")
        if step["event"] == "leg_ended":
            break
    assert time.monotonic() - started < 1.0
    assert step["account"] == good
    answer = await desk.client.answer("my-request-id")

    assert answer.data["flat"] is True
    assert await desk.scene.traded(*desk.accounts) == {
        f"{account} {MES}": Decimal(-2) for account in desk.accounts
    }


async def test_a_foreign_trade_in_the_middle_is_not_closed_again(desk: Stage) -> None:
    """Someone sells two of the four by hand while our limit rests: two are left to close."""
    await desk.scene.hold(desk.account, MES, 4, "5780.00")
    ladder = [{"type": "limit", "offsetTicks": 0}, {"type": "market", "afterMs": 700}]
    await desk.client.begin("Flatten", {"instrument": MES, "ladder": ladder})
    while (await desk.client.hear_type("progress"))["event"] != "working":
        pass
    await desk.scene.do(
        TradeAsOther(
            account=AccountId(desk.account),
            instrument=InstrumentId(MES),
            side=OrderSide.SELL,
            quantity=Decimal(2),
        )
    )

    answer = await desk.client.answer("my-request-id")

    assert answer.data["flat"] is True, answer.data
    assert await desk.scene.positions(desk.account) == {}
    assert await desk.scene.traded(desk.account) == {MES: Decimal(-4)}
