"""Upstox's "Exit All Positions": every payload and every response of its document."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.domain.market import MarketPhase
from rpcserver.domain.order import OrderStatus, RejectReason
from rpcserver.venues.paper.faults import RefuseOrders
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Stage, new_token
from tests.acceptance.scenes import DEMO_ACCOUNTS

pytestmark = pytest.mark.anyio

# The document's payloads and responses, as they stand there.
ALL_OF_THE_USER: dict[str, Any] = {"user_id": "user123", "execution_type": "MARKET"}
BY_STRATEGY_TAG: dict[str, Any] = {"strategy_tag": "intraday_nifty", "execution_type": "MARKET"}
SELECTED_AT_LIMITS: dict[str, Any] = {
    "user_id": "user123",
    "instruments": ["NSE:INFY", "NSE:TCS"],
    "execution_type": "LIMIT",
    "limit_prices": {"NSE:INFY": 1550, "NSE:TCS": 3300},
}
SUCCESS = json.loads("""
{
  "status": "success",
  "data": [
    {"instrument": "NSE:INFY", "exit_quantity": 100, "exit_price": 1550, "status": "CLOSED"},
    {"instrument": "NSE:TCS", "exit_quantity": 50, "exit_price": 3300, "status": "CLOSED"}
  ]
}
""")
PARTIAL_SUCCESS = json.loads("""
{
  "status": "partial_success",
  "data": [
    {"instrument": "NSE:INFY", "exit_quantity": 100, "exit_price": 1550, "status": "CLOSED"},
    {"instrument": "NSE:TCS", "exit_quantity": 50, "status": "FAILED", "error": "Market closed"}
  ]
}
""")
ERROR = json.loads("""
{
  "status": "error",
  "error_code": "NO_OPEN_POSITIONS",
  "message": "No open positions found for user."
}
""")
OPTION = "NSE:NIFTY25DEC24000CE"
DOCUMENTED = ("instrument", "exit_quantity", "exit_price", "status", "error")


def documented(data: dict[str, Any]) -> dict[str, Any]:
    """So much of an answer as the document knows of, the rest of ours left out."""
    rows = [{key: row[key] for key in DOCUMENTED if key in row} for row in data.get("data", [])]
    keys = {"status": data["status"]}
    return keys | ({"data": rows} if "data" in data else {})


async def test_exit_all_positions_for_a_user(stage: Stage) -> None:
    answer = await stage.client.call("ExitAll", ALL_OF_THE_USER)

    assert documented(answer.data) == {
        "status": "success",
        "data": [
            *SUCCESS["data"],
            # Sold short, so bought back at the offer, a tick above.
            {"instrument": OPTION, "exit_quantity": 130, "exit_price": 185.05, "status": "CLOSED"},
        ],
    }
    assert answer.data["statusCode"] == 200
    assert await stage.scene.positions("user123") == {}
    assert len(await stage.scene.positions(*DEMO_ACCOUNTS)) == 14, "other users' are untouched"


async def test_exit_positions_by_strategy_tag(stage: Stage) -> None:
    answer = await stage.client.call("ExitAll", BY_STRATEGY_TAG)

    assert documented(answer.data) == SUCCESS
    assert await stage.scene.positions("user123") == {OPTION: Decimal(-130)}


async def test_exit_selected_instruments_at_limits(stage: Stage) -> None:
    answer = await stage.client.call("ExitAll", SELECTED_AT_LIMITS)

    assert documented(answer.data) == SUCCESS
    assert await stage.scene.positions("user123") == {OPTION: Decimal(-130)}
    sent = await stage.scene.orders("user123")
    assert {(order.instrument, order.limit_price) for order in sent} == {
        ("NSE:INFY", Decimal(1550)),
        ("NSE:TCS", Decimal(3300)),
    }


async def test_the_types_are_those_of_the_example(stage: Stage) -> None:
    answer = await stage.client.call("ExitAll", SELECTED_AT_LIMITS)

    for row in answer.data["data"]:
        assert type(row["instrument"]) is str
        assert type(row["exit_quantity"]) is int
        assert type(row["exit_price"]) in (int, float)
        assert type(row["status"]) is str


async def test_partial_success_where_one_market_is_closed(stage: Stage) -> None:
    await stage.scene.set_phase("NSE:TCS", MarketPhase.CLOSED)

    answer = await stage.client.call("ExitAll", BY_STRATEGY_TAG)

    assert documented(answer.data) == PARTIAL_SUCCESS
    assert answer.data["statusCode"] == 207
    assert answer.data["success"] is False
    assert await stage.scene.positions("user123") == {
        "NSE:TCS": Decimal(50),
        OPTION: Decimal(-130),
    }
    assert {order.instrument for order in await stage.scene.orders("user123")} == {"NSE:INFY"}, (
        "market hours are checked before anything is sent"
    )


async def test_a_retry_exits_only_what_failed(stage: Stage) -> None:
    await stage.scene.set_phase("NSE:TCS", MarketPhase.CLOSED)
    await stage.client.call("ExitAll", BY_STRATEGY_TAG)
    await stage.scene.set_phase("NSE:TCS", MarketPhase.OPEN)

    answer = await stage.client.call("ExitAll", BY_STRATEGY_TAG)

    assert documented(answer.data) == {"status": "success", "data": [SUCCESS["data"][1]]}


async def test_the_error_where_the_user_has_no_open_positions(stage: Stage) -> None:
    await stage.client.call("ExitAll", ALL_OF_THE_USER)
    sent = len(await stage.scene.orders("user123"))

    answer = await stage.client.call("ExitAll", ALL_OF_THE_USER)

    assert ERROR.items() <= answer.data.items()
    assert answer.data["statusCode"] == 400
    assert "data" not in answer.data
    assert len(await stage.scene.orders("user123")) == sent


@pytest.mark.parametrize("payload", [ALL_OF_THE_USER, BY_STRATEGY_TAG, SELECTED_AT_LIMITS])
async def test_every_market_closed_is_an_error_and_nothing_is_sent(
    stage: Stage, payload: dict[str, Any]
) -> None:
    for instrument in ("NSE:INFY", "NSE:TCS", OPTION):
        await stage.scene.set_phase(instrument, MarketPhase.CLOSED)

    answer = await stage.client.call("ExitAll", payload)

    assert answer.data["status"] == "error"
    assert {row["status"] for row in answer.data["data"]} == {"FAILED"}
    assert {row["error"] for row in answer.data["data"]} == {"Market closed"}
    assert await stage.scene.orders("user123") == []


# --- partial exits -------------------------------------------------------------------------------


async def test_a_partial_quantity_for_one_instrument(stage: Stage) -> None:
    args = {
        "user_id": "user123",
        "instruments": ["NSE:INFY", "NSE:TCS"],
        "quantities": {"NSE:INFY": 40},
    }

    answer = await stage.client.call("ExitAll", args)

    assert documented(answer.data) == {
        "status": "success",
        "data": [
            {"instrument": "NSE:INFY", "exit_quantity": 40, "exit_price": 1550,
             "status": "REDUCED"},
            {"instrument": "NSE:TCS", "exit_quantity": 50, "exit_price": 3300,
             "status": "CLOSED"},
        ],
    }  # fmt: skip
    assert answer.data["success"] is True
    assert answer.data["flat"] is False
    assert await stage.scene.positions("user123") == {
        "NSE:INFY": Decimal(60),
        OPTION: Decimal(-130),
    }


async def test_a_fraction_is_rounded_down_to_the_lot(stage: Stage) -> None:
    answer = await stage.client.call("ExitAll", {"user_id": "user123", "fraction": 0.75})

    assert answer.data["status"] == "success"
    assert await stage.scene.positions("user123") == {
        "NSE:INFY": Decimal(25),
        "NSE:TCS": Decimal(13),  # 37.5 rounds down to 37 exited
        OPTION: Decimal(-65),  # 97.5 is one lot of 65 and a part
    }


async def test_a_tag_exits_no_more_than_the_strategy_holds(stage: Stage) -> None:
    """The position is netted: what another strategy put in is not this one's to sell."""
    await stage.scene.hold("user123", "NSE:INFY", 30, "1540", product="INTRADAY", tag="other")

    answer = await stage.client.call("ExitAll", BY_STRATEGY_TAG)

    rows = {row["instrument"]: row for row in answer.data["data"]}
    assert rows["NSE:INFY"]["exit_quantity"] == 100
    assert rows["NSE:INFY"]["status"] == "REDUCED"
    assert (await stage.scene.positions("user123"))["NSE:INFY"] == 30


