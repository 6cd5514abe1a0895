"""CrossTrade's "Flatten Everything": every request and every answer of its document."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.order import RejectReason
from rpcserver.venues.paper.faults import RefuseOrders
from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import DEMO_ACCOUNTS

pytestmark = pytest.mark.anyio

# The document's frames, as they stand there.
FLATTEN_EVERYTHING = """
{
"action": "rpc",
"id": "my-request-id",
"api": "FlattenEverything",
"args": {}
}
"""
FLATTEN = """
{
"action": "rpc",
"id": "my-request-id",
"api": "Flatten",
"args": {
"account": "Sim101",
"instrument": "MES 12-25",
"marketPosition": "short"
}
}
"""
CLOSED_ES: dict[str, Any] = {
    "type": "NinjaTrader.Cbi.Position",
    "account": "Sim101",
    "instrument": "ES 12-25",
    "instrumentType": "Future",
    "marketPosition": "Short",
    "quantity": 2,
    "averagePrice": 5780.125,
    "marketPrice": 5774.0,
    "unrealizedProfitLoss": 612.5,
}


async def test_flatten_with_filters_closes_what_meets_all_of_them(stage: Stage) -> None:
    before = await stage.scene.positions(*DEMO_ACCOUNTS)

    await stage.client.say_text(FLATTEN)
    answer = await stage.client.answer("my-request-id")

    assert answer.data["success"] is True
    assert answer.data["closedPositions"] == [
        {
            "type": "NinjaTrader.Cbi.Position",
            "account": "Sim101",
            "instrument": "MES 12-25",
            "instrumentType": "Future",
            "marketPosition": "Short",
            "quantity": 3,
            "averagePrice": 5780.25,
            "marketPrice": 5774.0,
            "unrealizedProfitLoss": 93.75,
        }
    ]
    after = await stage.scene.positions(*DEMO_ACCOUNTS)
    assert before.keys() - after.keys() == {"Sim101 MES 12-25"}
    assert after.items() <= before.items(), "nothing else was touched"
    assert len(await stage.scene.working("Sim101")) == 3, "nor any other order"


async def test_the_documented_closed_position(stage: Stage) -> None:
    answer = await stage.client.call("Flatten", {"account": "Sim101", "instrument": "ES 12-25"})

    [closed] = answer.data["closedPositions"]
    assert closed == CLOSED_ES
    assert {key: type(value) for key, value in closed.items()} == {
        key: type(value) for key, value in CLOSED_ES.items()
    }
    assert answer.data["success"] is True
    # JSON has one kind of number; the document writes 5774.0 and 2, and so do we.
    assert '"marketPrice":5774.0' in answer.final
    assert '"quantity":2,' in answer.final


async def test_the_order_ids_are_those_of_the_closing_orders(stage: Stage) -> None:
    answer = await stage.client.call("Flatten", {"account": "Sim101"})

    order_ids = answer.data["orderIds"]
    assert len(order_ids) == len(answer.data["closedPositions"]) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", order_id) for order_id in order_ids)
    found = {order.client_order_id: order for order in await stage.scene.orders("Sim101")}
    assert all(found[order_id].filled == found[order_id].quantity for order_id in order_ids)
    for order_id in order_ids:
        order = (await stage.client.call("GetOrder", {"orderId": order_id})).data
        assert order["orderId"] == order_id
        assert order["orderState"] == "Filled"


@pytest.mark.parametrize(
    ("filters", "closed"),
    [
        ({"account": "Sim102"}, {"Sim102 MES 12-25", "Sim102 CL 12-25", "Sim102 GC 12-25"}),
        ({"instrument": "MES 12-25"}, {"Sim101 MES 12-25", "Sim102 MES 12-25"}),
        ({"instrument": "MES 12-25", "marketPosition": "long"}, {"Sim102 MES 12-25"}),
        ({"account": "Sim101", "marketPosition": "long"}, {"Sim101 ES 03-26", "Sim101 NQ 12-25"}),
        ({"account": "sim101", "marketPosition": "LONG", "instrument": "nqz25"},
         {"Sim101 NQ 12-25"}),
        ({"marketPosition": "short"},
         {"Sim101 MES 12-25", "Sim101 ES 12-25", "Sim102 GC 12-25",
          "user123 NSE:NIFTY25DEC24000CE", "crypto1 BTC-USD-SWAP short",
          "crypto1 BTC-USDT-SWAP short"}),
        ({"account": "Sim102", "instrument": "NQ 12-25"}, set()),
    ],
)  # fmt: skip
async def test_every_filter_narrows(
    stage: Stage, filters: dict[str, str], closed: set[str]
) -> None:
    before = await stage.scene.positions(*DEMO_ACCOUNTS)

    answer = await stage.client.call("Flatten", filters)

    after = await stage.scene.positions(*DEMO_ACCOUNTS)
    assert before.keys() - after.keys() == closed
    assert after.items() <= before.items()
    assert answer.data["success"] is True
    assert len(answer.data["closedPositions"]) == len(closed)


async def test_flatten_everything_closes_all_positions_and_all_orders(stage: Stage) -> None:
    held = await stage.scene.positions(*DEMO_ACCOUNTS)
    orders = await stage.scene.working(*DEMO_ACCOUNTS)
    working = {order.client_order_id or order.venue_order_id for order in orders}
    assert len(held) == 17
    assert len(working) == 4

    await stage.client.say_text(FLATTEN_EVERYTHING)
    answer = await stage.client.answer("my-request-id")

    assert answer.data["success"] is True
    assert answer.data["flat"] is True
    assert await stage.scene.positions(*DEMO_ACCOUNTS) == {}
    assert await stage.scene.working(*DEMO_ACCOUNTS) == []
    assert set(answer.data["canceledOrderIds"]) == working
    closed = answer.data["closedPositions"]
    assert CLOSED_ES in closed
    assert len(closed) == 17
    assert len(answer.data["orderIds"]) == 17
    for position in closed:
        assert position.keys() == CLOSED_ES.keys()
        assert position["marketPosition"] in ("Long", "Short")
        assert position["quantity"] > 0
    traded = await stage.scene.traded(*DEMO_ACCOUNTS)
    assert traded == {name: -quantity for name, quantity in held.items()}


async def test_an_order_of_a_flat_instrument_goes_too(stage: Stage) -> None:
    """All orders, not only those of what is held: a resting entry would open exposure again."""
    await stage.scene.rest("Sim102", "NQ 12-25", "buy", 1, limit="19000.00")

    answer = await stage.client.call("FlattenEverything")

    assert answer.data["success"] is True
    assert await stage.scene.working(*DEMO_ACCOUNTS) == []


async def test_the_same_request_id_again_is_a_fresh_flatten(stage: Stage) -> None:
    """The document's examples all say "my-request-id": it correlates, and promises nothing."""
    await stage.client.say_text(FLATTEN)
    first = await stage.client.answer("my-request-id")
    await stage.scene.hold("Sim101", "MES 12-25", -5, "5780.25")

    await stage.client.say_text(FLATTEN)
    second = await stage.client.answer("my-request-id")

    assert [each["quantity"] for each in first.data["closedPositions"]] == [3]
    assert [each["quantity"] for each in second.data["closedPositions"]] == [5]
    assert first.operation_id != second.operation_id


