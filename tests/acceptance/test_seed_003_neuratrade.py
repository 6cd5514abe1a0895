"""NeuraTrade's "Liquidate Positions": every request and every response of its document."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from rpcserver.domain.ids import InstrumentId
from rpcserver.venues.paper.faults import RefuseOrders
from tests.acceptance.clients import connected
from tests.acceptance.conftest import Stage
from tests.acceptance.scenes import DEMO_ACCOUNTS

pytestmark = pytest.mark.anyio

RECORD_TYPES = {
    "position_id": str,
    "order_id": str,
    "exchange": str,
    "symbol": str,
    "side": str,
    "size": str,
    "entry_price": str,
    "status": str,
    "opened_at": str,
    "updated_at": str,
}
NOT_FOUND = {"status": "error", "error": "open position not found"}


def check_record(record: dict[str, Any]) -> None:
    """Every field of a PositionRecord, in its documented type and format."""
    assert {key: type(record[key]) for key in RECORD_TYPES} == RECORD_TYPES
    assert re.fullmatch(r"pos-\d{14}-\d+", record["position_id"])
    assert record["order_id"]
    assert record["side"] in ("BUY", "SELL")
    assert re.fullmatch(r"\d+(\.\d+)?", record["size"])
    assert re.fullmatch(r"\d+(\.\d+)?", record["entry_price"])
    for key in ("opened_at", "updated_at"):
        assert record[key].endswith("Z")
        datetime.fromisoformat(record[key])
    assert record["opened_at"] <= record["updated_at"]


async def test_liquidate_by_position_id(stage: Stage) -> None:
    position_id = await stage.scene.position_id("crypto1", "BTC/USDT")
    before = await stage.scene.positions("crypto1")

    answer = await stage.client.call("Liquidate", {"position_id": position_id})

    assert answer.data["status"] == "success"
    assert answer.data["statusCode"] == 200
    record = answer.data["data"]
    check_record(record)
    assert record["position_id"] == position_id
    assert record["exchange"] == "paper"
    assert {
        "symbol": "BTC/USDT",
        "side": "BUY",
        "size": "0.01",
        "entry_price": "50000.00",
        "status": "LIQUIDATED",
    }.items() <= record.items()
    after = await stage.scene.positions("crypto1")
    assert before.keys() - after.keys() == {"BTC/USDT"}


async def test_liquidate_by_symbol(stage: Stage) -> None:
    answer = await stage.client.call("Liquidate", {"symbol": "BTC/USDT"})

    assert answer.data["status"] == "success"
    check_record(answer.data["data"])
    assert answer.data["data"]["symbol"] == "BTC/USDT"
    assert "BTC/USDT" not in await stage.scene.positions("crypto1")


async def test_the_position_id_takes_precedence(stage: Stage) -> None:
    position_id = await stage.scene.position_id("crypto1", "ETH/USDT")

    answer = await stage.client.call(
        "Liquidate", {"position_id": position_id, "symbol": "BTC/USDT"}
    )

    record = answer.data["data"]
    assert (record["symbol"], record["size"], record["entry_price"]) == (
        "ETH/USDT", "0.5", "3000.00",
    )  # fmt: skip
    held = await stage.scene.positions("crypto1")
    assert "ETH/USDT" not in held
    assert "BTC/USDT" in held


async def test_a_symbol_liquidates_the_first_open_position_only(stage: Stage) -> None:
    """Sim101 was first to hold MES; the answer says how many more there are."""
    answer = await stage.client.call("Liquidate", {"symbol": "MES 12-25"})

    assert answer.data["data"]["account"] == "Sim101"
    assert answer.data["data"]["side"] == "SELL"
    assert answer.data["moreMatches"] == 1
    assert (await stage.scene.positions("Sim102"))["MES 12-25"] == 4


async def test_neither_is_a_bad_request(demo: Stage) -> None:
    answer = await demo.client.call("Liquidate", {})

    assert answer.data["status"] == "error"
    assert answer.data["statusCode"] == 400
    assert answer.data["error"] == "position_id or symbol is required"


@pytest.mark.parametrize("args", [{"position_id": "pos-20260303120000-99"}, {"symbol": "GC 03-26"}])
async def test_no_open_position_is_not_found(demo: Stage, args: dict[str, str]) -> None:
    answer = await demo.client.call("Liquidate", args)

    assert NOT_FOUND.items() <= answer.data.items()
    assert answer.data["statusCode"] == 404
    assert "data" not in answer.data


async def test_a_liquidated_position_is_not_found_again(stage: Stage) -> None:
    position_id = await stage.scene.position_id("crypto1", "BTC/USDT")
    await stage.client.call("Liquidate", {"position_id": position_id})

    again = await stage.client.call("Liquidate", {"position_id": position_id})

    assert NOT_FOUND.items() <= again.data.items()
    assert len(await stage.scene.orders("crypto1")) == 1


async def test_a_position_that_cannot_be_liquidated_is_a_server_error(stage: Stage) -> None:
    await stage.scene.do(RefuseOrders(instrument=InstrumentId("BTC/USDT"), detail="halted"))

    answer = await stage.client.call("Liquidate", {"symbol": "BTC/USDT"})

    assert answer.data["status"] == "error"
    assert answer.data["error"] == "failed to liquidate position"
    assert answer.data["statusCode"] == 500
    assert answer.data["data"]["status"] == "OPEN"
    assert (await stage.scene.positions("crypto1"))["BTC/USDT"] == Decimal("0.01")


async def test_liquidate_all(stage: Stage) -> None:
    held = await stage.scene.positions(*DEMO_ACCOUNTS)

    answer = await stage.client.call("LiquidateAll")

    assert answer.data["status"] == "success"
    data = answer.data["data"]
    assert type(data["count"]) is int
    assert data["count"] == len(data["positions"]) == len(held) == 17
    for record in data["positions"]:
        check_record(record)
        assert record["status"] == "LIQUIDATED"
    assert len({record["position_id"] for record in data["positions"]}) == 17
    assert await stage.scene.positions(*DEMO_ACCOUNTS) == {}


async def test_all_is_the_same_call(stage: Stage) -> None:
    answer = await stage.client.call("Liquidate", {"all": True})

    assert answer.data["data"]["count"] == 17
    assert await stage.scene.positions(*DEMO_ACCOUNTS) == {}


async def test_no_open_positions_is_a_count_of_zero(stage: Stage) -> None:
    await stage.client.call("LiquidateAll")

    answer = await stage.client.call("LiquidateAll", id="again")

    assert answer.data["status"] == "success"
    assert answer.data["data"] == {"count": 0, "positions": []}


async def test_of_several_one_fails_and_the_others_count(stage: Stage) -> None:
    await stage.scene.do(RefuseOrders(instrument=InstrumentId("NQ 12-25")))

    answer = await stage.client.call("LiquidateAll")

    assert answer.data["status"] == "error"
    assert answer.data["data"]["count"] == 16
    [left] = answer.data["data"]["remaining"]
    assert (left["symbol"], left["status"], left["size"]) == ("NQ 12-25", "OPEN", "1")


async def test_the_position_and_its_closed_order_stay_on_record(stage: Stage) -> None:
    """Liquidation confirmation: status, order, time; and it stays for tracking and auditing."""
    answer = await stage.client.call("Liquidate", {"symbol": "ETH/USDT"})
    record = answer.data["data"]
    order = (await stage.client.call("GetOrder", {"orderId": record["order_id"]})).data
    assert order["orderState"] == "Filled"

    stage.server.kill()
    stage.server.start()

    async with connected(stage.server.url, stage.server.token) as client:
        told = (await client.call("GetOperation", {"operationId": answer.operation_id})).data
        [leg] = told["legs"]
        assert leg["positionId"] == record["position_id"]
        assert leg["outcome"] == "flat"
        assert [each["orderId"] for each in leg["orders"]] == [record["order_id"]]


@pytest.mark.parametrize(
    ("api", "args"),
    [
        ("Liquidate", {"symbol": ""}),
        ("Liquidate", {"position_id": None}),
        ("Liquidate", {"symbol": "BTC/USDT", "all": True}),
        ("Liquidate", {"all": "yes"}),
        ("LiquidateAll", {"symbol": "BTC/USDT"}),
        ("LiquidateAll", {"positions": "all"}),
    ],
)
async def test_a_wrong_request_is_an_error(demo: Stage, api: str, args: dict[str, Any]) -> None:
    answer = await demo.client.call(api, args)

    assert answer.accepted is None
    assert answer.data["status"] == "error"
    assert answer.data["error"]
    assert answer.data["statusCode"] == 400
