"""Deepcoin's "Batch Close Position": every request and every response of its document."""

from __future__ import annotations

import json
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest

from rpcserver.domain.ids import AccountId, InstrumentId
from rpcserver.domain.order import OrderStatus, RejectReason
from rpcserver.venues.paper.faults import LoseAnswers, LoseEvents, Message, RefuseOrders
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import DEMO_ACCOUNTS

pytestmark = pytest.mark.anyio

SPOT = {"productGroup": "Spot", "instId": "BTC-USDT"}
COIN_MARGINED = {"productGroup": "Swap", "instId": "BTC-USD-SWAP"}
USDT_MARGINED = {"productGroup": "SwapU", "instId": "BTC-USDT-SWAP"}
SUCCESS = json.loads('{"code": "0", "msg": "", "data": {"errorList": []}}')
ITEM_TYPES = {
    "memberId": str,
    "accountId": str,
    "tradeUnitId": str,
    "instId": str,
    "posiDirection": str,
    "errorCode": int,
    "errorMsg": str,
}


def documented(data: dict[str, Any]) -> dict[str, Any]:
    return {key: data[key] for key in ("code", "msg", "data")}


@pytest.mark.parametrize(
    ("args", "closed"),
    [
        (SPOT, {"BTC-USDT"}),
        (COIN_MARGINED, {"BTC-USD-SWAP long", "BTC-USD-SWAP short"}),
        (USDT_MARGINED, {"BTC-USDT-SWAP long", "BTC-USDT-SWAP short"}),
    ],
)
async def test_both_sides_of_one_product_are_closed_and_nothing_else(
    stage: Stage, args: dict[str, str], closed: set[str]
) -> None:
    before = await stage.scene.positions("crypto1")

    answer = await stage.client.call("BatchClose", args)

    assert documented(answer.data) == SUCCESS
    assert answer.data["success"] is True
    after = await stage.scene.positions("crypto1")
    assert before.keys() - after.keys() == closed
    assert after.items() <= before.items()
    assert len(await stage.scene.positions(*DEMO_ACCOUNTS)) == 17 - len(closed)


async def test_nothing_open_is_an_empty_error_list(stage: Stage) -> None:
    await stage.client.call("BatchClose", USDT_MARGINED)

    answer = await stage.client.call("BatchClose", USDT_MARGINED)

    assert documented(answer.data) == SUCCESS


async def test_the_documented_partial_failure(stage: Stage) -> None:
    """The long side lacks the position (51020), the short side's order does not exist (51008)."""
    instrument = InstrumentId("BTC-USDT-SWAP")
    for reason, times in (
        (RejectReason.REDUCE_ONLY, 1),  # both sides' orders leave together, the long one first
        (RejectReason.UNKNOWN_ORDER, 1),
        (RejectReason.REDUCE_ONLY, None),  # whenever the long side tries again
    ):
        await stage.scene.do(RefuseOrders(instrument=instrument, reason=reason, count=times))

    answer = await stage.client.call("BatchClose", USDT_MARGINED)

    assert (answer.data["code"], answer.data["msg"]) == ("0", "")
    long, short = answer.data["data"]["errorList"]
    assert (long["posiDirection"], long["errorCode"], long["errorMsg"]) == (
        "long", 51020, "Insufficient position",
    )  # fmt: skip
    assert (short["posiDirection"], short["errorCode"], short["errorMsg"]) == (
        "short", 51008, "Order does not exist",
    )  # fmt: skip
    for item in (long, short):
        assert {key: type(value) for key, value in item.items()} == ITEM_TYPES
        assert item["accountId"] == "crypto1"
        assert item["instId"] == "BTC-USDT-SWAP"
    assert long["tradeUnitId"] != short["tradeUnitId"]
    assert answer.data["success"] is False
    assert (await stage.scene.positions("crypto1"))["BTC-USDT-SWAP long"] == 120