async def test_closing_what_is_flat_succeeds_with_nothing_to_do(stage: Stage) -> None:
    await stage.client.call("FlattenEverything")
    sent = len(await stage.scene.orders(*DEMO_ACCOUNTS))

    answer = await stage.client.call("FlattenEverything")

    assert answer.data["success"] is True
    assert answer.data["flat"] is True
    assert answer.data["orderIds"] == []
    assert answer.data["closedPositions"] == []
    assert len(await stage.scene.orders(*DEMO_ACCOUNTS)) == sent


@pytest.mark.parametrize(
    ("api", "args", "error"),
    [
        ("Flatten", {}, "filter_required"),  # lost filters must not become "everything"
        ("FlattenEverything", {"account": "Sim101"}, "unexpected_filter"),
        ("Flatten", {"marketPosition": "sideways"}, "invalid_argument"),
        ("Flatten", {"account": "Sim999"}, "unknown_account"),
        ("Flatten", {"instrument": "XX 12-25"}, "unknown_instrument"),
        ("Flatten", {"account": 7}, "invalid_argument"),
        ("Flatten", {"acount": "Sim101"}, "unknown_argument"),
    ],
)
async def test_an_invalid_request_says_its_error_and_closes_nothing(
    demo: Stage, api: str, args: dict[str, object], error: str
) -> None:
    answer = await demo.client.call(api, args)

    assert answer.accepted is None
    assert answer.data["error"] == error
    assert answer.data["success"] is False
    assert answer.data["statusCode"] in (400, 404)
    assert await demo.client.is_alive()


async def test_what_could_not_be_closed_is_not_among_the_closed(stage: Stage) -> None:
    await stage.scene.do(
        RefuseOrders(instrument=InstrumentId("MES 12-25"), reason=RejectReason.OTHER)
    )

    answer = await stage.client.call("Flatten", {"account": "Sim101"})

    assert answer.data["success"] is False
    assert answer.data["flat"] is False
    assert "MES 12-25" not in {each["instrument"] for each in answer.data["closedPositions"]}
    [left] = answer.data["remainingPositions"]
    assert (left["instrument"], left["marketPosition"], left["quantity"]) == (
        "MES 12-25", "Short", 3,
    )  # fmt: skip
    assert await stage.scene.positions("Sim101") == {"MES 12-25": Decimal(-3)}


async def test_a_final_frame_is_crosstrades_and_a_step_never_bears_the_id(stage: Stage) -> None:
    await stage.client.say_text(FLATTEN)
    answer = await stage.client.answer("my-request-id")

    assert set(json.loads(answer.final)) == {"id", "data"}
    assert answer.accepted is not None
    assert answer.accepted == {
        "type": "accepted",
        "requestId": "my-request-id",
        "operationId": answer.operation_id,
        "duplicate": False,
    }
    assert answer.steps
    for step in answer.steps:
        assert "id" not in step
        assert step["type"] == "progress"
        assert step["requestId"] == "my-request-id"
        assert step["operationId"] == answer.operation_id
    assert [step["seq"] for step in answer.steps] == list(range(1, len(answer.steps) + 1))