# --- with Place Multi Order and Cancel Multi Order -----------------------------------------------


async def test_it_works_with_place_multi_order_and_cancel_multi_order(stage: Stage) -> None:
    def order(name: str, side: str, instrument: str, **more: object) -> dict[str, object]:
        return {
            "correlation_id": name,
            "instrument_token": instrument,
            "transaction_type": side,
            "order_type": "MARKET",
            "quantity": 10,
            "product": "INTRADAY",
            "tag": "scalper",
            "account": "user123",
            **more,
        }

    placed = (
        await stage.client.call(
            "PlaceMultiOrder",
            {
                "orders": [
                    order("1", "SELL", "NSE:TCS", order_type="LIMIT", price=3400),
                    order("2", "BUY", "NSE:INFY"),
                    order("3", "BUY", "NSE:INFY", order_type="LIMIT", price=1500),
                ]
            },
        )
    ).data
    assert placed["status"] == "success"
    assert {row["correlation_id"] for row in placed["data"]} == {"1", "2", "3"}
    assert placed["summary"]["success"] == 3
    assert len(await stage.scene.working("user123")) == 2

    canceled = (
        await stage.client.call("CancelMultiOrder", {"tag": "scalper", "instruments": ["NSE:TCS"]})
    ).data
    assert canceled["status"] == "success"
    assert len(canceled["data"]["order_ids"]) == 1
    [left] = await stage.scene.working("user123")
    assert left.instrument == "NSE:INFY"

    exited = (
        await stage.client.call("ExitAll", {"user_id": "user123", "instruments": ["NSE:INFY"]})
    ).data
    assert [(row["exit_quantity"], row["status"]) for row in exited["data"]] == [(110, "CLOSED")]
    assert await stage.scene.working("user123") == [], "the resting buy would have opened it again"
    assert (await stage.scene.positions("user123")).keys() == {"NSE:TCS", OPTION}