async def test_one_bad_position_does_not_stop_the_others(stage: Stage) -> None:
    await stage.scene.do(
        RefuseOrders(instrument=InstrumentId("BTC-USDT-SWAP"), reason=RejectReason.OTHER, count=1)
    )

    answer = await stage.client.call("BatchClose", USDT_MARGINED)

    [failed] = answer.data["data"]["errorList"]
    left = await stage.scene.positions("crypto1")
    assert failed["posiDirection"] == "long"
    assert left["BTC-USDT-SWAP long"] == 120
    assert "BTC-USDT-SWAP short" not in left, "the other side is closed all the same"


async def test_the_same_product_in_several_accounts(stage: Stage) -> None:
    await stage.scene.open_account("crypto2", hedge=True)
    await stage.scene.hold("crypto2", "BTC-USDT", "1.5", "48000")
    stage.server.kill()
    stage.server.start()  # it reads who lives at the venue

    async with connected(stage.server.url, stage.server.token) as client:
        answer = await client.call("BatchClose", SPOT)

    assert documented(answer.data) == SUCCESS
    assert "BTC-USDT" not in await stage.scene.positions("crypto1")
    assert await stage.scene.positions("crypto2") == {}


async def test_an_unknown_outcome_is_in_the_list_until_it_is_known(stage: Stage) -> None:
    """An empty list says that all is closed. What nobody could find out stands in it."""
    await stage.scene.do(LoseEvents())
    await stage.scene.do(
        LoseAnswers(
            account=AccountId("crypto1"),
            messages=frozenset({Message.SUBMIT, Message.QUERY, Message.TRADES}),
        )
    )

    answer = await stage.client.call("BatchClose", {**SPOT, "deadlineMs": 800})

    [item] = answer.data["data"]["errorList"]
    assert item["errorMsg"] == "Outcome unknown"
    assert item["errorCode"] == 90004
    assert answer.data["statusCode"] == 504
    orders = await stage.scene.orders("crypto1")
    assert len(orders) == 1, "an unknown order is asked about, never sent again blindly"


@pytest.mark.parametrize(
    "args",
    [
        {"productGroup": "Swap", "instId": "BTC-USDT"},
        {"productGroup": "Options", "instId": "BTC-USDT"},
        {"productGroup": "Spot"},
        {"instId": "BTC-USDT"},
        {},
        {"productGroup": "Spot", "instId": ""},
        {"productGroup": None, "instId": "BTC-USDT"},
        {"productGroup": "Spot", "instId": "DOGE-USDT"},
        {"productGroup": "Spot", "instId": "MES 12-25"},
    ],
)
async def test_a_refused_request_has_no_error_list_at_all(
    demo: Stage, args: dict[str, Any]
) -> None:
    """Whoever reads only the list must not take a refusal for an empty one."""
    answer = await demo.client.call("BatchClose", args)

    assert answer.accepted is None
    assert answer.data["code"] != "0"
    assert answer.data["msg"]
    assert "data" not in answer.data
    assert answer.data["success"] is False


async def test_the_request_limit_delays_and_never_drops_an_exit(stage: Stage) -> None:
    """Deepcoin allows one a second. Here an exit waits its turn and is answered all the same."""
    names = []
    began = monotonic()
    for number in range(6):
        names.append(f"b{number}")
        args = (SPOT, COIN_MARGINED, USDT_MARGINED)[number % 3]
        await stage.client.begin("BatchClose", args, id=names[-1])

    answers = await stage.client.answers(names)

    assert monotonic() - began >= 5
    assert all(documented(answer.data) == SUCCESS for answer in answers.values())
    orders = await stage.scene.orders("crypto1")
    assert len(orders) == 5, "and each position was closed once"
    assert all(order.status is OrderStatus.FILLED for order in orders)
    assert await stage.scene.traded("crypto1") == {
        "BTC-USDT": Decimal("-0.25"),
        "BTC-USD-SWAP long": Decimal(-5000),
        "BTC-USD-SWAP short": Decimal(2000),
        "BTC-USDT-SWAP long": Decimal(-120),
        "BTC-USDT-SWAP short": Decimal(80),
    }