# --- what the document asks for around it --------------------------------------------------------


async def test_what_went_unfilled_is_retried_by_itself(stage: Stage) -> None:
    """Admin setting "Retry Mechanism": refusals that time may heal are not the end."""
    await stage.scene.do(
        RefuseOrders(
            instrument=InstrumentId("NSE:TCS"), reason=RejectReason.INSUFFICIENT_MARGIN, count=2
        )
    )

    answer = await stage.client.call("ExitAll", BY_STRATEGY_TAG)

    assert documented(answer.data) == SUCCESS
    refused = [step for step in answer.steps if step["event"] == "rejected"]
    assert [step["instrument"] for step in refused] == ["NSE:TCS", "NSE:TCS"]


async def test_a_venues_refusal_is_failed_in_the_venues_words(stage: Stage) -> None:
    await stage.scene.do(
        RefuseOrders(instrument=InstrumentId("NSE:TCS"), detail="blocked by the risk desk")
    )

    answer = await stage.client.call("ExitAll", BY_STRATEGY_TAG)

    assert documented(answer.data) == {
        "status": "partial_success",
        "data": [
            SUCCESS["data"][0],
            {"instrument": "NSE:TCS", "exit_quantity": 50, "status": "FAILED",
             "error": "blocked by the risk desk"},
        ],
    }  # fmt: skip


async def test_an_order_above_the_freeze_quantity_leaves_in_slices(stage: Stage) -> None:
    """Best practice "exit positions in chunks": the option's largest order is 1,755."""
    await stage.scene.hold("user123", OPTION, -3900, "190", product="DELIVERY")

    answer = await stage.client.call("ExitAll", {"user_id": "user123", "instruments": [OPTION]})

    assert answer.data["status"] == "success"
    orders = await stage.scene.orders("user123")
    assert sum(order.filled for order in orders) == 4030
    assert all(order.quantity <= 1755 for order in orders)
    assert OPTION not in await stage.scene.positions("user123")


async def test_a_limit_that_does_not_trade_is_neither_closed_nor_failed(stage: Stage) -> None:
    """`FAILED` is what people are told to retry; while an order may still trade it would be a lie.

    At the deadline the order is canceled, and proven gone.
    """
    args = {
        "user_id": "user123",
        "instruments": ["NSE:INFY"],
        "execution_type": "LIMIT",
        "limit_prices": {"NSE:INFY": 1600},
        "deadlineMs": 700,
    }

    answer = await stage.client.call("ExitAll", args)

    assert answer.data["status"] != "success"
    [row] = answer.data["data"]
    assert row["status"] == "PARTIAL"
    assert row["exit_quantity"] == 0
    assert row["remaining_quantity"] == 100
    assert "exit_price" not in row
    [order] = await stage.scene.orders("user123")
    assert order.status is OrderStatus.CANCELED


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"execution_type": "MARKET"}, "FILTER_REQUIRED"),
        ({"user_id": "nobody"}, "UNKNOWN_USER"),
        ({"user_id": "user123", "execution_type": "LIMIT"}, "MISSING_ARGUMENT"),
        ({**SELECTED_AT_LIMITS, "limit_prices": {"NSE:INFY": 1550}}, "MISSING_ARGUMENT"),
        ({**SELECTED_AT_LIMITS, "limit_prices": {"NSE:INFY": 1550, "NSE:TCS": -1}},
         "INVALID_ARGUMENT"),
        ({"user_id": "user123", "execution_type": "STOP"}, "INVALID_ARGUMENT"),
        ({"user_id": "user123", "instruments": []}, "EMPTY_FILTER"),
        ({"user_id": "user123", "strategy_tag": ""}, "EMPTY_FILTER"),
        ({"user_id": "user123", "quantities": {"NSE:INFY": 10}}, "MISSING_ARGUMENT"),
        ({"user_id": "user123", "instruments": ["NSE:INFY"], "quantities": {"NSE:TCS": 10}},
         "INVALID_ARGUMENT"),
    ],
)  # fmt: skip
async def test_a_wrong_payload_is_refused_in_upstox_words(
    demo: Stage, args: dict[str, Any], code: str
) -> None:
    answer = await demo.client.call("ExitAll", args)

    assert answer.accepted is None
    assert answer.data["status"] == "error"
    assert answer.data["error_code"] == code
    assert answer.data["message"]


async def test_roles_are_checked_before_an_exit(demo: Stage) -> None:
    viewer = await new_token(demo.server, "viewer of all", ["viewer"], ("*",))
    stranger = await new_token(demo.server, "trader of one", ["trader"], ("Sim101",))
    async with connected(demo.server.url, viewer) as client:
        refused = (await client.call("ExitAll", ALL_OF_THE_USER)).data
    async with connected(demo.server.url, stranger) as client:
        unseen = (await client.call("ExitAll", ALL_OF_THE_USER)).data

    assert (refused["status"], refused["error_code"]) == ("error", "FORBIDDEN")
    assert (unseen["status"], unseen["error_code"]) == ("error", "UNKNOWN_USER")


async def test_before_and_after_are_in_the_audit(stage: Stage) -> None:
    """Best practice "audit": snapshots before and after, who, what, when, and at what price."""
    answer = await stage.client.call("ExitAll", {**BY_STRATEGY_TAG, "reason": "end of day"})

    events = [step["event"] for step in answer.steps]
    assert events.index("snapshot") < events.index("sending") < events.index("verified")
    told = (await stage.client.call("GetOperation", {"operationId": answer.operation_id})).data
    assert told["operation"]["principal"] == "admin"
    assert told["operation"]["reason"] == "end of day"
    assert [(leg["instrument"], leg["closed"], leg["averagePrice"]) for leg in told["legs"]] == [
        ("NSE:INFY", "100", "1550.00"),
        ("NSE:TCS", "50", "3300.00"),
    ]
    assert all(leg["provenAt"] for leg in told["legs"])
    chain = (await stage.client.call("VerifyAudit")).data
    assert chain["intact"] is True
    assert chain["auditSeq"] >= answer.data["auditSeq"]
